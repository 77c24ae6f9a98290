"""A subset of samples: balanced by class, spread over as many groups as possible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def choose_samples(
    labels: NDArray[np.integer], groups: NDArray[np.integer], count: int, seed: int
) -> NDArray[np.int64]:
    """Positions of `count` samples, in increasing order; all of them if there are no more.

    Classes give one sample each, in random order, until there are enough. Within a class the
    groups take turns, in random order: samples of one group tell little more than one of them, so
    a second one comes only after every group of the class has given its first.

    Parameters
    ----------
    labels, groups : arrays of shape (n_samples,)
    count : int
    seed : int
    """
    generator = np.random.default_rng(seed)
    shuffled = generator.permutation(len(labels))
    # Number of each sample within its group, then within its class: the turns.
    within_group = _occurrence(np.stack([labels[shuffled], groups[shuffled]]))
    turns = shuffled[np.argsort(within_group, kind="stable")]
    within_class = _occurrence(labels[turns][None])
    classes = np.unique(labels)
    order = generator.permutation(len(classes))[np.searchsorted(classes, labels[turns])]
    chosen = turns[np.lexsort((order, within_class))][:count]
    return np.sort(chosen).astype(np.int64)


def _occurrence(keys: NDArray[np.integer]) -> NDArray[np.int64]:
    """How often the key of each column, of shape (n_keys, n_samples), has occurred before it."""
    seen: dict[tuple[int, ...], int] = {}
    found = np.empty(keys.shape[1], np.int64)
    for position, key in enumerate(map(tuple, keys.T.tolist())):
        found[position] = seen.get(key, 0)
        seen[key] = found[position] + 1
    return found
