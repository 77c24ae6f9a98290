"""What can be wrong with one store: its bytes, metadata, coordinates and digest."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.data.manifest import Split
from bandprobe.errors import BandprobeError
from bandprobe.store.chunks import DamagedStoreError, damage, is_whole, read_metadata
from bandprobe.store.digests import (
    data_digest,
    digest_path,
    file_digest,
    is_of_another_version,
    read_digest,
)
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class Expected:
    """What a store must agree with, as far as it contains the same things.

    Attributes
    ----------
    split : Split, optional
        Samples of the manifest, in their order.
    labels : mapping of str to sequence of str
        Coordinates of names: `band`, `class`.
    bins : array of shape (n_bands,), optional
        Bins of each band on the layer's grid.
    some : bool
        Whether the store may contain only some of the samples, as that of a head does.
    head_labels : array of shape (n_manifest_labels,), optional
        Another valid number of each label: the ImageNet index, as used by a network's own head.
    """

    split: Split | None = None
    labels: Mapping[str, Sequence[str]] = field(default_factory=dict)
    bins: NDArray[np.int64] | None = None
    some: bool = False
    head_labels: NDArray[np.int64] | None = None


def file_problems(path: Path) -> Iterator[str]:
    """What is wrong with a single file or a folder of files that has a digest."""
    if not path.exists():
        yield "is missing"
        return
    digest = data_digest(path) if path.is_dir() else file_digest(path)
    yield from _digest_problems(path, digest)


def _digest_problems(path: Path, digest: str) -> Iterator[str]:
    if not digest_path(path).is_file():
        yield f"has no digest, {digest_path(path).name}"
        return
    try:
        written = read_digest(path)
    except BandprobeError as error:
        yield f"{digest_path(path).name} cannot be read: {_line(error.found)}"
        return
    if written != digest and is_of_another_version(path):
        yield "has a digest of an earlier version, which says nothing of its data"
    elif written != digest:
        yield f"does not match its digest: SHA-256 {written} was written, now {digest}"


def store_problems(path: Path, expected: Expected) -> Iterator[str]:
    """What is wrong with a store; nothing is changed, however damaged it is."""
    if not path.is_dir():
        yield "is missing"
        return
    try:
        content = read_metadata(path)
        store = Store(path)
    except BandprobeError as error:
        text = str(error).splitlines()[0].removeprefix(f"{path}: ").removeprefix(f"{path} ")
        yield text if not isinstance(error, DamagedStoreError) else "zarr.json is damaged on disk"
        return
    yield from _metadata_problems(path, content)
    damaged = [text for name in store.names() for text in _array_problems(path, name, store)]
    yield from damaged
    yield from _digest_problems(path, data_digest(path))
    if not damaged:
        yield from _size_problems(store)
        yield from _coordinate_problems(store, expected)


def _array_problems(path: Path, name: str, store: Store) -> Iterator[str]:
    array, broken = store.raw(name), False
    for text in damage(path, name, array):
        broken = True
        yield f"chunk {text}"
    if not broken and not is_whole(path, name, array):
        yield f"{name}: more chunks than the array has"


def _metadata_problems(path: Path, content: Mapping[str, Any]) -> Iterator[str]:
    """The metadata of each array compared with the copy that readers use."""
    for name, copy in content["consolidated_metadata"]["metadata"].items():
        file = path / name / "zarr.json"
        try:
            metadata = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            yield f"{name}/zarr.json cannot be read: {_line(error)}"
            continue
        if metadata != copy:
            differ = sorted(
                k for k in metadata.keys() | copy.keys() if metadata.get(k) != copy.get(k)
            )
            yield f"{name}/zarr.json differs from the copy in zarr.json: {', '.join(differ)}"


def _size_problems(store: Store) -> Iterator[str]:
    """Dimensions whose size is not the same everywhere."""
    sizes: dict[str, tuple[int, str]] = {}
    for name in store.names():
        array = store.array(name)
        if len(array.dims) != len(array.shape):
            yield f"{name} names {len(array.dims)} dimensions but has {len(array.shape)}"
            continue
        for dim, size in zip(array.dims, array.shape, strict=True):
            known, owner = sizes.setdefault(dim, (size, name))
            if known != size:
                yield f"{dim} has {size} values in {name} and {known} in {owner}"


def _coordinate_problems(store: Store, expected: Expected) -> Iterator[str]:
    for name, labels in expected.labels.items():
        if name in store and store.labels(name) != tuple(labels):
            yield f"{name} is {', '.join(store.labels(name))}, not {', '.join(labels)}"
    if expected.bins is not None and "bins" in store:
        bins = store.read("bins")
        if not np.array_equal(bins, expected.bins):
            yield f"bins are {bins.tolist()}, but the grid has {expected.bins.tolist()}"
    if expected.split is not None and "sample" in store:
        yield from _sample_problems(store, expected.split, expected)


def _sample_problems(store: Store, split: Split, expected: Expected) -> Iterator[str]:
    sample = store.read("sample")
    rows = np.searchsorted(split.sample, sample)
    known = (rows < len(split.sample)) & np.isin(sample, split.sample)
    if not known.all():
        yield f"{int((~known).sum())} samples are not in this split of the manifest"
        return
    if not expected.some and not np.array_equal(sample, split.sample):
        yield f"{len(sample)} samples, {len(split.sample)} in the manifest, or in a different order"
    truths = [split.label[rows]]
    if expected.head_labels is not None:
        truths.append(expected.head_labels[split.label[rows]])
    if not any(np.array_equal(store.read("label"), truth) for truth in truths):
        yield "labels are not those of the manifest"
    if not np.array_equal(store.read("group"), split.group[rows]):
        yield "groups are not those of the manifest"


def _line(error: object) -> str:
    return " ".join(str(error).split())[:200]
