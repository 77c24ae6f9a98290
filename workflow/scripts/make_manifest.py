"""List the samples of a data set, after decoding every image once."""

from pathlib import Path
from typing import Any

from bandprobe.data.list_samples import list_samples
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the manifest of one data set."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spec", required=True, type=from_json(dict[str, Any]), help="as JSON")
    parser.add_argument("--places", required=True, type=from_json(dict[str, Any]), help="likewise")
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--state", default="", help="what the user's files are known by")
    parser.add_argument("--output", required=True, type=Path, help="the manifest (Parquet)")
    parser.add_argument("--threads", type=int, default=1, help="images decoded at the same time")
    arguments = parser.parse_args()
    spec = arguments.spec | arguments.places
    list_samples(arguments.output, spec, arguments.root, arguments.state, arguments.threads)


if __name__ == "__main__":
    run(main)
