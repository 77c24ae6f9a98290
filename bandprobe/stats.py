"""Intervals from stored outcomes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]


def group_resamples(n_groups: int, n_resamples: int, seed: int) -> NDArray[np.float64]:
    """How often each group is drawn in each bootstrap resample, (n_resamples, n_groups)."""
    generator = np.random.default_rng(seed)
    share = np.full(n_groups, 1.0 / n_groups)
    return generator.multinomial(n_groups, share, size=n_resamples).astype(np.float64)


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
    _, code = np.unique(groups, return_inverse=True)
    n_groups = resamples.shape[1]
    member = (code[:, None] == np.arange(n_groups)).astype(np.float64)
    totals = resamples @ (values @ member).T
    sizes = resamples @ member.sum(0)
    means = totals / sizes[:, None]
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(means, [tail, 1.0 - tail], axis=0)
    return low, high
