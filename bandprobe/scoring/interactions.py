"""Exact interaction indices of pairs of bands, from all subsets of the bands.

How much more two bands bring together than one by one, averaged over what else is present. Positive
where they complement each other (synergy), negative where each can stand in for the other
(redundancy), zero where each brings the same with and without the other.
"""

from __future__ import annotations

from itertools import combinations
from math import factorial

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.scoring.outcomes import Outcomes
from bandprobe.scoring.shapley import all_subsets

# What interactions are of, by the name of the score.
PAYOFFS = {"accuracy": "expected_accuracy", "margin": "margin"}


def band_pairs(n_bands: int) -> list[tuple[int, int]]:
    """All pairs of different bands, the lower one first, in the order of their numbers."""
    return list(combinations(range(n_bands), 2))


def interaction_weights(n_bands: int) -> FloatArray:
    """Matrix that turns scores of `all_subsets` into interactions, (n_pairs, 2 ** n_bands).

    A subset that has `t` bands besides those of a pair counts with ``t! (n - t - 2)! / (n - 1)!``:
    with a minus if it has one band of the pair.

    Notes
    -----
    The Shapley interaction index of Grabisch and Roubens, An axiomatic approach to the concept of
    interaction among players in cooperative games (International Journal of Game Theory 1999),
    definition 2 for two players: the mean of ``v(T + ij) - v(T + i) - v(T + j) + v(T)`` over
    subsets `T` of the other bands, each size of `T` with the same weight.
    """
    subsets = all_subsets(n_bands)
    sizes = subsets.sum(1)
    by_size = np.array(
        [factorial(t) * factorial(n_bands - t - 2) for t in range(n_bands - 1)], np.float64
    )
    weights = np.empty((len(band_pairs(n_bands)), len(subsets)))
    for row, pair in enumerate(band_pairs(n_bands)):
        of_pair = subsets[:, pair].sum(1)
        sign = np.where(of_pair == 1, -1.0, 1.0)
        weights[row] = sign * by_size[sizes - of_pair] / factorial(n_bands - 1)
    return weights


def interactions(scores: FloatArray) -> FloatArray:
    """Interaction index of each pair of bands.

    Parameters
    ----------
    scores : array of shape (2 ** n_bands, ...)
        Score of each of `all_subsets`; further axes, such as images, are kept.

    Returns
    -------
    array of shape (n_pairs, ...)
        In the order of `band_pairs`. Summed over the pairs of a band they are what its removal
        costs minus what it brings on its own, `row_sums`.
    """
    n_bands = int(np.log2(len(scores)))
    values: FloatArray = np.tensordot(interaction_weights(n_bands), scores, axes=1)
    return values


def row_sums(values: FloatArray, n_bands: int) -> FloatArray:
    """Sum of the interactions of each band with all others, shape (n_bands, ...).

    Parameters
    ----------
    values : array of shape (n_pairs, ...)
        As of `interactions`; NaN count as zero.
    n_bands : int

    Notes
    -----
    It equals ``(v(all) - v(all - i)) - (v(i) - v(none))``. The interaction of `i` and `j` is the
    Shapley value of `j` in the game of the other bands whose score is what `i` adds to them, and
    Shapley values add up to the score of all minus that of none.
    """
    sums = np.zeros((n_bands, *values.shape[1:]))
    for row, pair in enumerate(band_pairs(n_bands)):
        sums[list(pair)] += np.nan_to_num(values[row])
    return sums


def singles(n_bands: int) -> list[int]:
    """Position in `all_subsets` of each band alone."""
    return [1 << band for band in range(n_bands)]


def complements(n_bands: int) -> list[int]:
    """Position in `all_subsets` of all bands but one, for each band."""
    return [2**n_bands - 1 - (1 << band) for band in range(n_bands)]


def expected_accuracy(scored: Outcomes) -> FloatArray:
    """Probability of a right answer if ties for the first place are broken at random.

    Where a tie counts as wrong, a blank map is worse than a guess, and any two bands seem to stand
    in for each other because either of them breaks the tie.
    """
    among = 1 / (2 * scored.rank.astype(np.float64) - 1)
    tied = (scored.correct == 0) & (scored.margin == 0)
    found: FloatArray = np.where(tied, among, scored.correct.astype(np.float64))
    return found
