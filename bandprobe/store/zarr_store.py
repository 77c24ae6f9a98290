"""Reading and writing Zarr stores; the only module that creates them.

A store is written beside its final name and renamed when complete, so a store under its final name
is complete. A digest of its data is written next to it: jobs depend on that, so equal data re-run
nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.abc.buffer import Buffer
from zarr.api import asynchronous
from zarr.codecs import BloscCodec, Crc32cCodec, ZstdCodec
from zarr.core.sync import sync
from zarr.storage import LocalStore, MemoryStore

from bandprobe.base.files import fresh_partial, remove, replace_tree
from bandprobe.errors import StoreError
from bandprobe.store.chunks import (
    DamagedStoreError,
    StoredArray,
    UnreadableStoreError,
    damaged,
    is_whole,
    read_metadata,
    readable,
    sign_metadata,
)
from bandprobe.store.digests import write_digest
from bandprobe.store.encoding import Codec
from bandprobe.store.withdrawal import withdraw

# Weights and scores are written with zstd. Float16 maps shrink by a tenth to a fifth only, and
# reading them, which the later stages do several times, would take four times as long: none.
# Blosc's shuffles bring the same byte, or bit, of neighbours together, which rounded maps gain by.
COMPRESSORS: dict[Codec, list[Any]] = {
    "none": [],
    "zstd": [ZstdCodec(level=1)],
    "blosc-lz4": [BloscCodec(cname="lz4", clevel=5, shuffle="bitshuffle")],
    "blosc-zstd": [BloscCodec(cname="zstd", clevel=1, shuffle="bitshuffle")],
}
# Last of all, so that it is a checksum of the bytes on disk.
CHECKSUM = Crc32cCodec()
CHUNK_BYTES = 8_000_000
CHUNK_SAMPLES = 64
# What is written at once is one chunk, which is in memory several times on its way.
LARGEST_CHUNK = 64_000_000
# Stores of fewer bytes are made in memory first.
SMALL = 32_000_000


@dataclass(frozen=True)
class Variable:
    """An array with named dimensions and attributes such as `units` and `long_name`."""

    dims: tuple[str, ...]
    values: NDArray[Any]
    attrs: Mapping[str, Any] = field(default_factory=dict)


class Store:
    """A complete store, opened for reading."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            read_metadata(self.path)
        except DamagedStoreError:
            withdraw(self.path)
            raise
        try:
            with readable(self.path):
                self._group = zarr.open_group(self.path, mode="r", zarr_format=3)
                self.attrs: dict[str, Any] = dict(self._group.attrs)
                self._names = sorted(name for name, _ in self._group.arrays())
        except (UnreadableStoreError, MemoryError):
            raise
        except Exception as error:  # Zarr has no error of its own for metadata that it cannot use
            raise damaged(self.path, "zarr.json cannot be used", found=repr(error)) from error

    def __contains__(self, name: str) -> bool:
        return name in self._names

    def names(self) -> list[str]:
        """Names of all arrays."""
        return list(self._names)

    def array(self, name: str) -> StoredArray:
        """An array, read when it is sliced."""
        return StoredArray(self.path, name, self.raw(name))

    def raw(self, name: str) -> zarr.Array[Any]:
        """An array as Zarr has it, which takes missing chunks for zeros."""
        if name not in self._names:
            raise StoreError(f"{self.path} has no array {name!r}", expected=", ".join(self._names))
        found: zarr.Array[Any] = self._group.get(name)  # type: ignore[assignment]
        return found

    def read(self, name: str) -> NDArray[Any]:
        """All of an array, in memory."""
        return self.array(name)[...]

    def labels(self, name: str) -> tuple[str, ...]:
        """A coordinate of names, as `band`."""
        return tuple(str(value) for value in self.read(name))


