"""Whether an effect in one study differs from the same effect in another."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.scoring.cluster_interval import ANY, Scale
from bandprobe.scoring.intervals import IntervalSettings, group_sign_test


@dataclass(frozen=True)
class Difference:
    """An effect in a first study minus the same effect in a second.

    Attributes
    ----------
    value, low, high : float
    p_value : float
        Exact sign test over groups, not corrected; NaN if the images are not paired.
    """

    value: float
    low: float
    high: float
    p_value: float = float("nan")

    @property
    def differs(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    @property
    def strength(self) -> float:
        """Distance from zero, relative to the half of the interval on the side of zero."""
        towards = self.value - self.low if self.value > 0 else self.high - self.value
        return abs(self.value) / max(towards, 1e-12) if self.value else 0.0


def unpaired(
    first: float, first_ci: tuple[float, float], second: float, second_ci: tuple[float, float]
) -> Difference:
    """Difference of two independent estimates, from their intervals.

    Parameters
    ----------
    first, second : float
    first_ci, second_ci : (low, high)
        Intervals of the same level, which is then also that of the result.

    Notes
    -----
    Zou and Donner, Construction of confidence limits about effect measures: a general approach
    (Statistics in Medicine 2008), equations 3 and 4: squared distances to the near limits add up,
    so intervals need not be symmetric. The estimates have to be independent.
    """
    value = first - second
    below = np.hypot(first - first_ci[0], second_ci[1] - second)
    above = np.hypot(first_ci[1] - first, second - second_ci[0])
    return Difference(value, float(value - below), float(value + above))


def paired(
    first: FloatArray,
    second: FloatArray,
    units: NDArray[np.integer],
    settings: IntervalSettings,
    scale: Scale = ANY,
) -> list[Difference]:
    """Differences between effects that were measured on the same images.

    Parameters
    ----------
    first, second : arrays of shape (n_cells, n_samples)
        Effects by image; the images in the same order. A cell with NaN has a NaN interval.
    units : array of shape (n_samples,)
        What counts as independent, as of `IntervalSettings.units`.
    settings : IntervalSettings
    scale : Scale
        Of the differences.
    """
    differences = first - second
    low, high = settings.bounds(differences, units, scale)
    p_values = group_sign_test(differences, units)
    return [
        Difference(*map(float, cell))
        for cell in zip(differences.mean(1), low, high, p_values, strict=True)
    ]
