"""The effect of a band among those of random masks outside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bandprobe.base.arrays import FloatArray

# Scores that are kept of masks.
SCORES = ("correct", "rank", "margin")
# Accuracies are multiples of one over the number of images, up to rounding.
SAME = 1e-9


@dataclass(frozen=True)
class MaskScores:
    """Scores of maps of which random masks outside each band were changed instead of the band.

    Attributes
    ----------
    by_mask : mapping of str to arrays of shape (n_bands, n_masks)
        Mean over images of each of `SCORES`. A band may have fewer masks than others: the rest of
        its row is NaN, all of it where no masks match the band.
    by_sample : mapping of str to arrays of shape (n_bands, n_samples)
        Mean over masks.
    share : array of shape (n_bands,)
        Of the band in what the masks match, as of `bandprobe.fourier.outside_masks`.
    """

    by_mask: Mapping[str, FloatArray]
    by_sample: Mapping[str, FloatArray]
    share: FloatArray

    @property
    def count(self) -> NDArray[np.int64]:
        """Masks of each band, shape (n_bands,)."""
        count: NDArray[np.int64] = np.isfinite(self.by_mask["rank"]).sum(1)
        return count


def spread(by_mask: FloatArray) -> FloatArray:
    """Standard deviation between masks, shape (n_bands,), of scores of shape (n_bands, n_masks)."""
    count = np.isfinite(by_mask).sum(1)
    deviation = by_mask - _mean(by_mask, count)[:, None]
    squares = np.nansum(np.square(deviation), axis=1)
    return np.where(count > 1, np.sqrt(squares / np.maximum(count - 1, 1)), np.nan)


def _mean(by_mask: FloatArray, count: NDArray[np.int64]) -> FloatArray:
    total = np.nansum(by_mask, axis=1)
    mean: FloatArray = np.divide(total, count, out=np.full(len(count), np.nan), where=count > 0)
    return mean


def randomisation_test(
    value: FloatArray, by_mask: FloatArray, share: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """P-values of a band's effect among those of random masks outside it.

    Parameters
    ----------
    value : array of shape (n_bands,)
    by_mask : array of shape (n_bands, n_masks)
        NaN where a band has fewer masks.
    share : array of shape (n_bands,)
        Of the band in what the masks match, at most one half.

    Returns
    -------
    greater, less : arrays of shape (n_bands,)
        For effects that are larger, or smaller, than those of the masks; NaN without masks.

    Notes
    -----
    `(1 + count) / (1 + n)`, where `count` of the `n` masks have an effect at least as large:
    Phipson and Smyth, Permutation p-values should never be zero (Statistical Applications in
    Genetics and Molecular Biology 2010); Davison and Hinkley, Bootstrap Methods and their
    Application (1997), section 4.2.

    Masks that leave out the band's own bins are no permutations. If the band is itself a random set
    with a share `f` of the bins, a sum over it minus the mean of the masks has `1 / (1 - 2 f)`
    times the variance between the masks: that of a sum over `m` of `N` items is `m (1 - m / N) s^2`
    (Cochran, Sampling Techniques, 1977, section 2.6), for the band among all bins and for the masks
    among the others. So deviations of the masks from their mean are widened by `(1 - 2 f)^-1/2`,
    those on the other side of the mean excepted.
    """
    count = np.isfinite(by_mask).sum(1)
    centre = _mean(by_mask, count)[:, None]
    wide = centre + (by_mask - centre) / np.sqrt(np.maximum(1 - 2 * share, SAME))[:, None]
    at = value[:, None]
    # What is compared with NaN does not count.
    greater = (1 + (np.maximum(by_mask, wide) >= at - SAME).sum(1)) / (1 + count)
    less = (1 + (np.minimum(by_mask, wide) <= at + SAME).sum(1)) / (1 + count)
    exists = np.isfinite(value) & (count > 0)
    return np.where(exists, greater, np.nan), np.where(exists, less, np.nan)


def with_spread(
    value: FloatArray, low: FloatArray, high: FloatArray, by_mask: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Bounds of a mean over images and masks, from those over images alone.

    Parameters
    ----------
    value : array of shape (n_bands,)
        The mean.
    low, high : arrays of shape (n_bands,)
        Its bounds, as if there were no other masks.
    by_mask : array of shape (n_bands, n_masks)
        Mean over images for each mask.
    level : float

    Notes
    -----
    The mean over `n` masks has the variance between masks divided by `n`, besides that between
    images. Squared distances to the near limits add up: Zou and Donner, Construction of confidence
    limits about effect measures (Statistics in Medicine 2008).
    """
    count = np.isfinite(by_mask).sum(1)
    error = np.nan_to_num(spread(by_mask)) / np.sqrt(np.maximum(count, 1))
    half = stdtrit(np.maximum(count - 1, 1), 0.5 + level / 2) * error
    return value - np.hypot(value - low, half), value + np.hypot(high - value, half)
