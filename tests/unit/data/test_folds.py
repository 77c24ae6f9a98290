"""Folds keep groups whole and spread every class."""

import numpy as np
import pytest

from bandprobe.data.folds import assign_folds
from bandprobe.errors import DatasetError

LABELS = np.repeat(np.arange(6), 40)
GROUPS = np.arange(240) // 4  # ten groups a class


def test_groups_are_never_divided() -> None:
    folds = assign_folds(LABELS, GROUPS, 5, 0)
    for group in range(60):
        assert len(np.unique(folds[group == GROUPS])) == 1


def test_every_class_is_spread_evenly_over_the_folds() -> None:
    folds = assign_folds(LABELS, GROUPS, 5, 0)
    for label in range(6):
        np.testing.assert_array_equal(np.bincount(folds[label == LABELS]), [8] * 5)


def test_a_class_with_fewer_groups_than_folds_is_spread_as_far_as_it_goes() -> None:
    labels, groups = np.repeat(np.arange(20), 24), np.arange(480) // 6  # four groups a class
    folds = assign_folds(labels, groups, 5, 0)
    for label in range(20):
        assert len(np.unique(folds[label == labels])) == 4


def test_folds_follow_the_seed() -> None:
    first = assign_folds(LABELS, GROUPS, 5, 1)
    np.testing.assert_array_equal(first, assign_folds(LABELS, GROUPS, 5, 1))
    assert (first != assign_folds(LABELS, GROUPS, 5, 2)).any()


def test_too_few_groups_are_refused_with_their_number() -> None:
    with pytest.raises(DatasetError, match=r"(?s)5 or more.*found: +4.*lower probe.folds"):
        assign_folds(np.arange(40) % 2, np.arange(40) // 10, 5, 0)
