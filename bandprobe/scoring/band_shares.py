"""What single bands keep, and what their removal costs, as shares of the accuracy above chance."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.scoring.cluster_interval import SHARE, Scale
from bandprobe.scoring.intervals import IntervalSettings


class Shares(NamedTuple):
    """A share for each band with its interval, each of shape (n_bands,); NaN where there is none.

    The intervals hold for all bands at once, so that they still hold for the one that is chosen
    because its share is the largest.
    """

    value: FloatArray
    low: FloatArray
    high: FloatArray

    def largest(self) -> tuple[float, float, float]:
        """The largest share and the interval of the largest; NaN if no band has a share.

        If all intervals hold at once, the largest of the true shares lies between the largest of
        the lower and the largest of the upper bounds, whichever band it belongs to.
        """
        if np.isnan(self.value).all():
            return np.nan, np.nan, np.nan
        value, low, high = (float(np.nanmax(values)) for values in self)
        return value, low, high


def together(settings: IntervalSettings, count: int) -> IntervalSettings:
    """Settings of intervals of which `count` hold at once (Bonferroni)."""
    return replace(settings, level=1 - (1 - settings.level) / max(count, 1))


def is_above_chance(
    complete: FloatArray, chance: float, units: NDArray[np.integer], settings: IntervalSettings
) -> bool:
    """Whether the interval of an accuracy, from answers of shape (n_samples,), is above chance."""
    low, _ = settings.bounds(complete[None], units, SHARE)
    return bool(low[0] > chance)


def shares_above_chance(
    parts: FloatArray,
    complete: FloatArray,
    chance: float,
    fixed: NDArray[np.bool_],
    units: NDArray[np.integer],
    settings: IntervalSettings,
) -> Shares:
    """Means of parts divided by how far an accuracy is above chance.

    Parameters
    ----------
    parts : array of shape (n_bands, n_samples)
        What is compared, such as 1 where an image is classified correctly by a band alone, minus
        chance. Rows with NaN have no share and are not compared.
    complete : array of shape (n_samples,)
        1 where an image is classified correctly with all bands.
    chance : float
    fixed : bool array of shape (n_bands,)
        Bands whose share follows from what the readout sees. They have intervals of length zero and
        are not compared.
    units : array of shape (n_samples,)
        Independent units.
    settings : IntervalSettings
        Of the level that the intervals of all bands have together.

    Returns
    -------
    Shares
        NaN throughout where the accuracy is not above chance (`is_above_chance`).

    Notes
    -----
    The interval of a ratio of means is that of the mean of its linearisation,
    ``(x - share y) / mean(y)`` (Cochran, Sampling Techniques, 1977, section 6.4, the ratio
    estimator). Numerator and denominator come from the same images, so their correlation is in it.
    """
    nothing = np.full(len(parts), np.nan)
    if not is_above_chance(complete, chance, units, settings):
        return Shares(nothing, nothing, nothing)
    above = complete - chance
    value = parts.mean(1) / above.mean()
    residual = (parts - value[:, None] * above) / above.mean()
    # One more image that is lost, and one that is gained, as for drops.
    scale = Scale((-1 / above.mean(), 1 / above.mean()))
    exists = ~np.isnan(value)
    low, high = together(settings, int((exists & ~fixed).sum())).bounds(residual, units, scale)
    low, high = value + low, value + high
    low[fixed & exists] = high[fixed & exists] = value[fixed & exists]
    finite = np.isfinite(low) & np.isfinite(high)
    return Shares(value, np.where(finite, low, np.nan), np.where(finite, high, np.nan))
