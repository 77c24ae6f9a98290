"""Join the shards of one split of one pass into one store."""

from pathlib import Path

from bandprobe.features.join import join_stores
from bandprobe.study.parts import shard_paths
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Join the shards."""
    parser = argument_parser(__doc__)
    parser.add_argument("--shards", required=True, type=Path, help="the folder of all shards")
    parser.add_argument("--count", required=True, type=int, help="how many they are")
    parser.add_argument("--split", required=True)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    shards = shard_paths(arguments.shards, arguments.count, arguments.split)
    join_stores(arguments.output, shards)


if __name__ == "__main__":
    run(main)
