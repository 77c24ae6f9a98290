"""Shapley values against the mean over all orders, which defines them."""

from itertools import permutations
from math import factorial

import numpy as np
import pytest

from bandprobe.scoring.shapley import all_subsets, shapley_values


def position(members: set[int]) -> int:
    return sum(1 << band for band in members)


@pytest.mark.parametrize("n_bands", [1, 2, 3, 5])
def test_values_are_mean_contributions_over_all_orders(
    n_bands: int, rng: np.random.Generator
) -> None:
    scores = rng.normal(size=(2**n_bands, 4))
    expected = np.zeros((n_bands, 4))
    for order in permutations(range(n_bands)):
        present: set[int] = set()
        for band in order:
            before = scores[position(present)]
            present.add(band)
            expected[band] += scores[position(present)] - before
    np.testing.assert_allclose(shapley_values(scores), expected / factorial(n_bands), atol=1e-12)


def test_subsets_are_in_the_order_of_their_bits() -> None:
    subsets = all_subsets(7)
    assert subsets.shape == (128, 7)
    assert not subsets[0].any()
    assert subsets[-1].all()
    for row, subset in enumerate(subsets):
        assert position(set(np.flatnonzero(subset))) == row


def test_values_add_up_to_what_all_bands_bring(rng: np.random.Generator) -> None:
    scores = rng.normal(size=(128, 3))
    np.testing.assert_allclose(shapley_values(scores).sum(0), scores[-1] - scores[0], atol=1e-12)


def test_equal_bands_have_equal_values_and_idle_ones_none() -> None:
    subsets = all_subsets(4)
    scores = np.sqrt(subsets[:, :3].sum(1).astype(float))
    values = shapley_values(scores)
    np.testing.assert_allclose(values[:3], values[0])
    assert values[3] == pytest.approx(0, abs=1e-12)


def test_a_sum_over_bands_gives_each_band_its_term(rng: np.random.Generator) -> None:
    terms = rng.normal(size=7)
    np.testing.assert_allclose(shapley_values(all_subsets(7) @ terms), terms, atol=1e-12)