class HashedFolder(LocalStore):
    """A folder that Zarr writes to, with the SHA-256 of each chunk as it was written.

    What is written in another way, also into the folder itself, has no digest here: it is read
    again where one is needed.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.digests: dict[str, str] = {}

    async def set(self, key: str, value: Buffer) -> None:
        """Write a chunk or metadata."""
        self.digests.pop(key, None)
        await super().set(key, value)
        # In a thread, as the writing itself: other chunks are not kept waiting.
        self.digests[key] = await asyncio.to_thread(_sha256, value)

    async def set_if_not_exists(self, key: str, value: Buffer) -> None:
        """Write it unless it is there, and then perhaps with other bytes."""
        self.digests.pop(key, None)
        await super().set_if_not_exists(key, value)

    async def delete(self, key: str) -> None:
        """Remove it."""
        self.digests.pop(key, None)
        await super().delete(key)


def _sha256(value: Buffer) -> str:
    return hashlib.sha256(np.ascontiguousarray(value.as_numpy_array()).data).hexdigest()


class StoreWriter:
    """A store that takes its final name when the `with` block ends without an error.

    Parameters
    ----------
    path : str or Path
    attrs : mapping
        Of the store.
    keep_digests : bool
        Whether the digest of each chunk is kept with that of the store. Who lays the same chunks
        into another store then need not read them.
    """

    def __init__(
        self, path: str | Path, attrs: Mapping[str, Any], *, keep_digests: bool = False
    ) -> None:
        self.path = Path(path)
        self._keep_digests = keep_digests
        self._attrs = dict(attrs)
        self._coordinates: list[str] = []
        self._arrays: dict[str, zarr.Array[Any]] = {}

    def __enter__(self) -> StoreWriter:
        self._partial = fresh_partial(self.path)
        self._hashed = HashedFolder(self._partial)
        self._group = zarr.create_group(self._hashed, zarr_format=3)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if error is None:
                self._finish()
        finally:
            remove(self._partial)

    def _finish(self) -> None:
        """Rename the store, if every chunk was written."""
        missing = self._missing()
        if missing:
            raise _incomplete(self.path, missing)
        # xarray takes arrays named here as coordinates.
        self._group.attrs.update(self._attrs | {"coordinates": " ".join(self._coordinates)})
        with warnings.catch_warnings():
            # Consolidated metadata lets readers ignore foreign files; xarray reads it too.
            warnings.filterwarnings("ignore", message="Consolidated metadata")
            zarr.consolidate_metadata(self._partial)
        sign_metadata(self._partial)
        replace_tree(self._partial, self.path)
        write_digest(self.path, self._hashed.digests, keep_known=self._keep_digests)

    def _missing(self) -> list[str]:
        """Arrays of which chunks were not written, also those that others have laid here."""
        if not (self._partial / "zarr.json").is_file():
            return sorted(self._arrays)
        arrays = dict(self._arrays)
        laid = {item.name for item in self._partial.iterdir() if item.is_dir()} - set(arrays)
        if laid:
            group = zarr.open_group(self._partial, mode="r", use_consolidated=False)
            arrays |= {name: one for name, one in group.arrays() if name in laid}
        return [name for name, one in arrays.items() if not is_whole(self._partial, name, one)]

    @property
    def folder(self) -> Path:
        """Where the store is until it is complete."""
        return self._partial

    def note_digest(self, file: str, digest: str) -> None:
        """Say what the SHA-256 is of a file that was laid into `folder`, by its name in it."""
        self._hashed.digests[file] = digest

    def create(
        self,
        name: str,
        dims: Sequence[str],
        shape: Sequence[int],
        dtype: str,
        attrs: Mapping[str, Any] | None = None,
        chunks: Sequence[int] | None = None,
        codec: Codec = "zstd",
    ) -> zarr.Array[Any]:
        """An array to be filled by slices; by default it is one chunk."""
        options = _array_options(dims, shape, dtype, attrs, chunks, codec)
        self._arrays[name] = self._group.create_array(name, **options)
        return self._arrays[name]

    def write(self, name: str, variable: Variable, *, coordinate: bool = False) -> None:
        """Write all of an array at once: in one chunk, or by samples if it is large."""
        values, options = _whole(variable)
        self._arrays[name] = array = self._group.create_array(name, **options)
        array[...] = values
        if coordinate and _is_listed(name, variable):
            self._coordinates.append(name)


def _is_listed(name: str, coordinate: Variable) -> bool:
    """Whether a store names a coordinate in its attributes; that of an axis xarray finds itself."""
    return coordinate.dims != (name,)


def _array_options(
    dims: Sequence[str],
    shape: Sequence[int],
    dtype: str,
    attrs: Mapping[str, Any] | None,
    chunks: Sequence[int] | None,
    codec: Codec = "zstd",
) -> dict[str, Any]:
    """What Zarr is to be told of an array."""
    is_float = dtype != "string" and np.dtype(dtype).kind == "f"
    return {
        "shape": tuple(shape),
        "dtype": dtype,
        "chunks": tuple(max(1, size) for size in (chunks or shape)),
        "dimension_names": tuple(dims),
        "compressors": [*COMPRESSORS[codec], CHECKSUM],
        # What is missing on disk is not a number where others read the store, as here.
        "fill_value": float("nan") if is_float else None,
        "attributes": dict(attrs or {}),
        # The emptiness test costs more than it saves on maps.
        "config": {"write_empty_chunks": True},
    }


def _whole(variable: Variable) -> tuple[NDArray[Any], dict[str, Any]]:
    """Values as Zarr takes them, and what it is to be told of their array."""
    values = variable.values
    dtype = "string" if values.dtype.kind in "UOT" else str(values.dtype)
    chunks = _chunks_of_samples(variable)
    options = _array_options(variable.dims, values.shape, dtype, variable.attrs, chunks)
    return values.astype(object) if dtype == "string" else values, options


def _chunks_of_samples(variable: Variable) -> tuple[int, ...]:
    return sample_chunks(variable.dims, variable.values.shape, variable.values.nbytes)


def sample_chunks(dims: Sequence[str], shape: tuple[int, ...], size: int) -> tuple[int, ...]:
    """Chunks of an array of so many bytes: a single one, or some samples each if it is large."""
    if size <= LARGEST_CHUNK or "sample" not in dims:
        return shape
    axis = dims.index("sample")
    samples = max(1, CHUNK_BYTES * shape[axis] // size)
    return (*shape[:axis], samples, *shape[axis + 1 :])


def write_store(
    path: str | Path,
    variables: Mapping[str, Variable],
    coordinates: Mapping[str, Variable],
    attrs: Mapping[str, Any],
) -> None:
    """Write a store from arrays in memory, and its digest."""
    if sum(one.values.nbytes for one in (*variables.values(), *coordinates.values())) < SMALL:
        _write_small(Path(path), variables, coordinates, attrs)
        return
    with StoreWriter(path, attrs) as writer:
        for name, variable in coordinates.items():
            writer.write(name, variable, coordinate=True)
        for name, variable in variables.items():
            writer.write(name, variable)


def _write_small(
    path: Path,
    variables: Mapping[str, Variable],
    coordinates: Mapping[str, Variable],
    attrs: Mapping[str, Any],
) -> None:
    """Make the files of a store in memory, which takes half the time, and write these."""
    files: dict[str, Buffer] = {}
    named = " ".join(name for name, one in coordinates.items() if _is_listed(name, one))
    arrays = {name: _whole(one) for name, one in {**coordinates, **variables}.items()}

    async def fill() -> None:
        store = MemoryStore(files)
        group = await asynchronous.create_group(
            store=store, zarr_format=3, attributes={**attrs, "coordinates": named}
        )
        for name, (values, options) in arrays.items():
            array = await group.create_array(name, **options)
            await array.setitem(..., values)
        await asynchronous.consolidate_metadata(store)

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Consolidated metadata")
        sync(fill())
    partial = fresh_partial(path)
    try:
        for name, content in files.items():
            file = partial / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.to_bytes())
        lost = [name for name in files if not (partial / name).is_file()]
        if lost:
            raise _incomplete(path, sorted({name.split("/")[0] for name in lost}))
        sign_metadata(partial)
        replace_tree(partial, path)
        write_digest(path, {name: _sha256(content) for name, content in files.items()})
    finally:
        remove(partial)


def _incomplete(path: Path, names: Iterable[str]) -> StoreError:
    return StoreError(
        f"{path} was not written completely and is not kept",
        found=f"missing chunks of {', '.join(names)}",
        hint="is another process writing the same store? Wait for it, and run again",
    )


def feature_chunks(shape: Sequence[int], itemsize: int) -> tuple[int, int, int, int]:
    """Chunks of a feature array: complete maps, tens of samples, about `CHUNK_BYTES`.

    Channels are divided so that a slab of channels can be read for all samples at once.
    """
    n_samples, n_channels, height, width = shape
    one = height * width * itemsize
    samples = min(n_samples, CHUNK_SAMPLES)
    parts = -(-n_channels * samples * one // CHUNK_BYTES)
    channels = -(-n_channels // min(n_channels, parts))
    while channels == n_channels and samples * 2 * channels * one <= CHUNK_BYTES:
        samples *= 2
    return min(samples, n_samples), channels, height, width


def weight_chunks(
    n_classes: int, chunk: tuple[int, ...], itemsize: int = 4
) -> tuple[int, int, int, int]:
    """Chunks of weights of all classes: those of the features, or fewer channels if they are large.

    `chunk` has the channels, height and width of a chunk of the features.
    """
    channels, height, width = chunk
    most = LARGEST_CHUNK // (itemsize * n_classes * height * width)
    return n_classes, min(channels, max(1, most)), height, width


def store_name(path: str | Path) -> str:
    """A store in a few words, for messages: `resnet18/pass-0/eval`."""
    return "/".join(Path(path).with_suffix("").parts[-3:])
