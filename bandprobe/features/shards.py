"""Which samples, or which channels, each of several jobs takes."""

from __future__ import annotations

from bandprobe.errors import DatasetError

# Shards begin at multiples of a power of two, so that chunks of samples never lie in two of them.
LARGEST_UNIT = 512


def shard_unit(n_samples: int, n_shards: int) -> int:
    """Samples in whose multiples shards are cut: a power of two, as large as the shards allow.

    Raises
    ------
    DatasetError
        If there are fewer samples than shards.
    """
    if n_samples < n_shards:
        raise DatasetError(
            f"a split of {n_samples} samples cannot be cut into {n_shards} shards",
            expected=f"shards: at most {n_samples}",
        )
    unit = LARGEST_UNIT
    while -(-n_samples // unit) < n_shards:
        unit //= 2
    return unit


def shard_slice(n_samples: int, n_shards: int, shard: int) -> slice:
    """Samples of one shard, the first of which is 0; shards differ by at most one unit."""
    unit = shard_unit(n_samples, n_shards)
    units = -(-n_samples // unit)
    start, stop = (units * number // n_shards * unit for number in (shard, shard + 1))
    return slice(start, min(stop, n_samples))


def slab_slice(n_channels: int, n_slabs: int, slab: int) -> slice:
    """Channels of one slab, the first of which is 0; slabs differ by at most one channel.

    Raises
    ------
    DatasetError
        If there are fewer channels than slabs.
    """
    if n_channels < n_slabs:
        raise DatasetError(
            f"a layer of {n_channels} channels cannot be cut into {n_slabs} slabs",
            expected=f"slabs: at most {n_channels}",
        )
    return slice(n_channels * slab // n_slabs, n_channels * (slab + 1) // n_slabs)
