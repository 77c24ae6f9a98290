"""How many samples a data set will have, even before its images are there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bandprobe.data.assets import ASSETS
from bandprobe.data.cifar import LAYOUTS
from bandprobe.data.datasets import root_of, samples
from bandprobe.data.imagenet import chosen_synsets, shares
from bandprobe.data.listing import list_images
from bandprobe.data.phantom import SPLITS, Phantom
from bandprobe.errors import DatasetError

# Validation images per class, and all training images, of which a class has 732 to 1300.
VALIDATION, TRAINING = 50, 1281167
CIFAR = {"cifar10": {"train": 5000, "eval": 1000}, "cifar100": {"train": 500, "eval": 100}}
IMAGENETTE = {"train": 9469, "eval": 3925}
COMPLETE = "the complete data set (its images are missing here)"


@dataclass(frozen=True)
class Counts:
    """How many samples a data set has.

    Attributes
    ----------
    train, eval, classes : int
    source : str
        Where the numbers come from.
    """

    train: int
    eval: int
    classes: int
    source: str

    @property
    def total(self) -> int:
        """Samples of both splits."""
        return self.train + self.eval


def count_samples(name: str, spec: Mapping[str, Any]) -> Counts:
    """Samples of a data set: known in advance, or counted in its folder.

    Raises
    ------
    DatasetError
        If the folder is missing and the configuration alone does not say.
    """
    kind = spec["kind"]
    if kind == "phantom":
        phantom = Phantom.from_config(spec)
        classes = len(phantom.class_names)
        train, evaluation = (classes * phantom.images[split] for split in SPLITS)
        return Counts(train, evaluation, classes, "the configuration")
    if kind == "photos":
        return _photos(name, spec)
    if kind in CIFAR:
        classes, limit = LAYOUTS[kind].n_classes, spec.get("per_class")
        train, evaluation = (classes * _least(CIFAR[kind][split], limit) for split in SPLITS)
        return Counts(train, evaluation, classes, "the complete data set")
    if root_of(spec).is_dir() and Path(spec["root"]).is_dir():
        rows = samples(spec, root_of(spec))
        by_split = Counter(row.split for row in rows)
        classes = len({row.label for row in rows})
        return Counts(by_split["train"], by_split["eval"], classes, f"the images in {spec['root']}")
    if kind == "imagenet-val":
        return _imagenet(spec)
    if kind == "imagenette":
        limit = spec.get("per_class")
        train, evaluation = (_least(IMAGENETTE[s], limit and 10 * limit) for s in SPLITS)
        return Counts(train, evaluation, 10, COMPLETE)
    raise DatasetError(
        f"datasets.{name}: cannot count images, because their folder is missing",
        expected=f"the folder {spec['root']}",
        hint="put the images there first, or a few per class",
    )


def _least(count: int, limit: int | None) -> int:
    return count if limit is None else min(count, limit)


def _photos(name: str, spec: Mapping[str, Any]) -> Counts:
    if "asset" in spec:
        photos, source = len(ASSETS[spec["asset"]].members), "the asset"
    elif Path(spec["root"]).is_dir():
        photos, source = len(list_images(Path(spec["root"]))), f"the photos in {spec['root']}"
    else:
        raise DatasetError(f"datasets.{name}: cannot count photos", found=f"no {spec['root']}")
    return Counts(photos * spec["train_crops"], photos * spec["eval_crops"], photos, source)


def _imagenet(spec: Mapping[str, Any]) -> Counts:
    classes = len(chosen_synsets(spec.get("classes")))
    if "train_root" in spec:
        train, evaluation = TRAINING // 1000, VALIDATION
    else:
        train, evaluation = (len(part) for part in shares(range(VALIDATION), spec, "any class"))
    train = _least(train, spec.get("train_per_class"))
    evaluation = _least(evaluation, spec.get("eval_per_class"))
    return Counts(classes * train, classes * evaluation, classes, COMPLETE)
