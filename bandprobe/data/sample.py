"""One sample of a data set: an image or a crop of one, with its class, group and split."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bandprobe.data.images import Box

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


def lost_classes(before: Iterable[Sample], after: Iterable[Sample]) -> list[tuple[str, str]]:
    """Classes, with the split, that have samples before and none after some are left out."""
    cells = [{(sample.class_name, sample.split) for sample in some} for some in (before, after)]
    return sorted(cell for cell in cells[0] - cells[1] if cell[1] != SKIPPED)
