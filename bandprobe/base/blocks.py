"""Sizes of the parts that large arrays are worked on in, as a share of the usual sizes.

No result depends on them: sums over parts differ by rounding only. The share holds for a process,
as its number of threads does, so that all modules and all threads of a job have the same.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

# Shares that a plan chooses from, from the usual sizes on.
SMALLER = (1.0, 0.5, 0.25, 0.125, 0.0625)
LARGER = (2.0, 4.0, 8.0, 16.0)
# Shares are handed to jobs in whole parts of the usual sizes.
PARTS = 16

_share = 1.0


def sized(usual_bytes: int) -> int:
    """Bytes of a part: its usual size times the share that is in force."""
    return max(1, int(usual_bytes * _share))


def set_block_share(share: float) -> None:
    """Let parts have a share of their usual sizes, from now on."""
    global _share
    if share <= 0:
        raise ValueError(f"a share of {share}: expected more than 0")
    _share = share


@contextmanager
def block_share(share: float) -> Iterator[None]:
    """The same within a block."""
    before = _share
    set_block_share(share)
    try:
        yield
    finally:
        set_block_share(before)
