"""Outcomes of logits whose answer is known."""

import numpy as np
import pytest

from bandprobe.scoring.outcomes import Outcomes, blank_missing, outcomes


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
