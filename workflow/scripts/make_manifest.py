"""List the samples of a data set, after decoding every image once."""

from pathlib import Path

from bandprobe.datasets import samples
from bandprobe.manifest import write_manifest
from bandprobe.scripting import argument_parser, json_argument, run


def main() -> None:
    """Write the manifest of one data set."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spec", required=True, type=json_argument, help="the data set, as JSON")
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--output", required=True, type=Path, help="the manifest (Parquet)")
    arguments = parser.parse_args()
    write_manifest(arguments.output, samples(arguments.spec, arguments.root), arguments.root)


if __name__ == "__main__":
    run(main)
