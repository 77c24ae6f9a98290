"""Which images stand for a cell: a rule on the stored margins, never a choice by hand."""

from __future__ import annotations

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray

# In the order in which they choose; an image that one has chosen is gone for the next.
HURT, HELPED, MEDIAN, UNHARMED = "most hurt", "most helped", "median", "least changed"
RULES = {
    HURT: "the margin of the true class falls most",
    HELPED: "the margin of the true class rises most; none if it rises for no image",
    MEDIAN: "the change of the margin is the closest to the median over all images",
    UNHARMED: "the margin changes least, in either direction",
}


def chosen_images(clean: MapArray, changed: MapArray, seed: int) -> dict[str, int]:
    """Positions of the images that stand for a cell, by the name of the rule that chose them.

    Parameters
    ----------
    clean, changed : arrays of shape (n_samples,)
        Margin of each image's true class before and after the intervention, in logits.
    seed : int
        Of the order in which images are looked at, which decides between equal ones.

    Returns
    -------
    dict
        In the order of `RULES`, each image once. A rule that finds none is left out.
    """
    order = np.random.default_rng(seed).permutation(len(clean))
    drop = clean.astype(np.float64) - changed.astype(np.float64)
    scores = {
        HURT: np.where(drop > 0, -drop, np.inf),
        HELPED: np.where(drop < 0, drop, np.inf),
        MEDIAN: np.abs(drop - np.median(drop)),
        UNHARMED: np.abs(drop),
    }
    chosen: dict[str, int] = {}
    for rule in RULES:
        left = order[~np.isin(order, list(chosen.values()))]
        if len(left):
            first = _first_of_least(scores[rule], left)
            if np.isfinite(scores[rule][first]):
                chosen[rule] = first
    return chosen


def _first_of_least(scores: FloatArray, order: np.ndarray) -> int:
    """The first position, in an order, of those with the least score."""
    return int(order[np.argmin(scores[order])])
