"""The manifest: one row a sample, written once and read by every later stage."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from bandprobe.base.files import replacing
from bandprobe.base.progress import tracked
from bandprobe.data.images import Box, fault_text, unreadable, upright_size
from bandprobe.data.sample import SKIPPED, Sample, lost_classes
from bandprobe.errors import DatasetError
from bandprobe.store.chunks import damaged, readable
from bandprobe.store.digests import file_digest, require_digest, write_digest

SizeOf = Callable[[Path], tuple[int, int]]
LeaveOut = Callable[[Sequence[Sample], Mapping[str, str]], Mapping[int, str]]
Result = TypeVar("Result")
# Files that wait for each thread, so that none is idle while the first of them takes long.
AHEAD = 16
CROP = ("crop_left", "crop_top", "crop_right", "crop_bottom")
SIZE = ("width", "height")
INTEGERS = ("sample", "label", "group", "imagenet_index", *CROP, *SIZE)


class Look(NamedTuple):
    """What is known of an image file that was read: its SHA-256, and its upright size in pixels."""

    sha256: str
    width: int
    height: int


@dataclass(frozen=True)
class Split:
    """The samples of one split, column by column.

    Attributes
    ----------
    sample, label, group : arrays of shape (n_samples,)
        Row in the manifest; class; number of the group.
    image, crop : lists of length n_samples
    width, height : arrays of shape (n_samples,)
        Pixels of the crop, or of the upright image where nothing is cut out.
    """

    sample: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    image: list[str]
    crop: list[Box | None]
    width: NDArray[np.int64]
    height: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64]) -> Split:
        """The samples at some positions, in their order."""
        return Split(
            self.sample[rows],
            self.label[rows],
            self.group[rows],
            [self.image[row] for row in rows],
            [self.crop[row] for row in rows],
            self.width[rows],
            self.height[rows],
        )


def look_at_images(
    root: Path, files: Sequence[str], size_of: SizeOf = upright_size, threads: int = 1
) -> tuple[dict[str, Look], dict[str, str]]:
    """SHA-256 and size of each file that can be decoded, and the reason for each one that cannot.

    Parameters
    ----------
    root : Path
        Folder that the names of the files are relative to.
    files : sequence of str
    size_of : callable
        Width and height of a file's image; raises `DatasetError` for one that cannot be used.
    threads : int
        Files that are decoded at the same time.
    """

    def look(name: str) -> Look | str:
        try:
            width, height = size_of(root / name)
        except DatasetError as error:
            return fault_text(error)
        return Look(file_digest(root / name), width, height)

    images: dict[str, Look] = {}
    faults: dict[str, str] = {}
    looks = _in_order(look, files, threads)
    for name, found in zip(
        files, tracked(looks, len(files), "images", f"decoding {root}"), strict=True
    ):
        if isinstance(found, str):
            faults[name] = found
        else:
            images[name] = found
    return images, faults


def _in_order(
    look: Callable[[str], Result], names: Sequence[str], threads: int
) -> Iterator[Result]:
    """Results of a function in the order of its arguments, few of which are handed out early.

    A pool's own `map` takes all arguments at once: 1.9 KB each, before the first result.
    """
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(threads) as pool:
        for name in names:
            if len(waiting) >= AHEAD * threads:
                yield waiting.popleft().result()
            waiting.append(pool.submit(look, name))
        while waiting:
            yield waiting.popleft().result()


def write_manifest(
    path: Path,
    rows: Sequence[Sample],
    root: Path,
    on_bad_image: str = "fail",
    size_of: SizeOf = upright_size,
    leave_out: LeaveOut | None = None,
    threads: int = 1,
) -> None:
    """Write the manifest and its digest, once every image has been decoded.

    Parameters
    ----------
    path : Path
    rows : sequence of Sample
    root : Path
        Folder that image names are relative to.
    on_bad_image : {"fail", "skip"}
        Whether an image that cannot be used is an error, or becomes a row of the split `SKIPPED`.
    size_of : callable
        Width and height of a file's image; raises `DatasetError` for one that cannot be used.
    leave_out : callable, optional
        From samples and the SHA-256 of each image, the positions of samples that become rows of
        the split `SKIPPED` as well, and why.
    threads : int
        Images that are decoded at the same time.

    Raises
    ------
    DatasetError
        Naming all images that cannot be used, at once; or the classes of which none are left.
    """
    names = sorted({row.image for row in rows})
    images, faults = look_at_images(root, names, size_of, threads)
    digests = {name: look.sha256 for name, look in images.items()}
    if on_bad_image == "fail" and faults:
        raise unreadable({root / name: fault for name, fault in faults.items()})
    kept = [row for row in rows if row.image not in faults]
    _check_classes(rows, kept, root)
    left_out = leave_out(kept, digests) if leave_out else {}
    skipped = [(row, faults[row.image]) for row in rows if row.image in faults]
    skipped += [(kept[position], reason) for position, reason in left_out.items()]
    used = [row for position, row in enumerate(kept) if position not in left_out]
    # At the end, so that the others have the numbers that they have without them.
    rows = [*used, *(replace(row, split=SKIPPED) for row, _ in skipped)]
    groups = {name: number for number, name in enumerate(dict.fromkeys(r.group for r in rows))}
    columns: dict[str, list[object]] = {
        "sample": list(range(len(rows))),
        "id": [row.id for row in rows],
        "image": [row.image for row in rows],
        "image_sha256": [digests.get(row.image) for row in rows],
        "label": [row.label if row.label >= 0 else None for row in rows],
        "class_name": [row.class_name for row in rows],
        "group": [groups[row.group] for row in rows],
        "group_name": [row.group for row in rows],
        "split": [row.split for row in rows],
        "imagenet_index": [row.imagenet_index for row in rows],
        "reason": [*([None] * len(used)), *(reason for _, reason in skipped)],
    }
    for position, name in enumerate(CROP):
        columns[name] = [row.crop[position] if row.crop else None for row in rows]
    sizes = [_size(row, images.get(row.image)) for row in rows]
    for position, name in enumerate(SIZE):
        columns[name] = [size[position] for size in sizes]
    schema = {name: pa.int64() for name in INTEGERS}
    table = pa.table(
        {name: pa.array(values, schema.get(name, pa.string())) for name, values in columns.items()}
    )
    write_table(path, table)


def _size(row: Sample, image: Look | None) -> tuple[int | None, int | None]:
    """Width and height of what a sample shows, in pixels of the file."""
    if row.crop:
        left, top, right, bottom = row.crop
        return right - left, bottom - top
    return (image.width, image.height) if image else (None, None)


def _check_classes(rows: Sequence[Sample], kept: Sequence[Sample], root: Path) -> None:
    """Raise `DatasetError` where no image of a class is left in one of its splits."""
    lost = lost_classes(rows, kept)
    if lost:
        raise DatasetError(
            f"{root}: no readable image is left of some classes",
            expected="at least one image of each class in both splits",
            found=", ".join(f"{name} ({split})" for name, split in lost),
            hint="replace the unreadable images of these classes, or remove the classes",
        )


def skipped_images(path: Path) -> dict[str, str]:
    """Images that were left out of a data set, and why."""
    table = _read(path, columns=["image", "split", "reason"])
    return {r["image"]: r["reason"] for r in table.to_pylist() if r["split"] == SKIPPED}


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A table, if it is the one that was written.

    Raises
    ------
    StoreError
        If it does not have its digest, or cannot be read.
    """
    require_digest(path)
    try:
        with readable(path):
            return pq.read_table(path, columns=columns)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise damaged(path, "cannot be read", found=error) from error


