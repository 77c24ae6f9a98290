"""Paths of the parts that several jobs share, from their folder and their number.

Thousands of paths do not fit into a command: Linux takes 128 KiB for one argument, and the commands
of jobs are one argument of the shell.
"""

from __future__ import annotations

from pathlib import Path


def shard_paths(folder: Path, n_shards: int, split: str) -> list[Path]:
    """Stores of the shards of a split in their order, as of `Paths.SHARD`.

    Examples
    --------
    >>> [path.as_posix() for path in shard_paths(Path("shards"), 2, "eval")]
    ['shards/0000/eval.zarr', 'shards/0001/eval.zarr']
    """
    return [folder / name / f"{split}.zarr" for name in part_names(n_shards)]


def slab_paths(folder: Path, n_slabs: int) -> list[Path]:
    """Stores of the sums over the slabs of a layer in their order, as of `Paths.SUMS`."""
    return [folder / f"{name}.zarr" for name in part_names(n_slabs)]


def part_names(count: int) -> list[str]:
    """Names of parts, which are numbers from 0."""
    return [f"{number:04d}" for number in range(count)]
