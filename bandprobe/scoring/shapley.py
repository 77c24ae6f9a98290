"""Exact Shapley values of bands, from all subsets of them.

What a band contributes to a score depends on which others are present; the Shapley value is its
mean contribution over all orders in which the bands could be added, and the values add up to the
score of the whole map minus that of none (Shapley, A Value for n-Person Games, 1953).
"""

from __future__ import annotations

from math import factorial

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray

# Scores that have Shapley values.
UNITS = {"accuracy": "1", "margin": "logits"}
# All subsets are evaluated: 2 ** 12 = 4096 of them.
MOST_BANDS = 12


def all_subsets(n_bands: int) -> NDArray[np.bool_]:
    """Every subset of the bands, shape (2 ** n_bands, n_bands); the first is empty."""
    members = np.arange(2**n_bands)[:, None] >> np.arange(n_bands)
    return (members & 1).astype(bool)


def shapley_weights(n_bands: int) -> FloatArray:
    """Matrix that turns scores of `all_subsets` into Shapley values, (n_bands, 2 ** n_bands).

    The entry of a subset of size s is ``(s - 1)! (n - s)! / n!`` for its members, and
    ``-s! (n - s - 1)! / n!`` for the others.
    """
    subsets = all_subsets(n_bands)
    sizes = subsets.sum(1)
    orders = factorial(n_bands)
    inside = [
        factorial(s - 1) * factorial(n_bands - s) / orders if s else 0.0 for s in range(n_bands + 1)
    ]
    outside = [
        -factorial(s) * factorial(n_bands - s - 1) / orders if s < n_bands else 0.0
        for s in range(n_bands + 1)
    ]
    weights: FloatArray = np.where(
        subsets, np.array(inside)[sizes][:, None], np.array(outside)[sizes][:, None]
    ).T
    return weights


def shapley_values(scores: FloatArray) -> FloatArray:
    """Shapley value of each band.

    Parameters
    ----------
    scores : array of shape (2 ** n_bands, ...)
        Score of each of `all_subsets`; further axes, such as images, are kept.

    Returns
    -------
    array of shape (n_bands, ...)
        Summed over bands it is ``scores[-1] - scores[0]``.
    """
    n_bands = int(np.log2(len(scores)))
    values: FloatArray = np.tensordot(shapley_weights(n_bands), scores, axes=1)
    return values
