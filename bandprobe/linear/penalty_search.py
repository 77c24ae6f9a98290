"""Finding the penalty of least loss without visiting all penalties.

The held-out loss is smooth along the penalty path. Where the readout is no better than chance it
is flat and has several minima: there, all penalties are visited.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from bandprobe.base.arrays import FloatArray

# Of the loss of a readout that knows nothing: above this share of it, it is no better than chance.
CHANCE_SHARE = 0.995


def search_path(
    visit: Callable[[int], FloatArray], count: int, n_classes: int, start: int | None = None
) -> tuple[FloatArray, int]:
    """Losses of the penalties that were visited, and the position of the least mean loss.

    Parameters
    ----------
    visit : callable
        From the position of a penalty to its losses, (n_folds,), infinite where it cannot be
        fitted; called once for each position.
    count : int
        Number of penalties.
    n_classes : int
    start : int, optional
        A position to begin at; otherwise the search begins with three that divide the path.

    Returns
    -------
    losses : array of shape (n_folds, n_penalties)
        NaN at penalties that were not visited, or cannot be fitted.
    chosen : int
        A minimum of the mean over folds: both its neighbours were visited, and are no better.
    """
    found: dict[int, FloatArray] = {}

    def mean_loss(position: int) -> float:
        if position not in found:
            found[position] = visit(position)
        return float(found[position].mean())

    starts = sorted({count // 4, count // 2, 3 * count // 4}) if start is None else [start]
    best = min(starts, key=mean_loss)
    while True:
        beside = [near for near in (best - 1, best + 1) if 0 <= near < count]
        lower = min(beside, key=mean_loss, default=best)
        if not mean_loss(lower) < mean_loss(best):
            break
        best = lower
    if not mean_loss(best) < CHANCE_SHARE * np.log(n_classes):
        best = min(range(count), key=mean_loss)
    losses = np.full((len(found[best]), count), np.nan)
    for position, of_folds in found.items():
        losses[:, position] = np.where(np.isfinite(of_folds), of_folds, np.nan)
    return losses, best
