"""Intervals of means over groups of images that hold with few or unequal groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from bandprobe.base.arrays import FloatArray

# Taken for the correlation of outcomes within a group where they cannot show it: in the groups
# that are added to outcomes that hardly differ between images.
INTRACLASS = 0.1


@dataclass(frozen=True)
class Scale:
    """What the values of an outcome can be.

    Attributes
    ----------
    added : tuple of float
        Values of the groups that are added before the interval is computed, one group for each.
        They keep outcomes that rarely change from having an interval that is too short, or none.
    low, high : float
        Limits of a mean.
    """

    added: tuple[float, ...] = ()
    low: float = -np.inf
    high: float = np.inf


ANY = Scale()
# Two right and two wrong answers: Agresti and Coull, Approximate is better than "exact" for
# interval estimation of binomial proportions (The American Statistician 1998).
SHARE = Scale((0.0, 0.0, 1.0, 1.0), 0.0, 1.0)
# One loss and one gain: Bonett and Price, Adjusted Wald confidence interval for a difference of
# binomial proportions based on paired data (Journal of Educational and Behavioral Statistics 2012).
DROP = Scale((-1.0, 1.0), -1.0, 1.0)
# One drop minus another.
EXCESS = Scale((-1.0, 1.0), -2.0, 2.0)
# The smallest change of a rank, either way.
RANKS = Scale((-1.0, 1.0))


def group_sums(values: FloatArray, groups: NDArray[np.integer]) -> tuple[FloatArray, FloatArray]:
    """Sums of (n_cells, n_samples) over each group, (n_cells, n_groups), and the groups' sizes."""
    order = np.argsort(groups, kind="stable")
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    return np.add.reduceat(values[:, order], starts, axis=1), sizes.astype(np.float64)


def effective_groups(groups: NDArray[np.integer]) -> float:
    """How many groups of equal size would be worth as much as these.

    Notes
    -----
    `(sum m)^2 / sum m^2` of the sizes `m`: Carter, Schnepel and Steigerwald, Asymptotic behavior of
    a t-test robust to cluster heterogeneity (Review of Economics and Statistics 2017), of a mean.
    """
    _, sizes = np.unique(groups, return_counts=True)
    return float(sizes.sum() ** 2 / np.square(sizes).sum())


def degrees_of_freedom(sizes: FloatArray) -> float:
    """Of the variance of a mean over groups of these sizes, shape (n_groups,); 0 of one group.

    Notes
    -----
    Satterthwaite's, where the values do not depend on the group: Bell and McCaffrey, Bias reduction
    in standard errors for linear regression with multi-stage samples (Survey Methodology 2002),
    section 4. Of `g` equal groups it is `g - 1`.
    """
    if len(sizes) < 2:
        return 0.0
    share = sizes / sizes.sum()
    pairs = share**2 / (1 - share)
    return float(1 / (np.sum(share**2) + pairs.sum() ** 2 - np.sum(pairs**2)))


def design_effect(size: float) -> float:
    """By how much groups of this mean size increase a variance, with the correlation assumed."""
    return 1 + INTRACLASS * (size - 1)


def mean_and_error(
    values: FloatArray, groups: NDArray[np.integer], scale: Scale = ANY
) -> tuple[FloatArray, FloatArray]:
    """Means and standard errors of `cluster_interval`, each of shape (n_cells,).

    The groups of the scale are part of both. A single group has an infinite error.
    """
    sums, sizes = group_sums(values, groups)
    added = np.array(scale.added)
    size = design_effect(sizes.mean())
    total = sizes.sum() + size * len(added)
    mean = (sums.sum(1) + size * added.sum()) / total
    if len(sizes) < 2:
        return mean, np.where(np.isnan(mean), np.nan, np.inf)
    # In place: the sums may take as much memory as the values.
    sums -= sizes * mean[:, None]
    np.square(sums, out=sums)
    variance = sums @ (1 / (1 - sizes / total))
    variance += np.square(size * (added - mean[:, None])).sum(1) / (1 - size / total)
    return mean, np.sqrt(variance) / total


def cluster_interval(
    values: FloatArray, groups: NDArray[np.integer], level: float, scale: Scale = ANY
) -> tuple[FloatArray, FloatArray]:
    """Interval of the mean over samples, from the variance between groups.

    Parameters
    ----------
    values : array of shape (n_cells, n_samples)
        Paired differences for a paired interval. A cell with NaN has a NaN interval.
    groups : array of shape (n_samples,)
        Samples of one group are not independent.
    level : float
        Coverage, as 0.95.
    scale : Scale
        Of the values.

    Returns
    -------
    low, high : arrays of shape (n_cells,)
        Of a single group, the limits of the scale.

    Notes
    -----
    A t interval with the variance CR2 of Bell and McCaffrey (2002), in which the residual `r_g` of
    a group with the share `w_g` of the samples counts as `r_g^2 / (1 - w_g)`, and with their
    degrees of freedom. The values in `scale.added` count as groups of their own, each of the size
    `1 + (m - 1) INTRACLASS`, the design effect of groups of the mean size `m` (Kish, Survey
    Sampling, 1965): one image, where each image is a group.
    """
    mean, error = mean_and_error(values, groups, scale)
    _, sizes = np.unique(groups, return_counts=True)
    freedom = degrees_of_freedom(sizes.astype(np.float64))
    half = (stdtrit(freedom, 0.5 + level / 2) if freedom else 1.0) * error
    return np.clip(mean - half, scale.low, None), np.clip(mean + half, None, scale.high)


def detectable_drop(
    error: FloatArray,
    freedom: FloatArray,
    per_image: FloatArray,
    level: FloatArray | float,
    power: float = 0.8,
) -> FloatArray:
    """The smallest drop whose interval would exclude zero in most repetitions.

    Parameters
    ----------
    error : array of shape (n,)
        Standard error of the drop that was measured, as of `mean_and_error`.
    freedom : array of shape (n,)
        `degrees_of_freedom`.
    per_image : array of shape (n,)
        `design_effect` divided by the number of images.
    level : float or array of shape (n,)
        Of the interval; one minus the corrected level of a test.
    power : float
        Share of the repetitions.

    Returns
    -------
    array of shape (n,)
        NaN where nothing could be detected. May be larger than the accuracy that there is to lose.

    Notes
    -----
    A drop `d` is found if it is larger than `(t_level + t_power) s`, with quantiles of the t
    distribution (Bloom, Minimum detectable effects, Evaluation Review 1995). Answers that are lost
    with the probability `d` vary themselves, so `s^2` is the squared error at hand and
    `d (1 - d) per_image`, which makes it a quadratic equation in `d`.
    """
    free = np.maximum(freedom, 1e-9)
    squared = np.square(stdtrit(free, 0.5 + level / 2) + stdtrit(free, power))
    with np.errstate(invalid="ignore", over="ignore"):
        first, second = 1 + squared * per_image, squared * per_image
        root = np.sqrt(np.square(second) + 4 * first * squared * np.square(error))
        drop = (second + root) / (2 * first)
    return np.where(np.isfinite(drop) & (freedom > 0), drop, np.nan)
