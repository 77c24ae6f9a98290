"""Intervals and tests from stored outcomes."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from bandprobe.base.arrays import FloatArray
from bandprobe.scoring.cluster_interval import ANY, Scale, cluster_interval, group_sums


@functools.cache
def group_resamples(n_groups: int, n_resamples: int, seed: int) -> FloatArray:
    """How often each group is drawn in each bootstrap resample, (n_resamples, n_groups).

    The array is shared between calls and read-only.
    """
    generator = np.random.default_rng(seed)
    share = np.full(n_groups, 1.0 / n_groups)
    drawn = generator.multinomial(n_groups, share, size=n_resamples).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def group_bootstrap(
    values: FloatArray, groups: NDArray[np.integer], resamples: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    """Percentile interval of the mean over samples, resampling whole groups.

    Parameters
    ----------
    values : array of shape (n_cells, n_samples)
        Paired differences for a paired interval. A cell with NaN has a NaN interval.
    groups : array of shape (n_samples,)
        Samples of one group are not independent and are drawn together.
    resamples : array of shape (n_resamples, n_groups)
        From `group_resamples`, its columns in the order of the sorted distinct groups.
    level : float
        Coverage, as 0.95.

    Returns
    -------
    low, high : arrays of shape (n_cells,)

    Notes
    -----
    The cluster bootstrap of Davison and Hinkley, Bootstrap Methods and their Application (1997),
    section 3.8: the mean of a resample is the sum over the drawn groups over their sizes.
    """
    sums, sizes = group_sums(values, groups)
    means = resamples @ sums.T / (resamples @ sizes)[:, None]
    means[:, np.isnan(values).any(1)] = np.nan
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    return low, high


@dataclass(frozen=True)
class IntervalSettings:
    """How intervals are computed: the section `statistics` of the configuration.

    Attributes
    ----------
    resamples : int
    level : float
    seed : int
    interval : {"cluster-t", "bootstrap"}
        Of outcomes. Spectra have those of the bootstrap in either case.
    unit : {"group", "class"}
        What counts as independent: groups of images, or all images of a class together.
    """

    resamples: int
    level: float
    seed: int
    interval: str = "cluster-t"
    unit: str = "group"

    def units(self, label: NDArray[np.integer], group: NDArray[np.integer]) -> NDArray[np.integer]:
        """The number of the independent unit that each sample belongs to, shape (n_samples,).

        With `unit: class`, classes that share a group are one unit.
        """
        return joined(label, group) if self.unit == "class" else group

    def bounds(
        self, cells: FloatArray, units: NDArray[np.integer], scale: Scale = ANY
    ) -> tuple[FloatArray, FloatArray]:
        """Bounds of the mean of each row of (n_cells, n_samples), each of shape (n_cells,)."""
        if self.interval == "cluster-t":
            return cluster_interval(cells, units, self.level, scale)
        return self.resampled(cells, units)

    def resampled(
        self, cells: FloatArray, units: NDArray[np.integer]
    ) -> tuple[FloatArray, FloatArray]:
        """The same by the bootstrap."""
        weights = group_resamples(len(np.unique(units)), self.resamples, self.seed)
        return group_bootstrap(cells, units, weights, self.level)

    def intervals(
        self, cells: FloatArray, units: NDArray[np.integer], scale: Scale = ANY
    ) -> list[list[float] | None]:
        """Interval of the mean of each row of (n_cells, n_samples), None where there is none."""
        low, high = self.bounds(cells, units, scale)
        return [
            [float(lower), float(upper)] if np.isfinite(lower) and np.isfinite(upper) else None
            for lower, upper in zip(low, high, strict=True)
        ]


Bounds = Callable[[FloatArray, NDArray[np.integer]], tuple[FloatArray, FloatArray]]
"""From (n_cells, n_samples) values and units to the lower and upper bound of each mean."""


def mean_and_bounds(
    values: FloatArray, units: NDArray[np.integer], bounds: Bounds
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Mean of (n_samples, n_cells) over the images that have a value; NaN if none has one.

    An image without values has NaN in all cells.
    """
    kept = ~np.isnan(values).all(1)
    if not kept.any():
        nothing = np.full(values.shape[1], np.nan)
        return nothing, nothing, nothing
    low, high = bounds(values[kept].T, units[kept])
    return values[kept].mean(0), low, high


