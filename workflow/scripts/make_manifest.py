"""List the samples of a data set, after decoding every image once."""

import logging
from pathlib import Path

from bandprobe.data.datasets import samples
from bandprobe.data.manifest import skipped_images, write_manifest
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the manifest of one data set."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spec", required=True, type=json_argument, help="the data set, as JSON")
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--output", required=True, type=Path, help="the manifest (Parquet)")
    arguments = parser.parse_args()
    rows = samples(arguments.spec, arguments.root)
    policy = arguments.spec.get("on_bad_image", "fail")
    write_manifest(arguments.output, rows, arguments.root, policy)
    for image, reason in skipped_images(arguments.output).items():
        logging.warning("left out %s: %s", image, reason)


if __name__ == "__main__":
    run(main)
