"""Reading and writing Zarr stores; the only module that knows Zarr.

A store is written beside its final name and renamed when complete, so what has the final name is
whole. Beside it lies a digest of its data: readers depend on that, and equal data re-run nothing.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray
from zarr.codecs import ZstdCodec

from bandprobe.errors import StoreError

# For weights and scores. Float16 maps shrink by a tenth to a fifth only, and reading them, which
# the later stages do several times, would take four times as long.
COMPRESSOR = ZstdCodec(level=1)
CHUNK_BYTES = 8_000_000
CHUNK_SAMPLES = 64


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
        if not (self.path / "zarr.json").is_file():
            raise StoreError(
                f"{self.path} is not a complete store",
                expected="a Zarr group",
                hint="let the workflow make it: snakemake --cores all",
            )
        self._group = zarr.open_group(self.path, mode="r")
        self.attrs: dict[str, Any] = dict(self._group.attrs)

    def __contains__(self, name: str) -> bool:
        return name in self._group

    def names(self) -> list[str]:
        """Names of all arrays."""
        return sorted(name for name, _ in self._group.arrays())

    def array(self, name: str) -> zarr.Array[Any]:
        """An array, read when it is sliced."""
        found = self._group.get(name)
        if not isinstance(found, zarr.Array):
            expected = ", ".join(self.names())
            raise StoreError(f"{self.path} has no array {name!r}", expected=expected)
        return found

    def read(self, name: str) -> NDArray[Any]:
        """A whole array in memory."""
        return np.asarray(self.array(name)[...])

    def labels(self, name: str) -> tuple[str, ...]:
        """A coordinate of names, as `band`."""
        return tuple(str(value) for value in self.read(name))


class StoreWriter:
    """A store that takes its final name when the `with` block ends without an error."""

    def __init__(self, path: str | Path, attrs: Mapping[str, Any]) -> None:
        self.path = Path(path)
        self._partial = self.path.with_name(f".{self.path.name}.partial")
        self._attrs = dict(attrs)
        self._coordinates: list[str] = []

    def __enter__(self) -> StoreWriter:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self._partial, ignore_errors=True)
        self._group = zarr.create_group(self._partial, zarr_format=3)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            shutil.rmtree(self._partial, ignore_errors=True)
            return
        # xarray takes arrays named here as coordinates.
        self._group.attrs.update(self._attrs | {"coordinates": " ".join(self._coordinates)})
        with warnings.catch_warnings():
            # Consolidated metadata lets readers ignore foreign files; xarray reads it too.
            warnings.filterwarnings("ignore", message="Consolidated metadata")
            zarr.consolidate_metadata(self._partial)
        shutil.rmtree(self.path, ignore_errors=True)
        os.replace(self._partial, self.path)
        write_digest(self.path)

    @property
    def folder(self) -> Path:
        """Where the store lies until it is complete."""
        return self._partial

    def create(
        self,
        name: str,
        dims: Sequence[str],
        shape: Sequence[int],
        dtype: str,
        attrs: Mapping[str, Any] | None = None,
        chunks: Sequence[int] | None = None,
        compress: bool = True,
    ) -> zarr.Array[Any]:
        """An array to be filled by slices; chunks default to the whole."""
        return self._group.create_array(
            name,
            shape=tuple(shape),
            dtype=dtype,
            chunks=tuple(max(1, size) for size in (chunks or shape)),
            dimension_names=tuple(dims),
            compressors=[COMPRESSOR] if compress else None,
            attributes=dict(attrs or {}),
            # The emptiness test costs more than it saves on maps.
            config={"write_empty_chunks": True},
        )

    def write(self, name: str, variable: Variable, *, coordinate: bool = False) -> None:
        """A whole array."""
        values = variable.values
        dtype = "string" if values.dtype.kind in "UOT" else str(values.dtype)
        array = self.create(name, variable.dims, values.shape, dtype, variable.attrs)
        array[...] = values.astype(object) if dtype == "string" else values
        if coordinate and variable.dims != (name,):
            self._coordinates.append(name)


def write_store(
    path: str | Path,
    variables: Mapping[str, Variable],
    coordinates: Mapping[str, Variable],
    attrs: Mapping[str, Any],
) -> None:
    """Write a store of whole arrays, and its digest."""
    with StoreWriter(path, attrs) as writer:
        for name, variable in coordinates.items():
            writer.write(name, variable, coordinate=True)
        for name, variable in variables.items():
            writer.write(name, variable)


def feature_chunks(shape: Sequence[int], itemsize: int) -> tuple[int, int, int, int]:
    """Chunks of a feature array: whole maps, tens of samples, about `CHUNK_BYTES`.

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


def data_digest(path: Path) -> str:
    """SHA-256 over the data of a store or the files of a folder.

    Of a store, its chunks and each array's shape, type and dimensions; attributes, which hold
    provenance, are left out.
    """
    total = hashlib.sha256()
    for file in sorted(item for item in path.rglob("*") if item.is_file()):
        name = file.relative_to(path).as_posix()
        if name == ".snakemake_timestamp":
            continue
        total.update(name.encode())
        if file.name == "zarr.json":
            metadata = json.loads(file.read_text(encoding="utf-8"))
            kept = {key: metadata.get(key) for key in ("shape", "data_type", "dimension_names")}
            total.update(json.dumps(kept, sort_keys=True).encode())
        else:
            total.update(file_digest(file).encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def store_name(path: str | Path) -> str:
    """A store in a few words, for messages: `resnet18/pass-0/eval`."""
    return "/".join(Path(path).with_suffix("").parts[-3:])


def digest_path(path: str | Path) -> Path:
    """Where the digest of a store, file or folder lies."""
    return Path(f"{path}.digest.json")


def write_digest(path: str | Path) -> str:
    """Write the digest of what lies at `path` beside it."""
    path = Path(path)
    value = data_digest(path) if path.is_dir() else file_digest(path)
    write_json(digest_path(path), {"sha256": value})
    return value


def read_digest(path: str | Path) -> str:
    """The digest that was written for `path`."""
    return str(json.loads(digest_path(path).read_text(encoding="utf-8"))["sha256"])


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON under its final name only when it is complete."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a text under its final name only when it is complete."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)


def replace_folder(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files, by names relative to a folder that takes its name when all are there."""
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, content in files:
        (partial / name).parent.mkdir(parents=True, exist_ok=True)
        (partial / name).write_bytes(content)
    shutil.rmtree(path, ignore_errors=True)
    os.replace(partial, path)