def number(value: float) -> float | None:
    """A number as records have it: None for what does not exist."""
    return float(value) if np.isfinite(value) else None


def joined(label: NDArray[np.integer], group: NDArray[np.integer]) -> NDArray[np.integer]:
    """Classes as units, shape (n_samples,); those that a group has samples of are one."""
    units: NDArray[np.integer] = np.unique(label, return_inverse=True)[1]
    _, group = np.unique(group, return_inverse=True)
    while True:
        # Each sample gets the lowest unit of its group, and then of its class.
        lowest = np.full(group.max() + 1, len(units))
        np.minimum.at(lowest, group, units)
        of_class = np.full(units.max() + 1, len(units))
        np.minimum.at(of_class, units, lowest[group])
        following = of_class[units]
        if np.array_equal(following, units):
            return units
        units = following


def sign_test(better: NDArray[np.integer], worse: NDArray[np.integer]) -> FloatArray:
    """Two-sided exact binomial test that as many pairs go one way as the other.

    Parameters
    ----------
    better, worse : arrays of the same shape
        Numbers of discordant pairs of each kind. Without any the p-value is 1.

    Notes
    -----
    On pairs of right and wrong answers this is the exact test of McNemar, Note on the sampling
    error of the difference between correlated proportions (Psychometrika 1947).
    """
    total = better + worse
    tail = bdtr(np.minimum(better, worse), total, 0.5)
    p_values: FloatArray = np.where(total > 0, np.minimum(2 * tail, 1.0), 1.0)
    return p_values


def smallest_p_value(clean: FloatArray, units: NDArray[np.integer]) -> float:
    """The p-value of `group_sign_test` if every right answer became wrong.

    Parameters
    ----------
    clean : array of shape (n_samples,)
        1 where an image is classified correctly, else 0.
    units : array of shape (n_samples,)

    Notes
    -----
    No drop in accuracy can have a smaller one: each unit counts once, and only those with a right
    answer can lose any.
    """
    return float(sign_test(np.zeros(1, int), np.array([len(np.unique(units[clean > 0]))]))[0])


def mcnemar(clean: FloatArray, changed: FloatArray) -> FloatArray:
    """Exact McNemar test of each cell, shape (n_cells,).

    Parameters
    ----------
    clean : array of shape (n_samples,)
        1 where an image is classified correctly, else 0.
    changed : array of shape (n_cells, n_draws, n_samples)
        The same after the intervention. A cell with NaN has a NaN p-value.

    Notes
    -----
    Of several draws, which are anything but independent, it is twice the median p-value, at most 1
    (Rueger, Metrika 25, 1978, pages 171 to 178).
    Images count as independent; `group_sign_test` does not take them so.
    """
    better = (changed > clean).sum(-1)
    worse = (changed < clean).sum(-1)
    by_draw = sign_test(better, worse)
    p_values = np.minimum(2 * np.median(by_draw, axis=1), 1.0) if by_draw.shape[1] > 1 else by_draw
    p_values = p_values.reshape(len(changed))
    return np.where(np.isnan(changed).any((1, 2)), np.nan, p_values)


def group_sign_test(differences: FloatArray, groups: NDArray[np.integer]) -> FloatArray:
    """Exact sign test of each cell over groups, shape (n_cells,).

    A group counts once, by the sign of the sum of its differences, as its samples are not
    independent. If each group is one image and there is one draw, this is McNemar's test.

    Parameters
    ----------
    differences : array of shape (n_cells, n_samples)
        Paired differences. A cell with NaN has a NaN p-value.
    groups : array of shape (n_samples,)
    """
    exists = ~np.isnan(differences).any(1)
    sums, _ = group_sums(np.nan_to_num(differences), groups)
    # Fractions of draws that cancel sum to zero only up to rounding.
    total = np.round(sums, 9)
    p_values = sign_test((total > 0).sum(1), (total < 0).sum(1))
    return np.where(exists, p_values, np.nan)
