"""Training groups left out, and splits drawn anew: which images, and what variance follows.

Where every group has one class, classes are the strata: each keeps as many groups on either side.
Otherwise all groups are one stratum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandprobe.base.arrays import FloatArray, LabelArray, MaskArray

# Groups are left out in at most so many sets, of which each costs an update of a fit, and the
# groups of one stratum in at most so many.
MOST_SETS = 60
MOST_BLOCKS = 10
# With fewer groups on a side than this an estimated variance says little.
LEAST_GROUPS = 10


@dataclass(frozen=True)
class LeftOut:
    """Sets of training images that are left out in turn.

    Attributes
    ----------
    members : bool array of shape (n_sets, n_samples)
    stratum : int array of shape (n_sets,)
        Sets of one stratum have all images of some classes between them; empty where a stratum has
        a single group, so that nothing can be left out.
    """

    members: MaskArray
    stratum: LabelArray


def strata(labels: LabelArray, groups: LabelArray) -> LabelArray:
    """Stratum of each sample: its class where each group has a single one, otherwise 0."""
    _, first, code = np.unique(groups, return_index=True, return_inverse=True)
    is_nested = np.array_equal(labels, labels[first][code])
    return labels.copy() if is_nested else np.zeros_like(labels)


def left_out_sets(labels: LabelArray, groups: LabelArray, seed: int) -> LeftOut:
    """Sets of training groups for `jackknife_variance`.

    Every stratum is divided at random into as many blocks of groups, at most `MOST_BLOCKS` and no
    more than any stratum has groups. A set is one block of one stratum. Where there would be more
    than `MOST_SETS`, strata are joined at random, and a set has one block of each.

    Parameters
    ----------
    labels, groups : arrays of shape (n_samples,)
    seed : int
    """
    generator = np.random.default_rng([seed, 3])
    stratum = strata(labels, groups)
    names = np.unique(stratum)
    by_stratum = [np.unique(groups[stratum == name]) for name in names]
    fewest = min(len(found) for found in by_stratum)
    most = MOST_SETS if len(names) == 1 else MOST_BLOCKS
    n_blocks = min(most, fewest)
    if n_blocks < 2:
        return LeftOut(np.zeros((0, len(labels)), bool), np.zeros(0, np.int64))
    n_joined = min(len(names), max(1, MOST_SETS // n_blocks))
    joined = generator.permutation(np.arange(len(names)) % n_joined)
    members = np.zeros((n_joined, n_blocks, len(labels)), bool)
    for found, own in zip(by_stratum, joined, strict=True):
        blocks = generator.permutation(np.arange(len(found)) % n_blocks)
        for block in range(n_blocks):
            members[own, block] |= np.isin(groups, found[blocks == block])
    return LeftOut(members.reshape(-1, len(labels)), np.repeat(np.arange(n_joined), n_blocks))


def jackknife_variance(values: FloatArray, stratum: LabelArray) -> FloatArray:
    """Variance of a result owing to which groups were drawn, from results without each set.

    Parameters
    ----------
    values : array of shape (..., n_sets)
    stratum : array of shape (n_sets,)
        As of `LeftOut`.

    Returns
    -------
    array of shape (...)
        NaN without any set.

    Notes
    -----
    ``sum_h (g - 1) / g sum_j (x_hj - mean_j x_hj)^2`` over strata ``h`` of ``g`` sets each: Jones,
    Jackknife estimation of functions of stratum means (Biometrika 1974), with a set in the place
    of an observation (Kott, The delete-a-group jackknife, Journal of Official Statistics 2001).
    """
    if not len(stratum):
        return np.full(values.shape[:-1], np.nan)
    total = np.zeros(values.shape[:-1])
    for name in np.unique(stratum):
        own = values[..., stratum == name]
        count = own.shape[-1]
        total += (count - 1) / count * np.square(own - own.mean(-1, keepdims=True)).sum(-1)
    return total


def cluster_variance(values: FloatArray, labels: LabelArray, groups: LabelArray) -> FloatArray:
    """Variance of a mean over evaluation images owing to which groups of each class were drawn.

    Parameters
    ----------
    values : array of shape (..., n_samples)
    labels, groups : arrays of shape (n_samples,)

    Returns
    -------
    array of shape (...)
        NaN where a stratum has a single group.

    Notes
    -----
    That of a ratio mean under stratified sampling of clusters: ``sum_h g / (g - 1) sum_j e_hj^2 /
    n^2`` with ``e_hj`` the sum over group ``j`` of the deviations from the mean of its stratum
    (Cochran, Sampling Techniques, 3rd ed. 1977, sections 6.3 and 11.8).
    """
    total = np.zeros(values.shape[:-1])
    stratum = strata(labels, groups)
    for name in np.unique(stratum):
        inside = np.flatnonzero(stratum == name)
        _, code = np.unique(groups[inside], return_inverse=True)
        count = int(code.max()) + 1
        if count < 2:
            return np.full(values.shape[:-1], np.nan)
        own = values[..., inside]
        deviation = own - own.mean(-1, keepdims=True)
        sums = deviation @ np.eye(count)[code]
        total += count / (count - 1) * np.square(sums).sum(-1)
    return total / len(labels) ** 2


def redrawn_split(
    labels: LabelArray, groups: LabelArray, is_train: MaskArray, seed: int, number: int
) -> MaskArray:
    """Which samples train in a split that is drawn anew, shape (n_samples,).

    Each stratum has as many training groups as before. A group that stood on both sides counts as
    a training group, and is on one side afterwards.

    Parameters
    ----------
    labels, groups : arrays of shape (n_samples,)
        Of both sides.
    is_train : bool array of shape (n_samples,)
        The split of the study.
    seed, number : int
        Of the replicates, and which of them this is.
    """
    generator = np.random.default_rng([seed, number, 4])
    stratum = strata(labels, groups)
    drawn = np.zeros(len(labels), bool)
    for name in np.unique(stratum):
        inside = stratum == name
        count = len(np.unique(groups[inside & is_train]))
        chosen = generator.permutation(np.unique(groups[inside]))[:count]
        drawn |= inside & np.isin(groups, chosen)
    return drawn


def groups_per_side(labels: LabelArray, groups: LabelArray, is_train: MaskArray) -> tuple[int, int]:
    """Fewest groups that any stratum has for training, and for evaluation."""
    stratum = strata(labels, groups)
    fewest = [
        min(len(np.unique(groups[(stratum == name) & side])) for name in np.unique(stratum))
        for side in (is_train, ~is_train)
    ]
    return fewest[0], fewest[1]


def training_of_replicates(
    drops: FloatArray, evaluation: FloatArray, train_share: float
) -> FloatArray:
    """Variance owing to the draw of training groups, from splits that were drawn anew.

    Parameters
    ----------
    drops, evaluation : arrays of shape (..., n_replicates)
        The drop of each replicate, and its `cluster_variance`.
    train_share : float
        Share of the groups that train.

    Returns
    -------
    array of shape (...)
        Not below 0; NaN of fewer than two replicates.

    Notes
    -----
    The law of total variance, within a finite set of groups. Replicates draw from the same groups
    without replacement, so of the variance of each side they show ``1 - f``, with ``f`` the share
    of the groups that the side has (Cochran 1977, section 2.6); with as many groups on each side
    that is the correction of Nadeau and Bengio, Inference for the generalization error (Machine
    Learning 2003). Hence ``between = (1 - f) training + f evaluation`` with the share ``f`` that
    trains. A group's effects as a training group and as an evaluation group are taken for
    uncorrelated.
    """
    if drops.shape[-1] < 2 or not 0 < train_share < 1:
        return np.full(drops.shape[:-1], np.nan)
    between = drops.var(-1, ddof=1)
    rest = between - train_share * evaluation.mean(-1)
    found: FloatArray = np.maximum(rest / (1 - train_share), 0.0)
    return found


def noise_ceiling(drops: FloatArray) -> FloatArray:
    """Share of a drop's mean square that replicates agree in, from 0 to 1.

    Parameters
    ----------
    drops : array of shape (..., n_replicates)

    Returns
    -------
    array of shape (...)
        Signal power divided by total power; no model of the drop can explain more of a single
        replicate. NaN of fewer than two replicates, and where all drops are zero.

    Notes
    -----
    Sahani and Linden, How linear are auditory cortical responses? (NIPS 2002), section 2, with the
    power about zero: a cell has one number, not a course over time. Replicates of the same images
    agree more than those of new images would, so this is an upper bound.
    """
    count = drops.shape[-1]
    if count < 2:
        return np.full(drops.shape[:-1], np.nan)
    power = np.square(drops).mean(-1)
    signal = np.square(drops.mean(-1)) - drops.var(-1, ddof=1) / count
    with np.errstate(invalid="ignore", divide="ignore"):
        found: FloatArray = np.clip(signal / power, 0.0, 1.0)
    return found


def repeatability_limit(variance: FloatArray) -> FloatArray:
    """What two results that differ in their draw alone differ by at most, in 95 % of pairs.

    Notes
    -----
    ``1.96 sqrt(2) s``: ISO 5725-6:1994, section 4.1.
    """
    limit: FloatArray = 1.96 * np.sqrt(2 * variance)
    return limit
