"""Labels at random, which no readout should be able to tell from the maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def permuted_labels(
    labels: NDArray[np.integer], groups: NDArray[np.integer], seed: int, draw: int
) -> NDArray[np.integer]:
    """Permute labels: among groups if each group has a single label, otherwise among samples.

    Samples of one group keep a common label, so that a readout can learn as much from permuted
    labels as the dependence of the samples allows.

    Parameters
    ----------
    labels, groups : arrays of shape (n_samples,)
    seed, draw : int
    """
    generator = np.random.default_rng([seed, draw, 2])
    _, first, code = np.unique(groups, return_index=True, return_inverse=True)
    if np.array_equal(labels, labels[first][code]):
        return generator.permutation(labels[first])[code]
    return generator.permutation(labels)
