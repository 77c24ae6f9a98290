"""What a stored result contains, array by array, and how it is stored on disk."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import pyarrow.parquet as pq
import xarray as xr

from bandprobe.errors import StoreError
from bandprobe.store.digests import digest_path, read_digest
from bandprobe.store.zarr_store import Store
from bandprobe.study.paths import Paths
from bandprobe.summary.names import AXES

# By the name of the folder in `bandprobe.study.paths.Paths`.
STAGES = {
    "features": "feature maps of the layers of one pass",
    "spectra": "spectra of a layer's evaluation maps",
    "probes": "a fitted readout of a layer",
    "band_logits": "a readout's logits on the evaluation maps, split into bands",
    "controls": "random masks that stand for the bands of a layer",
    "shapley": "Shapley values of the bands of a layer",
    "replicates": "drops of a layer's readouts fitted to other images of the study",
    "heads": "what scores the end of a network",
    "head_logits": "logits of a network with one layer changed",
    "outcomes": "outcomes of each evaluation image under one mode",
    "summary": "a summary of a data set",
}
NAMES = ("dataset", *AXES)


@dataclass(frozen=True)
class Array:
    """One array as it is stored.

    Attributes
    ----------
    name : str
    dims : tuple of str
    shape : tuple of int
    dtype : str
    chunks : tuple of int, optional
        None for a file that is not chunked.
    shards : tuple of int, optional
        Shapes of the files that contain the chunks.
    codec : str
        How its bytes are compressed, or `none`.
    bytes, stored : int
        Size in memory and on disk.
    attrs : mapping
        Such as `units` and `long_name`.
    """

    name: str
    dims: tuple[str, ...]
    shape: tuple[int, ...]
    dtype: str
    chunks: tuple[int, ...] | None
    shards: tuple[int, ...] | None
    codec: str
    bytes: int
    stored: int
    attrs: Mapping[str, Any]

    @property
    def ratio(self) -> float | None:
        """Bytes in memory over bytes on disk; None for texts, and if nothing is stored."""
        return self.bytes / self.stored if self.stored and self.bytes else None


@dataclass(frozen=True)
class Contents:
    """What is stored at a path.

    Attributes
    ----------
    path : Path
    kind : str
        The format.
    what : str
        In words.
    arrays : tuple of Array
    attrs : mapping
        Provenance.
    digest : str, optional
        SHA-256 as written beside it; not computed again here.
    """

    path: Path
    kind: str
    what: str
    arrays: tuple[Array, ...]
    attrs: Mapping[str, Any]
    digest: str | None = None


def locate(name: str) -> Path:
    """The file or store of that name: a path, or a target by its six names with slashes between.

    Raises
    ------
    StoreError
        If there is none; the message says what there is.
    """
    path = Path(name)
    parts = name.strip("/").split("/")
    if not path.exists() and len(parts) == len(NAMES):
        path = Path(Paths.TARGET.format(**dict(zip(NAMES, parts, strict=True))))
    if path.exists():
        return path
    nearest = next(parent for parent in path.parents if parent.exists())
    present = sorted(p.name for p in nearest.iterdir() if not p.name.startswith("."))
    raise StoreError(
        f"nothing is stored at {path}",
        expected="a store (.zarr), a summary (.nc), a table (.parquet), or a target (.json)",
        found=f"in {nearest}: {', '.join(present[:12])}{' ...' if len(present) > 12 else ''}"
        if present
        else f"{nearest} is empty",
        hint=f"a target can be given as {'/'.join(NAMES)}",
    )


def read_contents(path: Path) -> Contents:
    """What a store, a summary or a table of samples contains.

    Raises
    ------
    StoreError
        If it is none of them.
    """
    digest = read_digest(path) if digest_path(path).is_file() else None
    if (path / "zarr.json").is_file():
        store = Store(path)
        return Contents(path, "Zarr store", _what(path), _zarr(store), store.attrs, digest)
    if path.suffix == ".nc":
        arrays, attrs = _netcdf(path)
        return Contents(path, "NetCDF file", _what(path), arrays, attrs, digest)
    if path.suffix == ".parquet":
        text = "one row per sample" if path.stem == "manifest" else "the fold of each sample"
        return Contents(path, "Parquet table", text, _parquet(path), {}, digest)
    below = sorted(str(p) for p in path.rglob("*.zarr"))[:8] if path.is_dir() else []
    raise StoreError(
        f"cannot inspect {path}",
        expected="a store (.zarr), a summary (.nc), a table (.parquet), or a target (.json)",
        found=("a folder" if path.is_dir() else f"a file {path.suffix}"),
        hint="it contains " + ", ".join(below) if below else None,
    )


def read_record(path: Path) -> dict[str, Any]:
    """The record of a target file.

    Raises
    ------
    StoreError
        If the file is not a target.
    """
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise StoreError(f"{path} is not JSON", found=error) from error
    targets = Path(Paths.TARGET.format(**{name: name.upper() for name in NAMES})).parents[4]
    if not isinstance(record, dict) or not set(NAMES) <= set(record):
        raise StoreError(
            f"{path} is not a target",
            expected=f"a record with {', '.join(NAMES)}",
            hint=f"targets are in {targets}; a file {digest_path(Path('*'))} has only a checksum",
        )
    return record


def _what(path: Path) -> str:
    stage = next((p.name for p in path.parents if p.name in STAGES), "")
    return STAGES.get(stage, "not in a folder of a study")


def _zarr(store: Store) -> tuple[Array, ...]:
    arrays = []
    for name in store.names():
        array = store.raw(name)
        codecs = [type(codec).__name__.removesuffix("Codec") for codec in array.compressors]
        levels = [getattr(codec, "level", None) for codec in array.compressors]
        shown = [
            f"{codec.lower()} {level}" if level is not None else codec.lower()
            for codec, level in zip(codecs, levels, strict=True)
        ]
        is_text = array.dtype.kind in "UOT"
        arrays.append(
            Array(
                name,
                tuple(str(dim) for dim in array.metadata.dimension_names or ()),  # type: ignore[union-attr]
                array.shape,
                "string" if is_text else str(array.dtype),
                array.chunks,
                array.shards,
                ", ".join(shown) or "none",
                0 if is_text else array.nbytes,
                array.nbytes_stored(),
                dict(array.attrs),
            )
        )
    return tuple(arrays)


def _netcdf(path: Path) -> tuple[tuple[Array, ...], dict[str, Any]]:
    arrays = []
    with xr.open_dataset(path) as labelled, h5py.File(path) as file:
        for name in map(str, labelled.variables):
            variable, stored = labelled[name], file[name]
            is_text = variable.dtype.kind in "UOT"
            codec = f"{stored.compression} {stored.compression_opts}"
            arrays.append(
                Array(
                    name,
                    tuple(map(str, variable.dims)),
                    variable.shape,
                    "string" if is_text else str(variable.dtype),
                    stored.chunks,
                    None,
                    codec if stored.compression else "none",
                    0 if is_text else variable.nbytes,
                    stored.id.get_storage_size(),
                    dict(variable.attrs),
                )
            )
        return tuple(arrays), dict(labelled.attrs)


def _parquet(path: Path) -> tuple[Array, ...]:
    file = pq.ParquetFile(path)
    metadata, schema = file.metadata, file.schema_arrow
    arrays = []
    for number, field in enumerate(schema):
        parts = [metadata.row_group(row).column(number) for row in range(metadata.num_row_groups)]
        arrays.append(
            Array(
                field.name,
                ("row",),
                (metadata.num_rows,),
                str(field.type),
                (metadata.row_group(0).num_rows,) if parts else None,
                None,
                parts[0].compression.lower() if parts else "none",
                sum(part.total_uncompressed_size for part in parts),
                sum(part.total_compressed_size for part in parts),
                {},
            )
        )
    return tuple(arrays)
