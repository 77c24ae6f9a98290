"""A ridge readout from its Gram matrix: the penalty found, and weights for all sets of labels.

Of very many maps a quarter is fitted first, at all penalties: each takes a sixty-fourth of the time
of all maps. It says where the search among these begins, not where it ends. Sums in single
precision are searched in single precision; what cannot be told apart there, and what is chosen, is
fitted in double precision.
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

# From so many maps on, half of an inverse takes the place of an inverse where that is cheaper, and
# a part of the maps is fitted before all of them.
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
    labels, folds = path.sets.labels[0, rows], path.folds[rows]
    sets = LabelSets(labels[None], path.sets.n_classes)
    ridge = _ridge(some, total, RidgePath(sets, folds, path.penalties))
    if ridge.is_flat:
        return None
    loss = np.full(len(path.penalties), np.inf)
    for position, penalty in enumerate(path.penalties):
        with suppress(LinAlgError):
            duals = ridge.duals(penalty, sets, single=_are_single(some))[0]
            loss[position] = held_out_losses(ridge, penalty, duals, labels, folds).mean()
    if not loss.min() < CHANCE_SHARE * np.log(sets.n_classes):
        return None
    return int(np.flatnonzero(loss <= (1 + LEVEL) * loss.min())[-1])


def _ridge(grams: Sequence[NDArray[np.floating]], total: float, path: RidgePath) -> GramRidge:
    count, n_folds = len(grams[0]), len(np.unique(path.folds))
    half = count >= HALF_FROM and half_is_cheaper(count, path.sets.n_classes, n_folds)
    return (FactorRidge if half else GramRidge)(grams, total)


def half_is_cheaper(count: int, n_classes: int, n_folds: int) -> bool:
    """Whether the products of half an inverse take fewer operations than its other half.

    These are the diagonal blocks of the inverse, and the weights of a set of labels: of the whole
    inverse they are no more than blocks, and sums of a few rows.
    """
    return count**2 * n_classes + count**3 / (3 * n_folds) < count**3 / 3


def _are_single(grams: Sequence[NDArray[np.floating]]) -> bool:
    return np.result_type(*grams) == np.float32


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
    ridge = _ridge(grams, total, path)
    if ridge.is_flat:
        return None
    visits = _Visits(ridge, path, note)
    count, n_classes = len(path.penalties), path.sets.n_classes
    if _are_single(grams):
        _, start = search_path(visits.single, count, n_classes, start)
    _, chosen = search_path(visits.double, count, n_classes, start)
    duals = visits.duals_at(chosen)
    if duals is None:
        return None
    intercepts = ridge.intercepts(duals, path.sets)
    return RidgeFit(duals, intercepts, visits.losses(), chosen, ridge.norm)


class _Visits:
    """The penalties of a path that are visited, in single or in double precision.

    Parameters
    ----------
    ridge : GramRidge
    path : RidgePath
    note : callable, optional
        As of `search_ridge`.
    """

    def __init__(
        self,
        ridge: GramRidge,
        path: RidgePath,
        note: Callable[[int, FloatArray, FloatArray], None] | None,
    ) -> None:
        labels, n_classes = path.sets.labels, path.sets.n_classes
        self._ridge, self._path, self._note = ridge, path, note
        self._true = LabelSets(labels[:1], n_classes)
        self._others = LabelSets(labels[1:], n_classes)
        # Losses, with the share of them by which they may be off.
        self._found: dict[int, tuple[FloatArray, float]] = {}
        self._best: dict[int, FloatArray] = {}

    def single(self, position: int) -> FloatArray:
        """Losses (n_folds,) at a penalty in single precision, where that is enough."""
        return self._visit(position, single=True)

    def double(self, position: int) -> FloatArray:
        """As `single`, but in double precision what may be the least loss."""
        if position in self._found:
            losses, share = self._found[position]
            least = min((1 + off) * float(one.mean()) for one, off in self._found.values())
            # Also where nothing can be fitted.
            if share == 0 or not (1 - share) * float(losses.mean()) <= least:
                return losses
        return self._visit(position, single=False)

    def _visit(self, position: int, *, single: bool) -> FloatArray:
        ridge, path, labels = self._ridge, self._path, self._path.sets.labels[0]
        penalty = path.penalties[position]
        try:
            duals = ridge.duals(penalty, self._true, single=single)
        except LinAlgError:
            losses = np.full(len(np.unique(path.folds)), np.inf)
            self._found[position] = losses, 0.0
            return losses
        losses = held_out_losses(ridge, penalty, duals[0], labels, path.folds)
        is_single = duals.dtype == np.float32
        self._found[position] = losses, ridge.rounding if is_single else 0.0
        if self._note is not None:
            self._note(position, duals[0], ridge.intercepts(duals, self._true)[0])
        if not is_single and self._is_least(position):
            self._best.clear()
            self._best[position] = self._of_all_sets(duals)
        return losses

    def losses(self) -> FloatArray:
        """Losses (n_folds, n_penalties); NaN where not visited, or where nothing can be fitted."""
        found = np.full((len(np.unique(self._path.folds)), len(self._path.penalties)), np.nan)
        for position, (losses, _) in self._found.items():
            found[:, position] = np.where(np.isfinite(losses), losses, np.nan)
        return found

    def _is_least(self, position: int) -> bool:
        """Whether the loss is the least of those in double precision."""
        known = [float(losses.mean()) for losses, share in self._found.values() if share == 0]
        return float(self._found[position][0].mean()) <= min(known)

    def _of_all_sets(self, own: FloatArray) -> FloatArray:
        """Weights of all sets, at the penalty that the ridge is at."""
        if not len(self._others.labels):
            return own
        return np.concatenate([own, self._ridge.more_duals(self._others)])

    def duals_at(self, chosen: int) -> FloatArray | None:
        """Weights of all sets in double precision; None where nothing can be fitted."""
        if not np.isfinite(self._found[chosen][0]).all():
            return None
        if chosen not in self._best:
            duals = self._ridge.duals(self._path.penalties[chosen], self._true)
            return self._of_all_sets(duals)
        return self._best[chosen]
