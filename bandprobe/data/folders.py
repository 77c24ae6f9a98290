"""Samples from folders of images, one folder per class."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.data.images import SUFFIXES, Box
from bandprobe.errors import DatasetError

# The split of images that cannot be used; no reader of a split sees them.
SKIPPED = "skipped"


@dataclass(frozen=True)
class Sample:
    """One sample: an image or a crop of one.

    Attributes
    ----------
    id : str
    image : str
        Source file, relative to the root of the data set, with forward slashes.
    crop : (left, top, right, bottom) in pixels of the upright image, or None for the whole
    label, class_name : int, str
        The label is -1 where a photo that cannot be used would have been a class of its own.
    group : str
        Samples of one group are not independent of each other.
    split : {"train", "eval", "skipped"}
    imagenet_index : int, optional
        Output of a 1000-way ImageNet classifier that stands for the class, where there is one. It
        is not the label, which counts the classes of this data set alone.
    """

    id: str
    image: str
    crop: Box | None
    label: int
    class_name: str
    group: str
    split: str
    imagenet_index: int | None = None


def list_images(folder: Path) -> list[Path]:
    """Image files directly in a folder, by name."""
    return sorted(
        item
        for item in folder.iterdir()
        if item.suffix.lower() in SUFFIXES and not item.name.startswith(".")
    )


def class_folders(root: Path) -> list[Path]:
    """Class folders of a directory, by name.

    Raises
    ------
    DatasetError
        If the directory is missing, has no folders, or one of them has no images.
    """
    if not root.is_dir():
        raise DatasetError(f"{root} is not a directory", expected="one folder of images per class")
    folders = sorted(
        item for item in root.iterdir() if item.is_dir() and not item.name.startswith(".")
    )
    if not folders:
        raise DatasetError(
            f"{root} has no class folders",
            expected="one folder of images per class",
            found=f"{len(list_images(root))} images and no folder",
            hint=f"move the images of each class into {root}/CLASS/",
        )
    empty = [folder.name for folder in folders if not list_images(folder)]
    if empty:
        raise DatasetError(
            f"{root}: class folders without images",
            expected=f"files ending in {' '.join(SUFFIXES)}",
            found=", ".join(empty),
            hint="remove these folders or fill them",
        )
    return folders


def fingerprint(root: Path, suffixes: Collection[str] = SUFFIXES) -> str:
    """A digest of names, sizes and times of all files below `root` with one of the suffixes.

    It tells the workflow that something may have changed; the manifest then looks at contents.
    """
    total = hashlib.sha256()
    seen: set[str] = set()
    for folder, folders, files in os.walk(root, followlinks=True):
        # A link to a parent folder would lead to an endless loop.
        seen.add(os.path.realpath(folder))
        folders[:] = sorted(n for n in folders if os.path.realpath(Path(folder, n)) not in seen)
        for path in (Path(folder, name) for name in sorted(files)):
            if path.suffix.lower() in suffixes and path.is_file():
                status = path.stat()
                state = f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}"
                total.update(state.encode())
    return total.hexdigest()


def image_folder(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Images of class folders, split by the configured share, or as the folders are."""
    generator = np.random.default_rng(spec["seed"])
    limit = spec.get("per_class")
    if "splits" in spec:
        yield from given_splits(spec["splits"], root, limit, generator)
        return
    folders = class_folders(root)
    lonely = [folder.name for folder in folders if len(list_images(folder)) < 2]
    if lonely:
        raise DatasetError(
            f"{root}: classes with a single image cannot be split",
            expected="two or more images per class",
            found=", ".join(lonely),
            hint="add an image, remove the class, or give the splits yourself",
        )
    for label, folder in enumerate(folders):
        order = [list_images(folder)[i] for i in generator.permutation(len(list_images(folder)))]
        n_eval = min(max(1, round(len(order) * spec["eval_share"])), len(order) - 1)
        for split, files in (("train", order[n_eval:]), ("eval", order[:n_eval])):
            yield from class_rows(sorted(files[:limit]), root, label, folder.name, split)


def given_splits(
    splits: Mapping[str, str], root: Path, limit: int | None, generator: np.random.Generator
) -> Iterator[Sample]:
    """All images of two folders of class folders, at most `limit` per class and split."""
    classes = {split: class_folders(root / folder) for split, folder in splits.items()}
    names = {split: [folder.name for folder in folders] for split, folders in classes.items()}
    if names["train"] != names["eval"]:
        differ = sorted(set(names["train"]) ^ set(names["eval"]))
        raise DatasetError(
            f"{root}: the splits have different classes",
            expected="the same class folders in both",
            found=", ".join(differ[:10]),
        )
    for split in ("train", "eval"):
        for label, folder in enumerate(classes[split]):
            files = list_images(folder)
            chosen = generator.permutation(len(files))[:limit]
            yield from class_rows(sorted(files[i] for i in chosen), root, label, folder.name, split)


def class_rows(
    files: Sequence[Path], root: Path, label: int, class_name: str, split: str
) -> Iterator[Sample]:
    """Whole images of one class and split, each a group of its own."""
    for path in files:
        name = path.relative_to(root).as_posix()
        yield Sample(name, name, None, label, class_name, name, split)
