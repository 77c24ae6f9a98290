"""P-values corrected for how many there are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray


def corrected(p_values: FloatArray, method: str) -> FloatArray:
    """P-values corrected for their number; NaN are left out and stay.

    Parameters
    ----------
    p_values : array of any shape
    method : {"holm", "fdr_bh"}
        Holm's step-down procedure for the family-wise error rate, and Benjamini and Hochberg's for
        the false discovery rate, both as of statsmodels.
    """
    # Slow to import.
    from statsmodels.stats.multitest import multipletests

    result = np.full(p_values.shape, np.nan)
    exists = np.isfinite(p_values)
    if exists.any():
        result[exists] = multipletests(p_values[exists], method=method)[1]
    return result


def corrected_in_levels(p_values: FloatArray, family: NDArray[np.integer]) -> FloatArray:
    """P-values corrected first for the families, then within those that hold an effect.

    A family is rejected by Benjamini and Hochberg's procedure on the families' own tests, and its
    members by the same procedure at a level that shrinks with the share of families rejected. At a
    threshold `q` the expected share of false findings, averaged over the rejected families, is at
    most `q`; of a data set without effects, a family is rejected with a probability of `q`.

    Parameters
    ----------
    p_values : array of shape (n,)
        Without NaN.
    family : array of shape (n,)

    Returns
    -------
    array of shape (n,)
        The smallest threshold at which each is rejected, at most 1.

    Notes
    -----
    Benjamini and Bogomolov, Selective inference on multiple families of hypotheses (Journal of the
    Royal Statistical Society B 2014), with Simes' test of each family, so that a family is rejected
    together with at least one of its members. Of `m` families `R(q)` are rejected, and a member
    if its p-value corrected within the family is at most `q R(q) / m`.
    """
    _, family = np.unique(family, return_inverse=True)
    within = np.empty(len(p_values))
    for number in range(family.max(initial=-1) + 1):
        members = family == number
        within[members] = corrected(p_values[members], "fdr_bh")
    # Simes' p-value of a family is the smallest of those corrected within it.
    own = np.full(family.max(initial=-1) + 1, np.inf)
    np.minimum.at(own, family, within)
    rank = np.arange(1, len(own) + 1)
    # At least r families are rejected from this threshold on.
    reached = np.minimum.accumulate((np.sort(own) * len(own) / rank)[::-1])[::-1]
    needed = np.maximum(reached, within[:, None] * len(own) / rank)
    smallest: FloatArray = needed.min(1, initial=1.0)
    return smallest
