"""The manifest: one row a sample, written once and read by every later stage."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bandprobe.errors import DatasetError
from bandprobe.folders import Sample
from bandprobe.images import Box, open_image
from bandprobe.progress import tracked
from bandprobe.store import file_digest, write_digest

CROP = ("crop_left", "crop_top", "crop_right", "crop_bottom")
INTEGERS = ("sample", "label", "group", "imagenet_index", *CROP)


@dataclass(frozen=True)
class Split:
    """The samples of one split, column by column.

    Attributes
    ----------
    sample, label, group : arrays of shape (n_samples,)
        Row in the manifest; class; number of the group.
    image, crop : lists of length n_samples
    """

    sample: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    image: list[str]
    crop: list[Box | None]

    def take(self, rows: NDArray[np.int64]) -> Split:
        """The samples at some positions, in their order."""
        return Split(
            self.sample[rows],
            self.label[rows],
            self.group[rows],
            [self.image[row] for row in rows],
            [self.crop[row] for row in rows],
        )


def image_digests(root: Path, files: Sequence[str]) -> dict[str, str]:
    """SHA-256 of each file, after decoding it whole.

    Raises
    ------
    DatasetError
        Naming all the files that cannot be read, at once.
    """

    def look(name: str) -> tuple[str, str | None, str]:
        try:
            open_image(root / name)
        except DatasetError as error:
            return name, None, str(error)
        return name, file_digest(root / name), ""

    with ThreadPoolExecutor() as pool:
        looks = pool.map(look, files)
        found = list(tracked(looks, len(files), "images", f"decoding {root}"))
    broken = [message for _, digest, message in found if digest is None]
    if broken:
        raise DatasetError(f"{len(broken)} unreadable image(s) in {root}\n" + "\n".join(broken))
    return {name: digest for name, digest, _ in found if digest is not None}


def write_manifest(path: Path, rows: Sequence[Sample], root: Path) -> None:
    """Write the manifest and its digest, once every image has been decoded."""
    digests = image_digests(root, sorted({row.image for row in rows}))
    groups = {name: number for number, name in enumerate(dict.fromkeys(r.group for r in rows))}
    columns: dict[str, list[object]] = {
        "sample": list(range(len(rows))),
        "id": [row.id for row in rows],
        "image": [row.image for row in rows],
        "image_sha256": [digests[row.image] for row in rows],
        "label": [row.label for row in rows],
        "class_name": [row.class_name for row in rows],
        "group": [groups[row.group] for row in rows],
        "group_name": [row.group for row in rows],
        "split": [row.split for row in rows],
        "imagenet_index": [row.imagenet_index for row in rows],
    }
    for position, name in enumerate(CROP):
        columns[name] = [row.crop[position] if row.crop else None for row in rows]
    schema = {name: pa.int64() for name in INTEGERS}
    table = pa.table(
        {name: pa.array(values, schema.get(name, pa.string())) for name, values in columns.items()}
    )
    write_table(path, table)


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file under its final name when it is complete, and its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    pq.write_table(table, partial)
    os.replace(partial, path)
    write_digest(path)


def read_split(path: Path, split: str) -> Split:
    """The samples of one split."""
    table = pq.read_table(path)
    table = table.filter(pa.compute.equal(table["split"], split))
    boxes = zip(*(table[name].to_pylist() for name in CROP), strict=True)
    return Split(
        sample=table["sample"].to_numpy(),
        label=table["label"].to_numpy(),
        group=table["group"].to_numpy(),
        image=table["image"].to_pylist(),
        crop=[None if box[0] is None else box for box in boxes],
    )


def class_names(path: Path) -> list[str]:
    """Names of the classes in the order of their labels."""
    table = pq.read_table(path, columns=["label", "class_name"])
    pairs = dict(zip(table["label"].to_pylist(), table["class_name"].to_pylist(), strict=True))
    return [pairs[label] for label in sorted(pairs)]


def imagenet_indices(path: Path) -> NDArray[np.int64] | None:
    """ImageNet index of each class, by label; None unless every class of the manifest has one."""
    if "imagenet_index" not in pq.read_schema(path).names:
        return None
    table = pq.read_table(path, columns=["label", "imagenet_index"])
    pairs = dict(zip(table["label"].to_pylist(), table["imagenet_index"].to_pylist(), strict=True))
    found = [pairs[label] for label in sorted(pairs)]
    return None if None in found else np.asarray(found, np.int64)


def read_folds(path: Path) -> NDArray[np.int64]:
    """Fold of each training sample, in the order of the manifest."""
    return np.asarray(pq.read_table(path)["fold"].to_numpy())


def write_folds(path: Path, split: Split, folds: NDArray[np.int64]) -> None:
    """Write the fold of each training sample."""
    write_table(path, pa.table({"sample": split.sample, "group": split.group, "fold": folds}))
