"""Inner products of both splits: those that the study's own readouts are fitted from, and more."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.linear.joint_grams import JointGrams
from bandprobe.linear.map_sums import MapSums

BANDS = Bands(("low", "mid", "high"), (0.3, 0.8))


@pytest.mark.parametrize("grid", [(6, 6), (5, 7), (7, 4)])
def test_they_hold_the_products_that_the_readouts_of_the_study_are_fitted_from(
    rng: np.random.Generator, grid: tuple[int, int]
) -> None:
    train, evaluation = (
        (rng.normal(size=(count, 5, *grid)) + 2).astype(np.float32) for count in (11, 7)
    )
    partition = BANDS.on_grid(*grid)
    by_band = MapSums.empty(direct=False, partition=partition, pattern=True)
    grams = JointGrams(partition, ("map", "pattern"))
    for part in (slice(0, 2), slice(2, 5)):
        by_band.add_slab(train[:, part].copy(), evaluation[:, part].copy())
        grams.add_slab(train[:, part].copy(), evaluation[:, part].copy())
    by_band.complete()
    grams.complete()
    assert by_band.by_band is not None
    products = by_band.by_band.products
    for band, gram in enumerate(grams.grams["map"]):
        np.testing.assert_allclose(gram, gram.T)
        np.testing.assert_allclose(gram[:11, :11], products.gram[band], atol=1e-4)
        np.testing.assert_allclose(gram[11:, :11], products.kernel[band], atol=1e-4)
    assert grams.total["map"] == pytest.approx(products.total, rel=1e-5)
    assert by_band.pattern is not None
    whole = sum(grams.grams["pattern"])
    np.testing.assert_allclose(whole[:11, :11], by_band.pattern.gram, atol=1e-4)
    np.testing.assert_allclose(whole[11:, :11], by_band.pattern.kernel, atol=1e-4)
    assert grams.total["pattern"] == pytest.approx(np.trace(whole[:11, :11]), rel=1e-5)


def test_evaluation_maps_have_products_with_each_other(rng: np.random.Generator) -> None:
    train, evaluation = (rng.normal(size=(n, 2, 5, 5)).astype(np.float32) for n in (9, 6))
    grams = JointGrams(BANDS.on_grid(5, 5), ("map",))
    grams.add_slab(train, evaluation)
    grams.complete()
    scale = np.sqrt(train.var((0, 2, 3)))[:, None, None]
    flat = ((evaluation - train.mean((0, 2, 3))[:, None, None]) / scale).reshape(6, -1)
    np.testing.assert_allclose(sum(grams.grams["map"])[9:, 9:], flat @ flat.T, atol=1e-3)


def test_a_channel_that_is_constant_in_space_has_its_energy_in_the_total_of_pattern() -> None:
    level = np.random.default_rng(0).normal(size=(8, 1, 1, 1))
    train = np.broadcast_to(level, (8, 1, 4, 4)).astype(np.float32)
    grams = JointGrams(BANDS.on_grid(4, 4), ("pattern",))
    grams.add_slab(train.copy(), train[:3].copy())
    grams.complete()
    assert np.abs(sum(grams.grams["pattern"])).max() < 1e-8
    assert grams.total["pattern"] == pytest.approx(8 * 16)
