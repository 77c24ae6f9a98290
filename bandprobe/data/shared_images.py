"""Images that readouts would be trained on and evaluated on, found by their contents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from bandprobe.data.images import Box
from bandprobe.data.sample import Sample, lost_classes
from bandprobe.errors import DatasetError

NAMED = 5
# What a training sample is left out for; the image that is evaluated on follows.
SHARED = "also evaluated on, as "
EXPECTED = "no image in both splits: an accuracy on images of the training split means nothing"


def shared_samples(samples: Sequence[Sample], digests: Mapping[str, str]) -> dict[int, Sample]:
    """Positions of training samples with pixels that are evaluated on, and the sample that is.

    Pixels are the same where two files have equal bytes and the regions cut out of them overlap.
    Regions of one photo that do not touch may lie in different splits.

    Parameters
    ----------
    samples : sequence of Sample
    digests : mapping
        SHA-256 of each image file by its name.
    """
    evaluated: dict[str, list[Sample]] = {}
    for sample in samples:
        if sample.split == "eval":
            evaluated.setdefault(digests[sample.image], []).append(sample)
    found: dict[int, Sample] = {}
    for position, sample in enumerate(samples):
        if sample.split == "train":
            for other in evaluated.get(digests[sample.image], ()):
                if _overlap(sample.crop, other.crop):
                    found[position] = other
                    break
    return found


def _overlap(one: Box | None, other: Box | None) -> bool:
    """Whether two regions of an image have a pixel in common; None is all of it."""
    if one is None or other is None:
        return True
    return max(one[0], other[0]) < min(one[2], other[2]) and (
        max(one[1], other[1]) < min(one[3], other[3])
    )


def reasons_to_drop(
    samples: Sequence[Sample],
    digests: Mapping[str, str],
    root: Path,
    on_shared_images: str | None,
) -> dict[int, str]:
    """Positions of training samples to leave out because they are evaluated on, and why.

    Parameters
    ----------
    samples : sequence of Sample
    digests : mapping
        SHA-256 of each image file by its name.
    root : Path
        Folder that image names are relative to, for messages.
    on_shared_images : {"fail", "drop"}, optional
        Whether such samples are an error. None if a data set has no choice: they are one.

    Raises
    ------
    DatasetError
        Naming some shared images and their number; or the classes that have no others to train on.
    """
    shared = shared_samples(samples, digests)
    if not shared:
        return {}
    if on_shared_images != "drop":
        n_train = sum(sample.split == "train" for sample in samples)
        raise DatasetError(
            f"{root}: images in the training split are also evaluated on",
            expected=EXPECTED,
            found=f"{len(shared)} of {n_train} training samples: {_named(samples, shared)}",
            hint="remove all copies but one"
            if on_shared_images is None
            else "give the splits different images, or leave shared ones out of the training "
            "split with on_shared_images: drop",
        )
    kept = [sample for position, sample in enumerate(samples) if position not in shared]
    lost = lost_classes(samples, kept)
    if lost:
        raise DatasetError(
            f"{root}: no training image is left of some classes without those evaluated on",
            expected=EXPECTED,
            found=", ".join(name for name, _ in lost),
            hint="give the splits different images",
        )
    return {position: f"{SHARED}{other.image}" for position, other in shared.items()}


def _named(samples: Sequence[Sample], shared: Mapping[int, Sample]) -> str:
    """Some of the shared images, with the name that they are evaluated under if it is another."""
    names = [
        samples[position].id + (f" (as {other.id})" if other.id != samples[position].id else "")
        for position, other in list(shared.items())[:NAMED]
    ]
    more = f" and {len(shared) - NAMED} more" if len(shared) > NAMED else ""
    return ", ".join(names) + more
