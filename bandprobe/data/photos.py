"""Samples from a few photos: crops, one class per photo."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.data.images import Box, image_fault, upright_sizes
from bandprobe.data.listing import list_images
from bandprobe.data.sample import SKIPPED, Sample
from bandprobe.errors import DatasetError


def photo_crops(spec: Mapping[str, Any], root: Path) -> Iterator[Sample]:
    """Square crops from regions of the two halves of each photo.

    Each half is divided into regions along its longer side; a crop lies within one region.
    """
    photos = list_images(root) if root.is_dir() else []
    if spec.get("on_bad_image") == "skip":
        bad = {path for path in photos if image_fault(path)}
        photos = [path for path in photos if path not in bad]
        for path in sorted(bad):
            yield Sample(path.name, path.name, None, -1, path.stem, path.name, SKIPPED)
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
