"""Outcomes of changed maps, scored some images at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.scoring.outcomes import Outcomes, outcomes

# Logits that differ between images by less than this share of their spread do not depend on the
# image; then classes whose logits are as close as the second share are tied. Weights in single
# precision leave differences of up to 2e-5 where there is none.
SAME_IMAGE = 1e-9
SAME_CLASS = 1e-4


class OutcomeTally:
    """Outcomes of logits that come some images at a time, in the order of the images.

    Where all images have the same logits, nothing of the image is left, and rounding orders the
    classes. Classes that differ by no more than that are tied: their logits count as equal.

    Parameters
    ----------
    clean : array of shape (n_samples, n_classes)
        Logits of the untouched maps, whose spread is the measure.
    labels : array of shape (n_samples,)
    cells : tuple of int
        Shape of what is scored, such as bands and draws.

    Attributes
    ----------
    not_finite : int array of shape `cells`
        How many logits are not finite.
    """

    def __init__(
        self, clean: FloatArray, labels: NDArray[np.integer], cells: tuple[int, ...]
    ) -> None:
        self._labels = labels
        with np.errstate(invalid="ignore"):
            self._most = SAME_IMAGE * float(clean.std())
            self._tie = SAME_CLASS * float(clean.std())
        by_class = (*cells, clean.shape[1])
        self._lowest, self._highest = np.full(by_class, np.inf), np.full(by_class, -np.inf)
        # Sums over the images so far, where all of these have the same logits.
        self._total = np.zeros(by_class)
        self._found = Outcomes(
            *(np.empty((*cells, len(labels)), np.float32) for _ in Outcomes._fields)
        )
        self.not_finite = np.zeros(cells, np.int64)

    @classmethod
    def of(cls, clean: FloatArray, labels: NDArray[np.integer], logits: FloatArray) -> OutcomeTally:
        """Of all images at once; logits of shape (*cells, n_samples, n_classes)."""
        tally = cls(clean, labels, logits.shape[:-2])
        tally.add(slice(0, len(labels)), logits)
        return tally

    def add(self, part: slice, logits: FloatArray, at: tuple[Any, ...] = ()) -> None:
        """Score some images.

        Parameters
        ----------
        part : slice
            Their positions; those before them have been added.
        logits : array of shape (*cells, n_samples, n_classes)
        at : tuple of int and slice
            The cells that the logits are of; all if not given.
        """
        self.not_finite[at] += (~np.isfinite(logits)).sum((-2, -1))
        with np.errstate(invalid="ignore"):
            for kept, values in zip(self._found, outcomes(logits, self._labels[part]), strict=True):
                kept[(*at, ..., part)] = values
            self._lowest[at] = np.minimum(self._lowest[at], logits.min(-2))
            self._highest[at] = np.maximum(self._highest[at], logits.max(-2))
            alike = self._alike(at)
        total = self._total[at]
        for cell in map(tuple, np.argwhere(alike)):
            # One image after the other, so that blocks change no sum.
            total[cell] = np.concatenate([total[cell][None], logits[cell]]).sum(0)

    def _alike(self, at: tuple[Any, ...] = ()) -> NDArray[np.bool_]:
        """Cells in which all images so far have the same logits."""
        spread = (self._highest[at] - self._lowest[at]).max(-1)
        alike: NDArray[np.bool_] = np.less_equal(spread, self._most)
        return alike

    def outcomes(self) -> Outcomes:
        """Outcomes of all images, each of shape (*cells, n_samples)."""
        n_samples, n_classes = len(self._labels), self._total.shape[-1]
        if n_samples < 2:
            return self._found
        for cell in map(tuple, np.argwhere(self._alike())):
            row = self._tied(self._total[cell] / n_samples)
            # Of an image nothing but its class counts.
            by_class = outcomes(np.broadcast_to(row, (n_classes, n_classes)), np.arange(n_classes))
            for kept, values in zip(self._found, by_class, strict=True):
                kept[cell] = values[self._labels]
        return self._found

    def _tied(self, logits: FloatArray) -> FloatArray:
        """Logits of the classes, equal where they differ by rounding."""
        order = np.argsort(logits)
        steps = np.diff(logits[order]) > self._tie
        tie = np.concatenate([[0], np.cumsum(steps)])
        means = np.bincount(tie, logits[order]) / np.bincount(tie)
        tied = np.empty_like(logits)
        tied[order] = means[tie]
        return tied
