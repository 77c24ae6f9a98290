"""The search for one penalty a band, and weights of which each band has a factor."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import project
from bandprobe.linear.band_grams import BandGrams, BandRows, pack_bands
from bandprobe.linear.band_penalties import BandProducts, scale_bands, search_bands

BANDS = Bands(("low", "mid", "high"), (0.3, 0.7))
BOWL = np.array([6, 0, 3])


@pytest.mark.parametrize("grid", [(5, 7), (6, 6), (8, 3), (1, 4)], ids=str)
def test_scaled_maps_are_sums_of_scaled_projections(
    rng: np.random.Generator, grid: tuple[int, int]
) -> None:
    maps = rng.normal(1, 1, size=(2, 3, *grid)).astype(np.float32)
    partition, factors = BANDS.on_grid(*grid), np.array([0.5, 3.0, 0.0])
    expected = sum(factor * project(maps, partition, band) for band, factor in enumerate(factors))
    found = scale_bands(maps, partition, factors)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.parametrize("kind", [BandGrams, BandRows])
def test_products_by_band_are_those_of_the_maps(
    rng: np.random.Generator, kind: type[BandGrams] | type[BandRows]
) -> None:
    train, evaluation = (rng.normal(1, 1, size=(n, 2, 5, 4)).astype(np.float32) for n in (9, 4))
    partition = BANDS.on_grid(5, 4)
    sums = kind()
    sums.add_packed(pack_bands(train, partition), pack_bands(evaluation, partition))
    sums.complete()
    products = BandProducts.of(sums)
    factors = np.array([2.0, 0.0, 0.5])
    scaled = scale_bands(train, partition, factors).reshape(9, -1)
    gram, kernel = products.weighted(factors)
    np.testing.assert_allclose(gram, scaled @ train.reshape(9, -1).T, rtol=1e-4, atol=1e-4)
    expected = evaluation.reshape(4, -1) @ scaled.T
    np.testing.assert_allclose(kernel, expected, rtol=1e-4, atol=1e-4)
    centred = (train - train.mean(0)).reshape(9, -1)
    assert products.norm() == pytest.approx(float(np.square(centred).sum() / 9), rel=1e-4)
    assert products.holds.tolist() == [True, True, True]


def test_the_search_finds_the_bottom_and_visits_nothing_twice() -> None:
    visited: list[tuple[int, ...]] = []

    def loss(positions: tuple[int, ...]) -> float:
        visited.append(positions)
        away = np.array(positions) - BOWL
        # Bands that stand in for each other: the bottom along one depends on the other.
        return float(np.square(away).sum() + 0.5 * away[0] * away[1])

    best = search_bands(loss, 3, np.ones(3, bool), 8)
    assert loss(best) < loss((3, 3, 3))
    assert best == tuple(BOWL)
    assert visited[0] == (3, 3, 3)
    assert len(set(visited[:-2])) == len(visited) - 2


def test_the_search_leaves_out_bands_and_ends_at_the_ends_of_the_list() -> None:
    def loss(positions: tuple[int, ...]) -> float:
        return float(positions[0] - positions[1] + 10 * positions[2])

    assert search_bands(loss, 2, np.array([True, True, False]), 5) == (0, 4, 2)
    # Nothing is better than the shared penalty: it stays.
    assert search_bands(lambda _: 1.0, 2, np.ones(3, bool), 5) == (2, 2, 2)
