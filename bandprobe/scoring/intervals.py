"""Intervals and tests from stored outcomes."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from bandprobe.base.arrays import FloatArray


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


def group_sums(values: FloatArray, groups: NDArray[np.integer]) -> tuple[FloatArray, FloatArray]:
    """Sums of (n_cells, n_samples) over each group, (n_cells, n_groups), and the groups' sizes."""
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    return np.add.reduceat(values[:, order], starts, axis=1), sizes.astype(np.float64)


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
class Bootstrap:
    """How intervals are computed: the section `statistics` of the configuration."""

    resamples: int
    level: float
    seed: int

    def intervals(self, cells: FloatArray, groups: NDArray[np.integer]) -> list[list[float] | None]:
        """Interval of the mean of each row of (n_cells, n_samples), None where there is none."""
        weights = group_resamples(len(np.unique(groups)), self.resamples, self.seed)
        low, high = group_bootstrap(cells, groups, weights, self.level)
        return [
            [float(lower), float(upper)] if np.isfinite(lower) and np.isfinite(upper) else None
            for lower, upper in zip(low, high, strict=True)
        ]


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
    (Rueschendorf, Random variables with maximum sums, Advances in Applied Probability 1982).
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
