"""One penalty for each band, chosen by coordinate-wise search from a shared one.

With a penalty `p_b` on the squared norm of the weights of each band, the ridge is that of the Gram
matrix ``K = sum_b K_b / p_b`` at the penalty 1; its weights in a band are ``W_b = Z_b' a / p_b``:
generalised ridge regression (Hoerl and Kennard, Ridge Regression: Biased Estimation for
Nonorthogonal Problems, Technometrics 1970, section 5), as sums of kernels with a scale each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.rounding import ROUNDING_SHARE
from bandprobe.linear.band_grams import BandGrams, BandRows

# Visits of every band; fewer where one changes nothing.
ROUNDS = 3


@dataclass(frozen=True)
class BandProducts:
    """Inner products of the standardised maps of both splits, band by band.

    Attributes
    ----------
    grams : sequence of arrays of shape (n_train, n_train)
    kernels : sequence of arrays of shape (n_eval, n_train)
    """

    grams: Sequence[NDArray[np.floating]]
    kernels: Sequence[NDArray[np.floating]]

    @classmethod
    def of(cls, products: BandGrams | BandRows) -> BandProducts:
        """As they were added up; of maps themselves the products are taken here."""
        if isinstance(products, BandGrams):
            return cls(products.gram, products.kernel)
        train, evaluation = (
            [np.concatenate(parts, axis=1).astype(np.float64) for parts in rows]
            for rows in (products.train, products.evaluation)
        )
        grams = [rows @ rows.T for rows in train]
        return cls(grams, [e @ t.T for e, t in zip(evaluation, train, strict=True)])

    @property
    def holds(self) -> MaskArray:
        """Bands that hold more than rounding, shape (n_bands,)."""
        energy = np.array([np.trace(gram, dtype=np.float64) for gram in self.grams])
        holds: MaskArray = energy > ROUNDING_SHARE * energy.sum()
        return holds

    def norm(self) -> float:
        """Mean squared norm of a centred training map, all bands together: the penalties' unit."""
        count = len(self.grams[0])
        centred = [
            float(np.trace(gram, dtype=np.float64) - gram.sum(dtype=np.float64) / count)
            for gram in self.grams
        ]
        return sum(centred) / count

    def weighted(self, factors: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Sums over bands, each times its factor: (n_train, n_train) and (n_eval, n_train)."""
        return _weighted(self.grams, factors), _weighted(self.kernels, factors)


def _weighted(matrices: Sequence[NDArray[np.floating]], factors: FloatArray) -> FloatArray:
    total = np.zeros_like(matrices[0], np.float64)
    for matrix, factor in zip(matrices, factors, strict=True):
        if factor:
            total += factor * matrix
    return total


def search_bands(
    loss: Callable[[tuple[int, ...]], float], start: int, searched: MaskArray, n_penalties: int
) -> tuple[int, ...]:
    """Positions of the penalties of all bands, by going downhill along one band after the other.

    Parameters
    ----------
    loss : callable
        From the positions to the mean held-out loss; called once for each set of positions.
    start : int
        Of the shared penalty, where every band begins.
    searched : bool array of shape (n_bands,)
        The others stay where they are.
    n_penalties : int

    Returns
    -------
    tuple of int
        Their loss is that of the shared penalty, or lower.
    """
    best = (start,) * len(searched)
    found = {best: loss(best)}

    def visit(positions: tuple[int, ...]) -> float:
        if positions not in found:
            found[positions] = loss(positions)
        return found[positions]

    for _ in range(ROUNDS):
        before = best
        for band in np.flatnonzero(searched):
            best = _downhill(visit, best, int(band), n_penalties)
        if best == before:
            break
    return best


def _downhill(
    visit: Callable[[tuple[int, ...]], float],
    best: tuple[int, ...],
    band: int,
    n_penalties: int,
) -> tuple[int, ...]:
    """The penalty of one band moved along the list, step by step, for as long as the loss falls."""
    while True:
        beside = [
            (*best[:band], near, *best[band + 1 :])
            for near in (best[band] - 1, best[band] + 1)
            if 0 <= near < n_penalties
        ]
        lower = min(beside, key=visit, default=best)
        if not visit(lower) < visit(best):
            return best
        best = lower


def scale_bands(maps: MapArray, partition: BandPartition, factors: FloatArray) -> MapArray:
    """Maps of which each band is multiplied by a factor.

    Parameters
    ----------
    maps : array of shape (..., height, width)
    partition : BandPartition
    factors : array of shape (n_bands,)
    """
    partition.check(maps.shape)
    coefficients = scipy.fft.rfft2(maps) * factors[partition.half_index].astype(np.float32)
    shape = (partition.height, partition.width)
    scaled: MapArray = scipy.fft.irfft2(coefficients, s=shape).astype(maps.dtype, copy=False)
    return scaled
