"""A ridge readout from its Gram matrix: the penalty found, and weights for all sets of labels.

Of very many maps a quarter is fitted first, at all penalties: each takes a sixty-fourth of the time
of all maps. It says where the search among these begins, not where it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError

from bandprobe.base.arrays import FloatArray, LabelArray
from bandprobe.linear.factor_ridge import FactorRidge
from bandprobe.linear.gram_ridge import GramRidge, LabelSets
from bandprobe.linear.penalty_search import CHANCE_SHARE, search_path
from bandprobe.linear.probe import scale_free_log_loss

# From so many maps on, half of an inverse takes the place of an inverse, and a part of the maps is
# fitted before all of them.
HALF_FROM = 2000
# One in so many maps.
PART = 4
# Fewer maps have a flatter loss at small penalties, which is no guide: the search begins at the
# largest penalty whose loss is higher than the least by no more than this share.
LEVEL = 0.005


@dataclass(frozen=True)
class RidgeFit:
    """Readouts of the penalty that was chosen.

    Attributes
    ----------
    duals : array of shape (n_sets, n_classes, n_samples)
        Weights on the training maps, for each set of labels.
    intercepts : array of shape (n_sets, n_classes)
        For inner products that are not centred.
    losses : array of shape (n_folds, n_penalties)
        Scale-free log loss on held-out folds, of the true labels; NaN where not visited.
    chosen : int
        Position of the penalty.
    norm : float
        As of `bandprobe.linear.gram_ridge.GramRidge`, the unit of the penalties.
    """

    duals: FloatArray
    intercepts: FloatArray
    losses: FloatArray
    chosen: int
    norm: float


@dataclass(frozen=True)
class RidgePath:
    """What readouts of a Gram matrix are fitted to.

    Attributes
    ----------
    sets : LabelSets
        The first are the true labels, which alone choose the penalty.
    folds : array of shape (n_samples,)
    penalties : array of shape (n_penalties,)
        Relative to the mean squared norm of a centred map.
    """

    sets: LabelSets
    folds: LabelArray
    penalties: FloatArray


def search_ridge(
    grams: Sequence[NDArray[np.floating]],
    total: float,
    path: RidgePath,
    start: int | None = None,
    note: Callable[[int, FloatArray, FloatArray], None] | None = None,
) -> RidgeFit | None:
    """Fit a readout; None where the maps do not differ, or no penalty can be fitted.

    Parameters
    ----------
    grams, total
        As of `bandprobe.linear.gram_ridge.GramRidge`.
    path : RidgePath
    start : int, optional
        Position of a penalty to begin at.
    note : callable, optional
        Called at each penalty that is visited, with its position and with the weights and the
        intercept of the true labels.
    """
    if start is None and len(grams[0]) >= HALF_FROM:
        start = _start(grams, total, path)
    return _search(grams, total, path, start, note)


def _start(grams: Sequence[NDArray[np.floating]], total: float, path: RidgePath) -> int | None:
    """Where a part of the maps says that the loss begins to rise, if it is better than chance."""
    count = len(grams[0])
    rows = np.sort(np.random.default_rng(0).permutation(count)[: count // PART])
    some = [gram[np.ix_(rows, rows)] for gram in grams]
    ridge, labels, folds = _ridge(some, total), path.sets.labels[0, rows], path.folds[rows]
    sets = LabelSets(labels[None], path.sets.n_classes)
    if ridge.is_flat:
        return None
    loss = np.full(len(path.penalties), np.inf)
    for position, penalty in enumerate(path.penalties):
        with suppress(LinAlgError):
            duals = ridge.duals(penalty, sets)[0]
            loss[position] = held_out_losses(ridge, penalty, duals, labels, folds).mean()
    if not loss.min() < CHANCE_SHARE * np.log(sets.n_classes):
        return None
    return int(np.flatnonzero(loss <= (1 + LEVEL) * loss.min())[-1])


def _ridge(grams: Sequence[NDArray[np.floating]], total: float) -> GramRidge:
    return (FactorRidge if len(grams[0]) >= HALF_FROM else GramRidge)(grams, total)


def held_out_losses(
    ridge: GramRidge, penalty: float, duals: FloatArray, labels: LabelArray, folds: LabelArray
) -> FloatArray:
    """Scale-free log loss on each held-out fold, shape (n_folds,), at the penalty of `duals`.

    Parameters
    ----------
    ridge : GramRidge
        It was last asked for the weights of this penalty.
    penalty : float
    duals : array of shape (n_classes, n_samples)
        Weights on the training maps.
    labels, folds : int arrays of shape (n_samples,)
    """
    held_out = ridge.held_out(penalty, duals, labels, folds)
    return np.array(
        [scale_free_log_loss(logits, labels[held], np.float32) for held, logits in held_out]
    )


def _search(
    grams: Sequence[NDArray[np.floating]],
    total: float,
    path: RidgePath,
    start: int | None,
    note: Callable[[int, FloatArray, FloatArray], None] | None,
) -> RidgeFit | None:
    ridge = _ridge(grams, total)
    if ridge.is_flat:
        return None
    labels, n_classes = path.sets.labels, path.sets.n_classes
    true, others = LabelSets(labels[:1], n_classes), LabelSets(labels[1:], n_classes)
    best: dict[int, FloatArray] = {}
    least = np.inf

    def all_duals(own: FloatArray) -> FloatArray:
        """Of all sets, at the penalty that `ridge` is at."""
        return np.concatenate([own, ridge.more_duals(others)]) if len(others.labels) else own

    def visit(position: int) -> FloatArray:
        nonlocal least
        penalty = path.penalties[position]
        try:
            duals = ridge.duals(penalty, true)
        except LinAlgError:
            return np.full(len(np.unique(path.folds)), np.inf)
        losses = held_out_losses(ridge, penalty, duals[0], labels[0], path.folds)
        if note is not None:
            note(position, duals[0], ridge.intercepts(duals, true)[0])
        if np.mean(losses) < least:
            least = float(np.mean(losses))
            best.clear()
            best[position] = all_duals(duals)
        return losses

    losses, chosen = search_path(visit, len(path.penalties), n_classes, start)
    if not best:
        return None
    if chosen not in best:
        best = {chosen: all_duals(ridge.duals(path.penalties[chosen], true))}
    duals = best[chosen]
    return RidgeFit(duals, ridge.intercepts(duals, path.sets), losses, chosen, ridge.norm)
