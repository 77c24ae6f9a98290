"""Folds for cross-validation: what is not independent never stands on both sides."""

from __future__ import annotations

import warnings

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

from bandprobe.errors import DatasetError


def assign_folds(
    labels: NDArray[np.int64], groups: NDArray[np.int64], n_folds: int, seed: int
) -> NDArray[np.int64]:
    """Fold of each sample: whole groups, at random, balanced by class as far as they allow.

    Raises
    ------
    DatasetError
        If there are fewer groups than folds.
    """
    n_groups = len(np.unique(groups))
    if n_groups < n_folds:
        raise DatasetError(
            "too few groups of training samples for the cross-validation",
            expected=f"{n_folds} or more, one a fold",
            found=n_groups,
            hint="lower probe.folds, or give the data set more groups",
        )
    # Balance by class is only to be had where a class can be in every fold.
    balanced = int(np.bincount(labels).max()) >= n_folds
    kind = StratifiedGroupKFold if balanced else GroupKFold
    splitter = kind(n_folds, shuffle=True, random_state=seed)
    folds = np.empty(len(labels), np.int64)
    with warnings.catch_warnings():
        # A class with fewer groups than folds is simply absent from some of them.
        warnings.filterwarnings("ignore", message="The least populated class")
        for fold, (_, held) in enumerate(splitter.split(labels, labels, groups)):
            folds[held] = fold
    return folds
