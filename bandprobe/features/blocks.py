"""Stored feature maps by blocks of samples and by slabs of channels."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.blocks import sized
from bandprobe.base.progress import tracked
from bandprobe.store.zarr_store import Store, Variable, store_name

BLOCK_BYTES = 32_000_000
SLAB_BYTES = 64_000_000
# Several copies of a slab are in memory at once.
LARGEST_SLAB_BYTES = 256_000_000
# Of a slab as it is stored, of which there are no copies.
LARGEST_STORED_BYTES = 4_000_000_000


def sample_blocks(store: Store, layer: str) -> Iterator[tuple[slice, MapArray]]:
    """Maps of whole chunks of samples, in float32, about `BLOCK_BYTES` at a time."""
    array = store.array(layer)
    n_samples = array.shape[0]
    sample_bytes = 4 * int(np.prod(array.shape[1:]))
    chunk = array.chunks[0]
    step = max(1, sized(BLOCK_BYTES) // (sample_bytes * chunk)) * chunk

    def iterate() -> Iterator[tuple[slice, MapArray]]:
        for start in range(0, n_samples, step):
            part = slice(start, min(start + step, n_samples))
            yield part, np.asarray(array[part], np.float32)

    what = f"{store_name(store.path)} {layer}"
    return tracked(iterate(), n_samples, "images", what, lambda block: len(block[1]))


def slab_channels(layer: str, *stores: Store) -> int:
    """Channels of a slab of all samples, as of `channels_within`.

    Several stores get the same slabs: those of the store with the most samples.
    """
    return min(_slab_channels(store, layer) for store in stores)


def _slab_channels(store: Store, layer: str) -> int:
    array = store.array(layer)
    n_samples, _, height, width = array.shape
    return channels_within(4 * n_samples * height * width, int(array.chunks[1]))


def channels_within(channel_bytes: int, chunk_channels: int) -> int:
    """Channels of a slab of about `SLAB_BYTES`: whole chunks if `LARGEST_SLAB_BYTES` allow it.

    If not, each chunk is read several times, so that memory does not grow with the number of
    samples.
    """
    chunk = channel_bytes * chunk_channels
    if chunk <= sized(LARGEST_SLAB_BYTES):
        return max(1, sized(SLAB_BYTES) // chunk) * chunk_channels
    return max(1, sized(LARGEST_SLAB_BYTES) // channel_bytes)


def channel_slabs(
    store: Store,
    layer: str,
    n_channels: int,
    channels: slice = slice(None),
    *,
    progress: bool = False,
) -> Callable[[], Iterator[MapArray]]:
    """Slabs of `n_channels` channels of all samples, in float32, in the order of the channels.

    With `channels` only these. With `progress` each pass over them reports how far it is.
    """
    array = store.array(layer)
    first, last, _ = channels.indices(array.shape[1])

    def iterate() -> Iterator[MapArray]:
        for start in range(first, last, n_channels):
            yield np.asarray(array[:, start : min(start + n_channels, last)], np.float32)

    def report() -> Iterator[MapArray]:
        what = f"{store_name(store.path)} {layer}"
        return tracked(iterate(), last - first, "channels", what, lambda slab: slab.shape[1])

    return report if progress else iterate


def paired_slabs(
    train: Store, evaluation: Store, layer: str, channels: slice = slice(None)
) -> Iterator[tuple[MapArray, MapArray]]:
    """The same channels of both splits, slab by slab, each (n_samples, n_channels, height, width).

    One pass, which reports how far it is. With `channels` only these.
    """
    step = slab_channels(layer, train, evaluation)
    slabs = [channel_slabs(store, layer, step, channels)() for store in (train, evaluation)]
    total = len(range(train.array(layer).shape[1])[channels])
    what = f"{store_name(train.path)} {layer}"
    pairs = zip(*slabs, strict=True)
    return tracked(pairs, total, "channels", what, lambda pair: pair[0].shape[1])


def stored_parts(train: Store, evaluation: Store, layer: str) -> Iterator[slice]:
    """Channels of slabs that keep their number format; each pass reports how far it is."""
    arrays = [store.array(layer) for store in (train, evaluation)]
    n_channels = arrays[0].shape[1]
    step = min(
        stored_channels(
            array.dtype.itemsize * array.shape[0] * array.shape[2] * array.shape[3], array.chunks[1]
        )
        for array in arrays
    )
    parts = (slice(start, min(start + step, n_channels)) for start in range(0, n_channels, step))
    what = f"{store_name(train.path)} {layer}"
    return tracked(parts, n_channels, "channels", what, lambda part: part.stop - part.start)


def stored_channels(channel_bytes: int, chunk_channels: int) -> int:
    """Channels of a slab of about `LARGEST_SLAB_BYTES`, as of `stored_parts`.

    Whole chunks, so that each is read once, unless one takes more than `LARGEST_STORED_BYTES`.
    """
    chunk = channel_bytes * chunk_channels
    if chunk <= sized(LARGEST_STORED_BYTES):
        return max(1, sized(LARGEST_SLAB_BYTES) // chunk) * chunk_channels
    return max(1, sized(LARGEST_STORED_BYTES) // channel_bytes)


def read_coordinates(store: Store) -> dict[str, Variable]:
    """Coordinates of the samples of a store, for stores that are made from it."""
    return {name: Variable(("sample",), store.read(name)) for name in ("sample", "label", "group")}


def sample_mean(store: Store, name: str) -> MapArray:
    """Mean over all samples of an array of maps or of prefix tokens, read by blocks."""
    total: FloatArray | float = 0.0
    for _, values in sample_blocks(store, name):
        total = total + values.sum(0, dtype=np.float64)
    return np.asarray(total / store.array(name).shape[0], np.float32)
