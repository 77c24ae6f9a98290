"""One store out of the shards that several jobs have written, without copying their chunks."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.errors import StoreError
from bandprobe.store.digests import kept_digests
from bandprobe.store.zarr_store import Store, StoreWriter, Variable


def join_stores(path: Path, parts: Sequence[Path]) -> None:
    """Join stores of consecutive samples into one store.

    Where the file system allows it, the files of the chunks are shared, not copied. They are not
    read either where their digests were kept with those of the parts.

    Parameters
    ----------
    path : Path
        Of the joined store.
    parts : sequence of Path
        Stores of the same arrays, all along `sample`, whose chunks are those of the joined store.

    Raises
    ------
    StoreError
        If the parts do not have the same arrays in the same chunks, or a chunk spans two parts.
    """
    stores = [Store(part) for part in parts]
    attrs = dict(stores[0].attrs)
    coordinates = attrs.pop("coordinates", "").split()
    digests = [kept_digests(part) for part in parts]
    with StoreWriter(path, attrs) as writer:
        others = [name for name in stores[0].names() if name not in coordinates]
        for name in [*coordinates, *others]:
            arrays = [store.array(name) for store in stores]
            if arrays[0].ndim > 1:
                _link(writer, name, parts, digests)
                continue
            values = np.concatenate([store.read(name) for store in stores])
            joined = Variable(("sample",), values, dict(arrays[0].attrs))
            writer.write(name, joined, coordinate=name in (*coordinates, "sample"))


def _link(
    writer: StoreWriter,
    name: str,
    stores: Sequence[Path],
    digests: Sequence[Mapping[str, str]],
) -> None:
    """Put the chunks of an array of the parts one after the other, with their kept digests."""
    target, parts = writer.folder / name, [store / name for store in stores]
    metadata = [json.loads((part / "zarr.json").read_text(encoding="utf-8")) for part in parts]
    chunk = _chunk_samples(metadata, parts)
    lengths = [int(array["shape"][0]) for array in metadata]
    starts = [end - length for end, length in zip(accumulate(lengths), lengths, strict=True)]
    for start, store, part, known in zip(starts, stores, parts, digests, strict=True):
        if start % chunk:
            raise StoreError(f"{part} begins within a chunk", expected=f"a multiple of {chunk}")
        for file in (part / "c").rglob("*"):
            if file.is_file():
                first, *others = file.relative_to(part / "c").parts
                new = target / "c" / str(int(first) + start // chunk) / Path(*others)
                new.parent.mkdir(parents=True, exist_ok=True)
                _share(file, new)
                digest = known.get(file.relative_to(store).as_posix())
                if digest is not None:
                    writer.note_digest(new.relative_to(writer.folder).as_posix(), digest)
    joined = metadata[0] | {"shape": [sum(lengths), *metadata[0]["shape"][1:]]}
    (target / "zarr.json").write_text(json.dumps(joined, indent=2), encoding="utf-8")


def _chunk_samples(metadata: Sequence[dict[str, Any]], parts: Sequence[Path]) -> int:
    """Samples of a chunk; the parts must agree on everything but the number of samples."""
    first = metadata[0]
    for part, other in zip(parts, metadata, strict=True):
        changed = [key for key in first if key != "shape" and first[key] != other.get(key)]
        if first["shape"][1:] != other["shape"][1:] or changed:
            names = ", ".join(changed) or "shape"
            raise StoreError(f"{part} differs from {parts[0]} in {names}")
    return int(first["chunk_grid"]["configuration"]["chunk_shape"][0])


def _share(file: Path, new: Path) -> None:
    """Link a file under a second name, or copy it if the file system has no links."""
    try:
        os.link(file, new)
    except OSError:
        shutil.copyfile(file, new)