def image_rows(path: Path) -> dict[str, str]:
    """SHA-256 of each image that is in a split, by its name."""
    table = _read(path, columns=["image", "image_sha256", "split"])
    rows = [row for row in table.to_pylist() if row["split"] != SKIPPED]
    return {row["image"]: row["image_sha256"] for row in rows}


def write_table(path: Path, table: pa.Table) -> None:
    """Write a Parquet file under its final name when it is complete, and its digest."""
    with replacing(path) as partial:
        pq.write_table(table, partial)
    write_digest(path)


def read_split(path: Path, split: str) -> Split:
    """The samples of one split."""
    table = _read(path)
    table = table.filter(pa.compute.equal(table["split"], split))
    boxes = zip(*(table[name].to_pylist() for name in CROP), strict=True)
    return Split(
        sample=table["sample"].to_numpy(),
        label=table["label"].to_numpy(),
        group=table["group"].to_numpy(),
        image=table["image"].to_pylist(),
        crop=[None if box[0] is None else box for box in boxes],
        width=table["width"].to_numpy(),
        height=table["height"].to_numpy(),
    )


def _used(path: Path, column: str) -> pa.Table:
    """Labels and one more column of the samples that are in a split."""
    table = _read(path, columns=["label", "split", column])
    return table.filter(pa.compute.not_equal(table["split"], SKIPPED))


def class_names(path: Path) -> list[str]:
    """Names of the classes in the order of their labels."""
    table = _used(path, "class_name")
    pairs = dict(zip(table["label"].to_pylist(), table["class_name"].to_pylist(), strict=True))
    return [pairs[label] for label in sorted(pairs)]


def imagenet_indices(path: Path) -> NDArray[np.int64] | None:
    """ImageNet index of each class, by label; None unless every class of the manifest has one."""
    if "imagenet_index" not in _read(path).column_names:
        return None
    table = _used(path, "imagenet_index")
    pairs = dict(zip(table["label"].to_pylist(), table["imagenet_index"].to_pylist(), strict=True))
    found = [pairs[label] for label in sorted(pairs)]
    return None if None in found else np.asarray(found, np.int64)


def read_folds(path: Path) -> NDArray[np.int64]:
    """Fold of each training sample, in the order of the manifest."""
    return np.asarray(_read(path)["fold"].to_numpy())


def write_folds(path: Path, split: Split, folds: NDArray[np.int64]) -> None:
    """Write the fold of each training sample."""
    write_table(path, pa.table({"sample": split.sample, "group": split.group, "fold": folds}))
