"""Write the images of a data set that is no folder of images, such as CIFAR, as PNG files."""

from pathlib import Path

from bandprobe.base.files import replace_folder
from bandprobe.data.images import png_bytes
from bandprobe.data.made_images import made_images
from bandprobe.store.digests import write_digest
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the images of one data set."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spec", required=True, type=json_argument, help="the data set, as JSON")
    parser.add_argument("--output", required=True, type=Path, help="the folder")
    arguments = parser.parse_args()
    files = ((name, png_bytes(pixels)) for name, pixels in made_images(arguments.spec))
    replace_folder(arguments.output, files)
    write_digest(arguments.output)


if __name__ == "__main__":
    run(main)
