"""Join the shards of one split of one pass into one store."""

from pathlib import Path

from bandprobe.features.join import join_stores
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Join the shards."""
    parser = argument_parser(__doc__)
    parser.add_argument("--shards", required=True, nargs="+", type=Path, help="in their order")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    join_stores(arguments.output, arguments.shards)


if __name__ == "__main__":
    run(main)
