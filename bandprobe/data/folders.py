"""Samples from folders of images, one folder per class."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.data.images import ARRAY, SUFFIXES
from bandprobe.data.listing import class_images
from bandprobe.data.sample import Sample
from bandprobe.errors import DatasetError


def suffixes_of(spec: Mapping[str, Any]) -> tuple[str, ...]:
    """Endings of the image files of a data set; arrays count where channels are asked for."""
    return (*SUFFIXES, ARRAY) if "channels" in spec else SUFFIXES


def image_folder(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Images of class folders, split by the configured share, or as the folders are."""
    generator = np.random.default_rng(spec["seed"])
    limit = spec.get("per_class")
    listed = partial(
        class_images,
        on_empty_class=spec.get("on_empty_class", "fail"),
        suffixes=suffixes_of(spec),
    )
    if "splits" in spec:
        yield from given_splits(spec["splits"], root, limit, generator, listed)
        return
    (classes,) = listed([root])
    lonely = [name for name, files in classes.items() if len(files) < 2]
    if lonely:
        raise DatasetError(
            f"{root}: classes with a single image cannot be split",
            expected="two or more images per class",
            found=", ".join(lonely),
            hint="add an image, remove the class, or give the splits yourself",
        )
    for label, (name, files) in enumerate(classes.items()):
        order = [files[i] for i in generator.permutation(len(files))]
        n_eval = min(max(1, round(len(order) * spec["eval_share"])), len(order) - 1)
        for split, part in (("train", order[n_eval:]), ("eval", order[:n_eval])):
            yield from class_rows(sorted(part[:limit]), root, label, name, split)


def given_splits(
    splits: Mapping[str, str],
    root: Path,
    limit: int | None,
    generator: np.random.Generator,
    listed: Callable[[Sequence[Path]], list[dict[str, list[Path]]]] = class_images,
) -> Iterator[Sample]:
    """All images of two folders of class folders, at most `limit` per class and split."""
    found = listed([root / folder for folder in splits.values()])
    classes = dict(zip(splits, found, strict=True))
    if list(classes["train"]) != list(classes["eval"]):
        differ = sorted(classes["train"].keys() ^ classes["eval"].keys())
        raise DatasetError(
            f"{root}: the splits have different classes",
            expected="the same class folders in both",
            found=", ".join(differ[:10]),
        )
    for split in ("train", "eval"):
        for label, (name, files) in enumerate(classes[split].items()):
            chosen = generator.permutation(len(files))[:limit]
            yield from class_rows(sorted(files[i] for i in chosen), root, label, name, split)


def class_rows(
    files: Sequence[Path], root: Path, label: int, class_name: str, split: str
) -> Iterator[Sample]:
    """Whole images of one class and split, each a group of its own."""
    for path in files:
        name = path.relative_to(root).as_posix()
        yield Sample(name, name, None, label, class_name, name, split)
