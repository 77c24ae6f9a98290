"""Which samples a data set has: images, crops, labels, groups and splits, one row each."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.errors import DatasetError
from bandprobe.images import SUFFIXES, Box, upright_sizes


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
    group : str
        Samples of one group are not independent of each other.
    split : {"train", "eval"}
    """

    id: str
    image: str
    crop: Box | None
    label: int
    class_name: str
    group: str
    split: str


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
        If the directory is missing, holds no folder, or one of them holds no image.
    """
    if not root.is_dir():
        raise DatasetError(f"{root} is no directory", expected="one folder of images a class")
    folders = sorted(
        item for item in root.iterdir() if item.is_dir() and not item.name.startswith(".")
    )
    if not folders:
        raise DatasetError(
            f"{root} holds no class folders",
            expected="one folder of images a class",
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


def fingerprint(root: Path) -> str:
    """A digest of names, sizes and times of all image files below `root`.

    It tells the workflow that something may have changed; the manifest then looks at contents.
    """
    total = hashlib.sha256()
    for folder, folders, files in os.walk(root, followlinks=True):
        folders.sort()
        for path in (Path(folder, name) for name in sorted(files)):
            if path.suffix.lower() in SUFFIXES and path.is_file():
                status = path.stat()
                state = f"{path.relative_to(root)} {status.st_size} {status.st_mtime_ns}"
                total.update(state.encode())
    return total.hexdigest()


def samples(spec: Mapping[str, Any], root: Path) -> list[Sample]:
    """All samples of a data set, training first, by its configuration."""
    if spec["kind"] == "photos":
        rows = list(photo_crops(spec, root))
    else:
        rows = list(image_folder(spec, root))
    return sorted(rows, key=lambda row: row.split != "train")


def photo_crops(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Square crops from regions of the two halves of each photo.

    Each half is divided into regions along its longer side; a crop lies within one region.
    """
    photos = list_images(root) if root.is_dir() else []
    if len(photos) < 2:
        raise DatasetError(
            f"{root}: too few photos", expected="two or more", found=f"{len(photos)} image files"
        )
    generator = np.random.default_rng(spec["seed"])
    sizes = upright_sizes(photos)
    names = _class_names(photos)
    for label, (path, name) in enumerate(zip(photos, names, strict=True)):
        halves = _halves(*sizes[path])
        if generator.random() < 0.5:
            halves = (halves[1], halves[0])
        counts = (spec["train_crops"], spec["eval_crops"])
        for split, half, count in zip(("train", "eval"), halves, counts, strict=True):
            for number, region in enumerate(_regions(half, spec["regions"])):
                group = f"{name}/{split}-{number}"
                for crop in range(count // spec["regions"]):
                    box = _random_square(region, spec["crop_scale"], generator, path)
                    yield Sample(f"{group}/{crop}", path.name, box, label, name, group, split)


def _class_names(photos: Sequence[Path]) -> list[str]:
    """Names without suffixes, unless two photos differ by their suffix alone."""
    stems = [path.stem for path in photos]
    return stems if len(set(stems)) == len(stems) else [path.name for path in photos]


def _halves(width: int, height: int) -> tuple[Box, Box]:
    if width >= height:
        return (0, 0, width // 2, height), (width - width // 2, 0, width, height)
    return (0, 0, width, height // 2), (0, height - height // 2, width, height)


def _regions(half: Box, n_regions: int) -> list[Box]:
    left, top, right, bottom = half
    if bottom - top >= right - left:
        cuts = np.linspace(top, bottom, n_regions + 1).astype(int).tolist()
        return [(left, a, right, b) for a, b in pairwise(cuts)]
    cuts = np.linspace(left, right, n_regions + 1).astype(int).tolist()
    return [(a, top, b, bottom) for a, b in pairwise(cuts)]


def _random_square(
    region: Box, scale: Sequence[float], generator: np.random.Generator, path: Path
) -> Box:
    left, top, right, bottom = region
    largest = min(right - left, bottom - top)
    if largest < 2:
        raise DatasetError(f"{path} is too small to be divided", found=f"regions of {largest} px")
    side = max(2, round(largest * generator.uniform(scale[0], scale[1])))
    x = left + int(generator.integers(0, right - left - side + 1))
    y = top + int(generator.integers(0, bottom - top - side + 1))
    return x, y, x + side, y + side


def image_folder(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Images of class folders, split by the configuration's share or as given."""
    generator = np.random.default_rng(spec["seed"])
    limit = spec.get("per_class")
    if "splits" in spec:
        yield from _given_splits(spec["splits"], root, limit, generator)
        return
    folders = class_folders(root)
    lonely = [folder.name for folder in folders if len(list_images(folder)) < 2]
    if lonely:
        raise DatasetError(
            f"{root}: classes with a single image cannot be split",
            expected="two or more images a class",
            found=", ".join(lonely),
            hint="add an image, remove the class, or give the splits yourself",
        )
    for label, folder in enumerate(folders):
        order = [list_images(folder)[i] for i in generator.permutation(len(list_images(folder)))]
        n_eval = min(max(1, round(len(order) * spec["eval_share"])), len(order) - 1)
        for split, files in (("train", order[n_eval:]), ("eval", order[:n_eval])):
            yield from _rows(sorted(files[:limit]), root, label, folder.name, split)


def _given_splits(
    splits: Mapping[str, str], root: Path, limit: int | None, generator: np.random.Generator
) -> Iterator[Sample]:
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
            yield from _rows(sorted(files[i] for i in chosen), root, label, folder.name, split)


def _rows(
    files: Sequence[Path], root: Path, label: int, class_name: str, split: str
) -> Iterator[Sample]:
    for path in files:
        name = path.relative_to(root).as_posix()
        yield Sample(name, name, None, label, class_name, name, split)
