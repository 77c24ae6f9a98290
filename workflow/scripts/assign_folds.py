"""Assign the groups of training samples to folds, at random and balanced by class."""

from pathlib import Path

from bandprobe.data.folds import assign_folds
from bandprobe.data.manifest import read_split, write_folds
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the fold of each training sample."""
    parser = argument_parser(__doc__)
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=int, help="number of folds")
    parser.add_argument("--seed", required=True, type=int)
    parser.add_argument("--output", required=True, type=Path, help="folds (Parquet)")
    arguments = parser.parse_args()
    split = read_split(arguments.manifest, "train")
    folds = assign_folds(split.label, split.group, arguments.folds, arguments.seed)
    write_folds(arguments.output, split, folds)


if __name__ == "__main__":
    run(main)
