"""Write the images of a data set that is not a folder of images, such as CIFAR, as PNG files."""

from pathlib import Path
from typing import Any

from bandprobe.data.made_images import write_made_images
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the images of one data set."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spec", required=True, type=from_json(dict[str, Any]), help="as JSON")
    parser.add_argument("--places", required=True, type=from_json(dict[str, Any]), help="likewise")
    parser.add_argument("--output", required=True, type=Path, help="the folder")
    arguments = parser.parse_args()
    write_made_images(arguments.output, arguments.spec | arguments.places)


if __name__ == "__main__":
    run(main)
