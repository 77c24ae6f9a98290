"""Ridge readouts of any part of the maps, from inner products of all of them.

A readout is its weights on the maps that it was fitted to, ``W = sum_i a_i z_i``. Its logits, and
the part of them that comes from a band, are inner products with these maps.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, LabelArray, MaskArray
from bandprobe.linear.factorise import positive_inverse, solve
from bandprobe.linear.gram_ridge import LabelSets
from bandprobe.linear.ridge_search import RidgePath, search_ridge


@dataclass(frozen=True)
class DualFit:
    """A ridge readout as weights on the maps that it was fitted to.

    Attributes
    ----------
    rows : int array of shape (n_fitted,)
        Positions of these maps among all.
    duals : array of shape (n_fitted, n_classes)
    intercept : array of shape (n_classes,)
        For inner products that are not centred.
    chosen : int
        Position of the penalty.
    penalty : float
        The penalty itself, not relative to the norm of the maps.
    """

    rows: NDArray[np.intp]
    duals: FloatArray
    intercept: FloatArray
    chosen: int
    penalty: float


def fit_duals(
    grams: Sequence[NDArray[np.floating]],
    total: float,
    rows: NDArray[np.intp],
    labels: LabelArray,
    folds: LabelArray,
    n_classes: int,
    penalties: FloatArray,
    start: int | None = None,
) -> DualFit | None:
    """Fit a readout to some of the maps, its penalty chosen by grouped cross-validation.

    Parameters
    ----------
    grams : sequence of arrays of shape (n_samples, n_samples)
        Their sum has the inner products of all maps.
    total : float
        As for `bandprobe.linear.gram_ridge.GramRidge`.
    rows : int array of shape (n_fitted,)
        Positions of the maps to fit to.
    labels, folds : arrays of shape (n_fitted,)
    n_classes : int
    penalties : array of shape (n_penalties,)
        Increasing, relative to the mean squared norm of a centred map.
    start : int, optional
        Position of a penalty to begin at.

    Returns
    -------
    DualFit or None
        None where these maps do not differ, or no penalty can be fitted.
    """
    path = RidgePath(LabelSets(labels[None], n_classes), folds, penalties)
    found = search_ridge([_part(grams, rows, rows)], total, path, start)
    if found is None:
        return None
    return DualFit(
        rows,
        found.duals[0].T,
        found.intercepts[0],
        found.chosen,
        float(penalties[found.chosen] * found.norm),
    )


def without(
    grams: Sequence[NDArray[np.floating]],
    fit: DualFit,
    labels: LabelArray,
    left_out: Iterable[MaskArray],
) -> Iterator[DualFit]:
    """The same readout fitted without some of its maps, at the same penalty.

    Parameters
    ----------
    grams : sequence of arrays of shape (n_samples, n_samples)
    fit : DualFit
        Fitted to `labels` at its penalty.
    labels : array of shape (n_fitted,)
    left_out : iterable of bool arrays of shape (n_fitted,)

    Yields
    ------
    DualFit
        With zero weights on what was left out.

    Notes
    -----
    One factorisation serves all. A fit without the maps F is the fit to all maps in which the
    targets of F are what the former predicts for them (Cook and Weisberg, Residuals and Influence
    in Regression, 1982, section 3.2): these targets change by ``-(I - H_FF)^-1 r_F`` with the
    residuals ``r = penalty a`` and ``I - H = penalty A - 1/n``, and the weights by ``A`` times the
    centred change, with ``A = (K + penalty I)^-1`` of the centred Gram matrix K.
    """
    gram = _part(grams, fit.rows, fit.rows)
    count, penalty = len(gram), fit.penalty
    centred = gram - gram.mean(0) - gram.mean(0)[:, None] + gram.mean()
    centred.flat[:: count + 1] += penalty
    inverse = positive_inverse(centred)
    target = np.eye(fit.duals.shape[1])[labels]
    for gone in left_out:
        inner = penalty * inverse[np.ix_(gone, gone)] - 1.0 / count
        change = -solve(inner, penalty * fit.duals[gone])
        duals = fit.duals + inverse[:, gone] @ change - change.sum(0) / (count * penalty)
        duals[gone] = 0.0
        kept = ~gone
        intercept = target[kept].mean(0) - gram[kept].mean(0) @ duals
        yield DualFit(fit.rows, duals, intercept, fit.chosen, penalty)


def band_logits(
    grams: Sequence[NDArray[np.floating]],
    fit: DualFit,
    others: NDArray[np.intp],
    trained: MaskArray | None = None,
) -> tuple[FloatArray, FloatArray]:
    """Logits of other maps by band, and those of the mean map that the readout was fitted to.

    Parameters
    ----------
    grams : sequence of arrays of shape (n_samples, n_samples)
        One per band.
    fit : DualFit
    others : int array of shape (n_others,)
        Positions of the maps to score.
    trained : bool array of shape (n_fitted,), optional
        Maps of the fit that the mean is of; without it, of all.

    Returns
    -------
    logits : array of shape (n_bands, n_others, n_classes)
        Without the intercept.
    fill : array of shape (n_bands, n_classes)
        As `mean` fills are, of the maps that the readout was fitted to.
    """
    rows = fit.rows if trained is None else fit.rows[trained]
    logits, fill = [], []
    for gram in grams:
        weights = np.zeros((len(gram), fit.duals.shape[1]))
        weights[fit.rows] = fit.duals
        # A product with all maps is faster than picking out those of the two sides.
        scores = gram @ weights
        logits.append(scores[others])
        fill.append(scores[rows].mean(0))
    return np.stack(logits), np.stack(fill)


def _part(
    grams: Sequence[NDArray[np.floating]], rows: NDArray[np.intp], columns: NDArray[np.intp]
) -> FloatArray:
    """The sum of some matrices at some rows and columns, in double precision."""
    found = np.zeros((len(rows), len(columns)))
    for gram in grams:
        found += gram[np.ix_(rows, columns)]
    return found
