"""Splits drawn anew, and variances from them: by hand, and where the truth is known."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from bandprobe.scoring.resplits import (
    MOST_SETS,
    cluster_variance,
    groups_per_side,
    jackknife_variance,
    left_out_sets,
    noise_ceiling,
    redrawn_split,
    repeatability_limit,
    training_of_replicates,
)

Labels = NDArray[np.int64]


def nested(n_classes: int, n_groups: int, size: int = 3) -> tuple[Labels, Labels]:
    """Labels and groups of classes with as many groups each, in a mixed order."""
    groups = np.arange(n_classes * n_groups * size) % (n_classes * n_groups)
    return groups % n_classes, groups


def test_each_set_is_one_group_of_one_class_and_each_group_is_left_out_once() -> None:
    labels, groups = nested(5, 2)
    sets = left_out_sets(labels, groups, seed=0)
    assert sets.members.shape == (10, 30)
    np.testing.assert_array_equal(sets.members.sum(0), 1)
    for members in sets.members:
        assert len(np.unique(groups[members])) == 1
    for name in np.unique(sets.stratum):
        own = labels[sets.members[sets.stratum == name].any(0)]
        assert len(np.unique(own)) == 1
        assert len(own) == (labels == own[0]).sum()


def test_many_classes_share_sets_of_one_block_each() -> None:
    labels, groups = nested(100, 12, size=1)
    sets = left_out_sets(labels, groups, seed=0)
    assert len(sets.members) == MOST_SETS
    np.testing.assert_array_equal(sets.members.sum(0), 1)
    for members, name in zip(sets.members, sets.stratum, strict=True):
        joined = np.unique(labels[members])
        # Of 12 groups in 10 blocks, one or two.
        assert set(np.bincount(labels[members])[joined]) <= {1, 2}
        of_stratum = sets.members[sets.stratum == name].any(0)
        np.testing.assert_array_equal(np.unique(labels[of_stratum]), joined)


def test_groups_of_several_classes_are_one_stratum() -> None:
    labels, groups = np.arange(40) % 4, np.arange(40) // 2
    sets = left_out_sets(labels, groups, seed=0)
    assert len(sets.members) == 20
    assert set(sets.stratum) == {0}


def test_a_class_of_one_group_leaves_nothing_to_leave_out() -> None:
    sets = left_out_sets(np.array([0, 0, 1, 1]), np.array([0, 1, 2, 2]), seed=0)
    assert sets.members.shape == (0, 4)
    assert np.isnan(jackknife_variance(np.zeros((3, 0)), sets.stratum)).all()


def test_the_jackknife_of_a_mean_of_class_means_is_its_textbook_variance() -> None:
    generator = np.random.default_rng(0)
    labels, groups = nested(4, 5, size=1)
    values = generator.normal(size=20)
    sets = left_out_sets(labels, groups, seed=1)
    assert len(sets.members) == 20
    means = [
        np.mean([values[(labels == name) & ~gone].mean() for name in range(4)])
        for gone in sets.members
    ]
    expected = sum(values[labels == name].var(ddof=1) / 5 for name in range(4)) / 16
    assert jackknife_variance(np.array(means), sets.stratum) == pytest.approx(expected)


def test_the_variance_of_evaluation_groups_by_hand() -> None:
    values = np.array([1.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    labels, groups = np.array([0, 0, 0, 1, 1, 1]), np.array([0, 0, 1, 2, 3, 3])
    # Deviations from 2/3 sum to -1/3 and 1/3; from 1/3, to 2/3 and -2/3.
    expected = (2 * (2 / 9) + 2 * (8 / 9)) / 36
    assert cluster_variance(values, labels, groups) == pytest.approx(expected)
    assert np.isnan(cluster_variance(values, labels, labels))


def test_a_redrawn_split_keeps_groups_complete_and_their_number_and_its_seed_decides() -> None:
    labels, groups = nested(4, 6)
    is_train = groups % 24 // 4 < 4
    assert groups_per_side(labels, groups, is_train) == (4, 2)
    drawn = [redrawn_split(labels, groups, is_train, 7, number) for number in range(20)]
    for split in drawn:
        assert groups_per_side(labels, groups, split) == (4, 2)
        assert not set(groups[split]) & set(groups[~split])
    assert len({split.tobytes() for split in drawn}) > 15
    again = redrawn_split(labels, groups, is_train, 7, 3)
    np.testing.assert_array_equal(again, drawn[3])
    assert (redrawn_split(labels, groups, is_train, 8, 3) != drawn[3]).any()
    # Each group trains in about two thirds of the splits.
    share = np.mean([redrawn_split(labels, groups, is_train, 1, n) for n in range(300)], axis=0)
    np.testing.assert_allclose(share, 2 / 3, atol=0.12)


def test_parts_of_a_known_variance_come_out_right() -> None:
    """A drop that is the mean effect of its training groups plus that of its evaluation groups."""
    n_classes, n_train, n_eval, repetitions = 4, 3, 2, 300
    deviation_train, deviation_eval = 0.09, 0.05
    labels, groups = nested(n_classes, n_train + n_eval, size=1)
    is_train = groups // n_classes < n_train
    true_train = deviation_train**2 / (n_classes * n_train)
    true_eval = deviation_eval**2 / (n_classes * n_eval)
    generator, found = np.random.default_rng(3), []
    sets = left_out_sets(labels[is_train], groups[is_train], seed=0)
    for repetition in range(repetitions):
        trained = generator.normal(0, deviation_train, len(labels))
        evaluated = generator.normal(0.1, deviation_eval, len(labels))
        own, names = trained[is_train], labels[is_train]
        less = [
            np.mean([own[(names == name) & ~gone].mean() for name in range(n_classes)])
            for gone in sets.members
        ]
        drops, within = [], []
        for number in range(8):
            split = redrawn_split(labels, groups, is_train, repetition, number)
            drops.append(trained[split].mean() + evaluated[~split].mean())
            within.append(cluster_variance(evaluated[~split], labels[~split], groups[~split]))
        found.append(
            [
                jackknife_variance(np.array(less), sets.stratum),
                np.mean(within),
                _unclipped(np.array(drops), np.array(within), n_train / (n_train + n_eval)),
            ]
        )
    jackknife, evaluation, replicates = np.mean(found, axis=0)
    assert jackknife == pytest.approx(true_train, rel=0.05)
    assert evaluation == pytest.approx(true_eval, rel=0.05)
    assert replicates == pytest.approx(true_train, rel=0.12)


def _unclipped(drops: NDArray[np.float64], within: NDArray[np.float64], share: float) -> float:
    """The estimate without its limit at zero, which would bias a mean over repetitions."""
    lifted = training_of_replicates(drops, within - 1.0, share)
    return float(lifted - share / (1 - share))


def test_one_replicate_has_no_spread_and_a_part_is_not_negative() -> None:
    assert np.isnan(training_of_replicates(np.zeros((2, 1)), np.zeros((2, 1)), 0.5)).all()
    still = training_of_replicates(np.full((1, 5), 0.2), np.full((1, 5), 0.01), 0.5)
    np.testing.assert_array_equal(still, 0)


def test_the_ceiling_is_one_without_noise_and_the_share_of_the_signal_with_it() -> None:
    generator = np.random.default_rng(0)
    drops = 0.3 + 0.2 * generator.normal(size=(2000, 10))
    expected = 0.09 / (0.09 + 0.04)
    assert noise_ceiling(drops).mean() == pytest.approx(expected, abs=0.03)
    assert noise_ceiling(np.full(4, 0.2)) == pytest.approx(1)
    assert noise_ceiling(np.array([0.2, -0.2, 0.2, -0.2])) == 0
    assert np.isnan(noise_ceiling(np.zeros(5)))
    assert np.isnan(noise_ceiling(np.array([0.2])))


def test_two_results_differ_by_less_than_the_limit_in_95_of_100_pairs() -> None:
    pairs = np.random.default_rng(0).normal(0, 0.3, (20000, 2))
    within = np.abs(np.diff(pairs)[:, 0]) < repeatability_limit(np.array(0.09))
    assert within.mean() == pytest.approx(0.95, abs=0.005)
