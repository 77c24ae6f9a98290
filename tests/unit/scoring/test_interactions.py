"""Interactions of bands against the mean over all orders, known games, and sums that must hold."""

from itertools import combinations, permutations

import numpy as np
import pytest

from bandprobe.scoring.interactions import (
    band_pairs,
    complements,
    expected_accuracy,
    interactions,
    row_sums,
    singles,
)
from bandprobe.scoring.outcomes import outcomes
from bandprobe.scoring.shapley import all_subsets, shapley_values


def position(members: set[int]) -> int:
    return sum(1 << band for band in members)


def difference(scores: np.ndarray, members: set[int], i: int, j: int) -> np.ndarray:
    """The second difference, as the definition writes it."""
    one, other = scores[position(members | {i})], scores[position(members | {j})]
    found: np.ndarray = scores[position(members | {i, j})] - one - other + scores[position(members)]
    return found


@pytest.mark.parametrize("n_bands", [2, 3, 4, 5])
def test_interactions_are_mean_differences_over_all_orders(
    n_bands: int, rng: np.random.Generator
) -> None:
    """Orders in which the pair comes as one player; what is before it is present."""
    scores = rng.normal(size=(2**n_bands, 3))
    values = interactions(scores)
    assert len(values) == len(band_pairs(n_bands))
    for row, (i, j) in enumerate(band_pairs(n_bands)):
        players: list[object] = [b for b in range(n_bands) if b not in (i, j)]
        orders = list(permutations([*players, "pair"]))
        found = [
            difference(scores, {int(str(b)) for b in order[: order.index("pair")]}, i, j)
            for order in orders
        ]
        np.testing.assert_allclose(values[row], np.mean(found, axis=0), atol=1e-12)


def test_interactions_are_means_over_sizes_of_means_over_subsets(rng: np.random.Generator) -> None:
    scores = rng.normal(size=(2**7, 2))
    values = interactions(scores)
    for row, (i, j) in enumerate(band_pairs(7)):
        others = [b for b in range(7) if b not in (i, j)]
        by_size = [
            np.mean([difference(scores, set(t), i, j) for t in combinations(others, size)], axis=0)
            for size in range(6)
        ]
        np.testing.assert_allclose(values[row], np.mean(by_size, axis=0), atol=1e-12)


def test_sums_of_a_band_are_what_its_removal_costs_minus_what_it_brings_alone(
    rng: np.random.Generator,
) -> None:
    scores = rng.normal(size=(2**6, 5))
    cost = scores[-1] - scores[complements(6)]
    alone = scores[singles(6)] - scores[0]
    np.testing.assert_allclose(row_sums(interactions(scores), 6), cost - alone, atol=1e-12)
    subsets = all_subsets(6)
    assert [np.flatnonzero(subsets[at]).tolist() for at in singles(6)] == [[b] for b in range(6)]
    assert [np.flatnonzero(~subsets[at]).tolist() for at in complements(6)] == [
        [b] for b in range(6)
    ]


def test_an_interaction_is_a_difference_of_shapley_values(rng: np.random.Generator) -> None:
    """Of one band with the other always present, and with it always absent."""
    scores = rng.normal(size=2**4)
    has_last = all_subsets(4)[:, 3]
    expected = shapley_values(scores[has_last]) - shapley_values(scores[~has_last])
    with_last = [row for row, pair in enumerate(band_pairs(4)) if 3 in pair]
    np.testing.assert_allclose(interactions(scores)[with_last], expected, atol=1e-12)


def test_games_with_known_interactions() -> None:
    subsets = all_subsets(5).astype(float)
    pairs = band_pairs(5)
    at = pairs.index((1, 3))
    both = interactions(subsets[:, 1] * subsets[:, 3])
    either = interactions(np.maximum(subsets[:, 1], subsets[:, 3]))
    expected = np.zeros(len(pairs))
    expected[at] = 1
    np.testing.assert_allclose(both, expected, atol=1e-12)
    np.testing.assert_allclose(either, -expected, atol=1e-12)
    terms = np.random.default_rng(0).normal(size=5)
    np.testing.assert_allclose(interactions(subsets @ terms), 0, atol=1e-12)
    # All five needed: for each pair only the largest of the four sizes counts.
    np.testing.assert_allclose(interactions(subsets.prod(1)), 1 / 4, atol=1e-12)


def test_a_single_band_has_no_pairs() -> None:
    assert interactions(np.array([0.0, 1.0])).shape == (0,)
    assert row_sums(np.empty((0, 4)), 1).tolist() == [[0.0] * 4]


def test_ties_for_the_first_place_are_broken_at_random() -> None:
    logits = np.array([[2.0, 1, 0], [1, 1, 0], [1, 1, 1], [1, 1, 2], [0, 1, 1], [0, 0, 1]])
    found = expected_accuracy(outcomes(logits, np.zeros(6, int)))
    np.testing.assert_allclose(found, [1, 1 / 2, 1 / 3, 0, 0, 0])
