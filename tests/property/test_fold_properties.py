"""Folds never divide a group."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from bandprobe.data.folds import assign_folds


@settings(max_examples=60, deadline=None)
@given(st.integers(2, 5), st.integers(0, 8), st.integers(1, 4), st.integers(0, 99))
def test_groups_stay_whole_and_no_fold_is_empty(
    n_folds: int, more: int, n_classes: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    n_groups = n_folds + more
    groups = np.repeat(np.arange(n_groups), rng.integers(1, 5, n_groups))
    labels = rng.integers(0, n_classes, n_groups)[groups]
    order = rng.permutation(len(groups))
    folds = assign_folds(labels[order], groups[order], n_folds, seed)
    assert set(folds.tolist()) == set(range(n_folds))
    for group in range(n_groups):
        assert len(set(folds[groups[order] == group].tolist())) == 1
