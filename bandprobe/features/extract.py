"""Feature maps of a pass into stores: decode ahead, run the network, write behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import MapArray
from bandprobe.base.progress import tracked
from bandprobe.data.images import Preprocess
from bandprobe.data.inputs import load_batch, shown_pixels
from bandprobe.data.manifest import Split
from bandprobe.errors import ModelError
from bandprobe.features.shards import shard_slice, shard_unit
from bandprobe.store.encoding import Storage
from bandprobe.store.zarr_store import StoreWriter, Variable, feature_chunks, store_name

# Layer name (or "<layer>.prefix") to its values for one batch.
Batch = dict[str, NDArray[Any]]
Network = Callable[[MapArray], Batch]
BATCHES_AHEAD = 2
CHUNKS_BEHIND = 4


@dataclass(frozen=True)
class Shard:
    """One part of a split, which a job of its own extracts: its number, from 0, and their count."""

    number: int = 0
    count: int = 1

    @classmethod
    def from_text(cls, text: str) -> Shard:
        """A shard as NUMBER/COUNT; `ValueError` for anything else."""
        number, count = map(int, text.split("/"))
        return cls(number, count)

    def of(self, n_samples: int) -> slice:
        """Its samples."""
        return shard_slice(n_samples, self.count, self.number)

    def chunk(self, n_samples: int) -> int:
        """Largest number of samples of a chunk such that no chunk spans two shards."""
        return n_samples if self.count == 1 else shard_unit(n_samples, self.count)


WHOLE = Shard()


@dataclass(frozen=True)
class Source:
    """Images of one split as network inputs."""

    root: Path
    split: Split
    preprocess: Preprocess

    def batches(self, size: int) -> Iterator[MapArray]:
        """Inputs in the order of the split, decoded ahead of their use."""
        starts = iter(range(0, len(self.split.sample), size))
        with ThreadPoolExecutor(1) as pool:
            queue = [pool.submit(self._load, at, size) for at in islice(starts, BATCHES_AHEAD)]
            while queue:
                batch = queue.pop(0).result()
                queue += [pool.submit(self._load, at, size) for at in islice(starts, 1)]
                yield batch

    def _load(self, start: int, size: int) -> MapArray:
        part = slice(start, start + size)
        return load_batch(self.root, self.split.image[part], self.split.crop[part], self.preprocess)


class FeatureWriter:
    """Collects batches into full chunks and writes them behind the forward pass.

    Parameters
    ----------
    writer : StoreWriter
    n_samples : int
        Of the whole split.
    storage : Storage
    shard : Shard
        The part of the split that is written.
    notes : mapping, optional
        Attributes of each layer's array, beside its units and its name.
    """

    def __init__(
        self,
        writer: StoreWriter,
        n_samples: int,
        storage: Storage,
        shard: Shard = WHOLE,
        notes: Mapping[str, Mapping[str, Any]] | None = None,
    ) -> None:
        part = shard.of(n_samples)
        self._writer = writer
        self._n_samples = part.stop - part.start
        self._split_samples, self._most = n_samples, shard.chunk(n_samples)
        self._storage, self._notes = storage, notes or {}
        self._arrays: dict[str, Any] = {}
        self._held: dict[str, list[NDArray[Any]]] = {}
        self._written: dict[str, int] = {}
        self._pool = ThreadPoolExecutor(1)
        self._pending: list[Future[None]] = []

    def __enter__(self) -> FeatureWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                for name in self._held:
                    self._flush(name)
                self._wait(0)
        finally:
            self._pool.shutdown(cancel_futures=True)

    def append(self, batch: Batch) -> None:
        """Add a batch of every layer."""
        if not self._arrays:
            dims = dimension_names({name: values.shape for name, values in batch.items()})
            for name, values in batch.items():
                self._create(name, values, dims[name])
        for name, values in batch.items():
            self._held[name].append(values)
            if sum(map(len, self._held[name])) >= self._arrays[name].chunks[0]:
                self._flush(name)

    def _create(self, name: str, values: NDArray[Any], dims: tuple[str, ...]) -> None:
        shape = (self._n_samples, *values.shape[1:])
        # Chunks of a shard are those of the whole split.
        split = (self._split_samples, *values.shape[1:])
        if len(dims) == 3:
            chunks: tuple[int, ...] = (min(512, split[0]), *split[1:])
        else:
            chunks = feature_chunks(split, self._storage.itemsize)
        chunks = (min(chunks[0], self._most), *chunks[1:])
        attrs = {"units": "1", "long_name": f"activation of {name}"}
        attrs |= self._notes.get(name, {})
        self._arrays[name] = self._writer.create(
            name, dims, shape, self._storage.dtype, attrs, chunks, self._storage.codec
        )
        self._held[name] = []
        self._written[name] = 0

    def _flush(self, name: str) -> None:
        """Hand full chunks to the writing thread, and at the end the rest."""
        rows = np.concatenate(self._held[name]) if self._held[name] else np.empty((0,))
        start, chunk = self._written[name], self._arrays[name].chunks[0]
        last = start + len(rows) == self._n_samples
        count = len(rows) if last else len(rows) // chunk * chunk
        if not count:
            return
        self._held[name] = [] if last else [rows[count:]]
        self._written[name] = start + count
        self._wait(CHUNKS_BEHIND)
        self._pending.append(self._pool.submit(self._write, name, start, rows[:count]))

    def _write(self, name: str, start: int, rows: NDArray[Any]) -> None:
        rows = self._storage.rounded(rows)
        if not all_finite(rows):
            dtype = self._storage.dtype
            raise ModelError(
                f"layer {name}: values that are not finite in {dtype}",
                expected=f"magnitudes below {np.finfo(dtype).max:.0f}",
                hint="set storage.dtype to float32; if it persists, the network itself overflows",
            )
        self._arrays[name][start : start + len(rows)] = rows

    def _wait(self, allowed: int) -> None:
        while len(self._pending) > allowed:
            self._pending.pop(0).result()


def all_finite(values: NDArray[Any]) -> bool:
    """Whether no value is infinite or not a number.

    For float16 by the bits of the exponent, which are all set if it is not: NumPy's own test takes
    nine times as long there.
    """
    if values.dtype != np.float16:
        return bool(np.isfinite(values).all())
    exponent = np.uint16(0x7C00)
    return bool((values.view(np.uint16) & exponent).max(initial=0) < exponent)


def dimension_names(shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[str, ...]]:
    """Names of the dimensions of each layer's array in one store.

    They are (sample, channel, y, x), and (sample, token, channel) for prefix tokens. A data set has
    one size for each name, so where layers of a pass differ in a size, the name of the layer
    precedes it: `blocks.4.y`.
    """
    plain = {
        name: ("sample", "token", "channel") if len(shape) == 3 else ("sample", "channel", "y", "x")
        for name, shape in shapes.items()
    }
    sizes: dict[str, set[int]] = {}
    for name, dims in plain.items():
        for dim, size in zip(dims[1:], shapes[name][1:], strict=True):
            sizes.setdefault(dim, set()).add(size)
    clash = {dim for dim, lengths in sizes.items() if len(lengths) > 1}
    return {
        name: tuple(f"{name}.{dim}" if dim in clash else dim for dim in dims)
        for name, dims in plain.items()
    }


def extract(
    network: Network,
    source: Source,
    path: Path,
    attrs: Mapping[str, Any],
    storage: Storage,
    batch_size: int,
    shard: Shard = WHOLE,
    notes: Mapping[str, Mapping[str, Any]] | None = None,
) -> None:
    """Run a network over one split, or a shard of it, and store what it returns.

    Parameters
    ----------
    network : callable
        From inputs (n_samples, n_channels, height, width) to layers, by name.
    source : Source
        Of the whole split.
    path : Path
        The store.
    attrs : mapping
        Provenance for the store.
    storage : Storage
    batch_size : int
    shard : Shard
    notes : mapping, optional
        Attributes of each layer's array, such as those of `map_check.MapCheck`.
    """
    n_samples = len(source.split.sample)
    split = source.split.take(np.arange(n_samples)[shard.of(n_samples)])
    source = replace(source, split=split)
    coordinates = split_coordinates(split) | source_coordinates(split, source.preprocess)
    # Shards are joined by their chunks, whose digests are known as they are written.
    with StoreWriter(path, attrs, keep_digests=shard.count > 1) as store:
        for name, variable in coordinates.items():
            store.write(name, variable, coordinate=True)
        with (
            FeatureWriter(store, n_samples, storage, shard, notes) as writer,
            np.errstate(over="ignore"),
        ):
            batches = source.batches(batch_size)
            for batch in tracked(batches, len(split.sample), "images", store_name(path), len):
                writer.append(network(batch))


def split_coordinates(split: Split) -> dict[str, Variable]:
    """Coordinates `sample`, `label` and `group` of a split."""
    return {
        "sample": Variable(("sample",), split.sample, {"long_name": "row in the manifest"}),
        "label": Variable(("sample",), split.label, {"long_name": "ground-truth class"}),
        "group": Variable(("sample",), split.group, {"long_name": "dependent samples"}),
    }


def source_coordinates(split: Split, preprocess: Preprocess) -> dict[str, Variable]:
    """Coordinates `source_height` and `source_width`: what the input shows of each image."""
    sizes = zip(split.width.tolist(), split.height.tolist(), strict=True)
    shown = np.array([shown_pixels(*size, preprocess) for size in sizes]).reshape(-1, 2)
    text = "of the image that the input shows, before they are resized"
    return {
        name: Variable(
            ("sample",), shown[:, axis], {"units": "pixels", "long_name": f"{what} {text}"}
        )
        for axis, (name, what) in enumerate(
            (("source_height", "rows"), ("source_width", "columns"))
        )
    }
