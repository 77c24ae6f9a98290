"""Stored feature maps by blocks of samples and by slabs of channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.progress import tracked
from bandprobe.store.zarr_store import Store, Variable, store_name

BLOCK_BYTES = 32_000_000
SLAB_BYTES = 64_000_000
# Several copies of a slab are in memory at once.
LARGEST_SLAB_BYTES = 256_000_000


def sample_blocks(store: Store, layer: str) -> Iterator[tuple[slice, MapArray]]:
    """Maps of whole chunks of samples, in float32, about `BLOCK_BYTES` at a time."""
    array = store.array(layer)
    n_samples = array.shape[0]
    one = 4 * int(np.prod(array.shape[1:]))
    chunk = array.chunks[0]
    step = max(1, BLOCK_BYTES // (one * chunk)) * chunk

    def iterate() -> Iterator[tuple[slice, MapArray]]:
        for start in range(0, n_samples, step):
            part = slice(start, min(start + step, n_samples))
            yield part, np.asarray(array[part], np.float32)

    what = f"{store_name(store.path)} {layer}"
    return tracked(iterate(), n_samples, "images", what, lambda block: len(block[1]))


def slab_channels(layer: str, *stores: Store) -> int:
    """Channels of a slab of all samples; of several stores that of the most samples.

    See `channels_within`.
    """
    return min(_slab_channels(store, layer) for store in stores)


def _slab_channels(store: Store, layer: str) -> int:
    array = store.array(layer)
    n_samples, _, height, width = array.shape
    return channels_within(4 * n_samples * height * width, int(array.chunks[1]))


def channels_within(channel_bytes: int, chunk_channels: int) -> int:
    """Channels of a slab of about `SLAB_BYTES`, whole chunks where `LARGEST_SLAB_BYTES` allow it.

    Where they do not, each chunk is read several times: memory does not grow with the number of
    samples.
    """
    chunk = channel_bytes * chunk_channels
    if chunk <= LARGEST_SLAB_BYTES:
        return max(1, SLAB_BYTES // chunk) * chunk_channels
    return max(1, LARGEST_SLAB_BYTES // channel_bytes)


def channel_slabs(
    store: Store, layer: str, n_channels: int, channels: slice = slice(None), *, told: bool = False
) -> Callable[[], Iterator[MapArray]]:
    """`n_channels` channels of all samples at a time, in float32, in their order.

    With `channels` only those. With `told` it is said how far each pass over them has come.
    """
    array = store.array(layer)
    first, last, _ = channels.indices(array.shape[1])

    def iterate() -> Iterator[MapArray]:
        for start in range(first, last, n_channels):
            yield np.asarray(array[:, start : min(start + n_channels, last)], np.float32)

    def tell() -> Iterator[MapArray]:
        what = f"{store_name(store.path)} {layer}"
        return tracked(iterate(), last - first, "channels", what, lambda slab: slab.shape[1])

    return tell if told else iterate


def read_coordinates(store: Store) -> dict[str, Variable]:
    """Coordinates of the samples of a store, to be handed on to what is made from it."""
    return {name: Variable(("sample",), store.read(name)) for name in ("sample", "label", "group")}


def sample_mean(store: Store, name: str) -> MapArray:
    """Mean over all samples of an array of maps or of prefix tokens, read by blocks."""
    total: FloatArray | float = 0.0
    for _, values in sample_blocks(store, name):
        total = total + values.sum(0, dtype=np.float64)
    return np.asarray(total / store.array(name).shape[0], np.float32)
