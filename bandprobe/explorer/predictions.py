"""What a readout makes of an image before and after an intervention: classes and their margins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import Mode
from bandprobe.linear import compose
from bandprobe.store.chunks import StoredArray
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class Prediction:
    """A class with its margin: its logit minus the highest other logit.

    The margin is above zero for the class that is predicted, and for no other.
    """

    label: int
    margin: float


def best(logits: FloatArray, count: int) -> list[Prediction]:
    """The classes with the highest logits, shape (n_classes,), the highest first."""
    order = np.argsort(-logits, kind="stable")
    found = []
    for label in order[:count].tolist():
        rival = order[1] if label == order[0] else order[0]
        margin = float(logits[label] - logits[rival]) if len(order) > 1 else float("inf")
        found.append(Prediction(label, margin))
    return found


def logits_of_images(
    split: Store, mode: Mode, rows: NDArray[np.integer]
) -> tuple[FloatArray, FloatArray]:
    """Logits of some images before and after a mode that is linear in the map, by band logits.

    Parameters
    ----------
    split : Store
        Logits of a readout split into bands.
    mode : Mode
        Of a random mode the first draw.
    rows : array of shape (n_images,)
        Positions within the store.

    Returns
    -------
    before : array of shape (n_images, n_classes)
    after : array of shape (n_bands, n_images, n_classes)

    Raises
    ------
    ValueError
        If the mode is not linear in the map.
    """
    array, intercept = split.array("band_logits"), split.read("intercept")
    parts = _of_rows(array, rows)
    other = None
    if mode.kind == "resample":
        # Beside each image its partner, from which the band comes.
        partners = compose.partners(split.read("label"), mode.seed, 0)[rows]
        parts = np.concatenate([parts, _of_rows(array, partners)], axis=1)
        other = np.concatenate([np.arange(len(rows)) + len(rows), np.arange(len(rows))])
    fill = split.read("zero_logits" if mode.fill == "zero" else "mean_logits")
    changed = compose.change(mode, parts, fill, intercept, other)
    return compose.clean(parts, intercept)[: len(rows)], changed[:, : len(rows)]


def _of_rows(array: StoredArray, rows: NDArray[np.integer]) -> FloatArray:
    """Band logits of some images, (n_bands, n_images, n_classes); of thousands only these."""
    return np.stack([np.asarray(array[:, int(row)], np.float64) for row in rows], axis=1)
