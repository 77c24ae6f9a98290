"""By what power of a size a cost grows, above what is paid on almost no data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import linregress

# Below this share of the cost of a job on almost no data a difference is noise.
LEAST_RISE = 0.2
# Caches that overflow and products that reach their speed bend a power law by about as much.
ALLOWANCE = 0.1


@dataclass(frozen=True)
class Exponent:
    """Slope of a cost over a size, both as logarithms.

    Attributes
    ----------
    slope, error : float or None
        Of the line through all points, and its standard error; None with fewer than two points
        that rise above the start, and with fewer than three.
    last : float or None
        Slope between the two largest sizes.
    points : int
        How many sizes cost notably more than almost no data.
    """

    slope: float | None
    error: float | None
    last: float | None
    points: int

    def within(self, bound: float) -> bool:
        """Whether the slope, its doubled error taken off, is no more than the bound."""
        if self.slope is None:
            return True
        return self.slope - 2 * (self.error or 0.0) <= bound + ALLOWANCE


def fit_exponent(sizes: Sequence[float], costs: Sequence[float], start: float) -> Exponent:
    """The exponent k of ``cost = start + constant * size ** k``.

    Parameters
    ----------
    sizes, costs : sequences of equal length, sizes ascending
        Costs in any unit, that of `start` too.
    start : float
        Cost of the same job on almost no data; sizes that hardly cost more are left out.
    """
    size, rise = np.asarray(sizes, float), np.asarray(costs, float) - start
    kept = rise > LEAST_RISE * start
    points = int(kept.sum())
    if points < 2:
        return Exponent(None, None, None, points)
    x, y = np.log(size[kept]), np.log(rise[kept])
    line = linregress(x, y)
    last = float((y[-1] - y[-2]) / (x[-1] - x[-2]))
    return Exponent(float(line.slope), float(line.stderr) if points > 2 else None, last, points)
