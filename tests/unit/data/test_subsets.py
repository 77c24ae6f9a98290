"""A chosen subset is balanced by class and spread over groups."""

import numpy as np
import pytest

from bandprobe.data.subsets import choose_samples

# Four classes; each has four groups of five samples.
LABELS = np.repeat(np.arange(4), 20)
GROUPS = np.repeat(np.arange(16), 5)


@pytest.mark.parametrize("count", [4, 7, 16, 30, 79])
def test_classes_and_their_groups_are_balanced(count: int) -> None:
    rows = choose_samples(LABELS, GROUPS, count, seed=0)
    assert len(rows) == len(set(rows.tolist())) == count
    assert (np.diff(rows) > 0).all()
    for counts in (np.bincount(LABELS[rows], minlength=4),):
        assert counts.max() - counts.min() <= 1
    for label in range(4):
        within = np.bincount(GROUPS[rows][LABELS[rows] == label] - 4 * label, minlength=4)
        assert within.max() - within.min() <= 1


def test_all_samples_are_taken_where_there_are_no_more() -> None:
    np.testing.assert_array_equal(choose_samples(LABELS, GROUPS, 500, 0), np.arange(80))


def test_small_classes_give_what_they_have() -> None:
    labels = np.array([0] * 10 + [3] * 2)
    rows = choose_samples(labels, np.arange(12), 8, seed=1)
    assert np.bincount(labels[rows])[[0, 3]].tolist() == [6, 2]


def test_a_group_that_two_classes_share_counts_for_each() -> None:
    labels, groups = np.array([0, 0, 1, 1]), np.array([5, 6, 5, 6])
    rows = choose_samples(labels, groups, 4, seed=2)
    np.testing.assert_array_equal(rows, np.arange(4))


def test_the_seed_decides() -> None:
    first, again, other = (choose_samples(LABELS, GROUPS, 8, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert first.tolist() != other.tolist()
