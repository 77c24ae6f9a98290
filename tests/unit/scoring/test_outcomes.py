"""Outcomes of logits whose answer is known."""

import numpy as np
import pytest

from bandprobe.scoring.outcomes import Outcomes, blank_missing, outcomes, settled


@pytest.mark.parametrize(
    ("logits", "correct", "rank", "margin"),
    [
        ([3, 1, 0], 1, 1, 2),
        ([1, 3, 0], 0, 2, -2),
        ([0, 1, 3], 0, 3, -3),
        ([3, 3, 0], 0, 1.5, 0),
        ([3, 3, 3], 0, 2, 0),
        ([1, 1, 3], 0, 2.5, -2),
        ([-1, -2, -3], 1, 1, 1),
    ],
)
def test_outcome_of_the_first_class(
    logits: list[float], correct: float, rank: float, margin: float
) -> None:
    found = outcomes(np.array([logits], float), np.array([0]))
    assert (found.correct[0], found.rank[0], found.margin[0]) == (correct, rank, margin)


def test_a_constant_readout_has_the_rank_of_chance() -> None:
    found = outcomes(np.zeros((4, 9)), np.array([0, 3, 8, 5]))
    assert (found.rank == 5).all()
    assert (found.correct == 0).all()


def test_leading_axes_are_kept(rng: np.random.Generator) -> None:
    logits, labels = rng.normal(size=(2, 3, 6, 4)), np.array([0, 1, 2, 3, 0, 1])
    found = outcomes(logits, labels)
    for band in range(2):
        for draw in range(3):
            for one, all_of_it in zip(outcomes(logits[band, draw], labels), found, strict=True):
                np.testing.assert_array_equal(all_of_it[band, draw], one)


def test_outcomes_of_empty_bands_alone_are_blanked() -> None:
    values = np.ones((3, 2, 4), np.float32)
    found = blank_missing(Outcomes(values, values, values, values), np.array([5, 0, 1]) > 0)
    for blanked in found:
        assert np.isnan(blanked[1]).all()
        assert (blanked[[0, 2]] == 1).all()


@pytest.mark.parametrize(
    ("logits", "expected"),
    [
        (range(10), [0] * 5 + [1] * 5),
        ([0] * 10, [0.5] * 10),
        ([0] * 4, [1] * 4),
        ([9, 8, 7, 6, 5, 5, 5, 1], [1, 1, 1, 1, 1 / 3, 1 / 3, 1 / 3, 0]),
        ([9, 8, 7, 7, 1, 0], [1, 1, 1, 1, 1, 0]),
        ([5, 5, 5, 5, 5, 5, 1], [5 / 6] * 6 + [0]),
    ],
)
def test_a_tie_across_the_fifth_place_counts_by_its_chance(logits, expected) -> None:
    """As the rank does: over random orders of what is tied; the sum is five, or all classes."""
    labels = np.arange(len(logits))
    found = outcomes(np.tile(np.array(logits, float), (len(labels), 1)), labels).top5
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.sum() == pytest.approx(min(5, len(logits)))


def test_where_nothing_is_left_rounding_orders_no_class(rng: np.random.Generator) -> None:
    """All logits equal: the rank is (k + 1) / 2 and no image is right."""
    labels = np.arange(24) % 8
    clean = rng.normal(size=(24, 8))
    logits = rng.normal(size=(3, 1, 24, 8))
    logits[1] = 0.125 + 1e-5 * rng.uniform(-1, 1, 8)
    logits[2] = np.nan
    found = outcomes(settled(logits, clean), labels)
    assert (found.rank[1] == 4.5).all()
    assert (found.correct[1] == 0).all()
    assert (found.margin[1] == 0).all()
    np.testing.assert_allclose(found.top5[1], 5 / 8)
    np.testing.assert_array_equal(found.rank[0], outcomes(logits[0], labels).rank)


def test_logits_that_do_differ_stay_in_order(rng: np.random.Generator) -> None:
    """Unlike classes, as of unbalanced labels, or unlike images."""
    clean = rng.normal(size=(6, 3))
    priors = np.tile([0.3, 0.3 + 1e-6, 0.4], (6, 1))
    found = settled(priors, clean)
    assert found[0, 0] == found[0, 1] < found[0, 2]
    images = 1e-5 * rng.normal(size=(6, 3))
    np.testing.assert_array_equal(settled(images, clean), images)
    np.testing.assert_array_equal(settled(priors[:1], clean), priors[:1])
