"""What is taken from strips of a slab is that of the whole slab."""

import numpy as np
import pytest

from bandprobe.linear import strips as strips_module
from bandprobe.linear.map_sums import centre_maps, spatial_mean, standardise_maps
from bandprobe.linear.standardise import centre_channels, standardise
from bandprobe.linear.strips import (
    add_logits,
    slab_levels,
    slab_moments,
    slab_spatial_means,
    slab_weights,
    standardised_strip,
    strips,
    weights_are_cheaper,
)

SHAPE = (13, 4, 5, 6)


@pytest.fixture(params=[10**9, 4 * 13 * 30 * 2, 4 * 13 * 12, 1], ids=str)
def slab(
    rng: np.random.Generator, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> np.ndarray:
    """In half precision, with a channel that is constant in each map."""
    monkeypatch.setattr(strips_module, "STRIP_BYTES", request.param)
    monkeypatch.setattr(strips_module, "MOMENT_BYTES", 4 * 120 * 5)
    monkeypatch.setattr(strips_module, "LOGIT_ROWS", 5)
    slab = rng.normal(2, 1, SHAPE) * np.array([1, 5, 0.1, 1])[:, None, None]
    slab[:, 3] = np.arange(13)[:, None, None]
    return slab.astype(np.float16)


def test_moments_are_to_the_bit_those_of_the_whole_slab(slab: np.ndarray) -> None:
    maps = slab.astype(np.float32)
    found = slab_moments(slab, pattern=True)
    _, mean, scale = centre_channels(maps)
    _, _, pattern_scale, energy = centre_maps(maps)
    assert found.pattern_scale is not None
    np.testing.assert_array_equal(found.mean, mean)
    np.testing.assert_array_equal(found.scale, scale)
    np.testing.assert_array_equal(found.pattern_scale, pattern_scale)
    assert found.constant_energy == energy > 0
    np.testing.assert_array_equal(found.spatial_means, spatial_mean(maps))
    np.testing.assert_array_equal(slab_spatial_means(slab), spatial_mean(maps))
    np.testing.assert_allclose(found.mean_map, maps.mean(0, dtype=np.float64), rtol=1e-6)
    alone = slab_moments(slab, pattern=False)
    assert alone.pattern_scale is None
    np.testing.assert_array_equal(alone.scale, scale)


def test_strips_make_up_a_slab_and_are_within_their_size(slab: np.ndarray) -> None:
    seen = np.zeros(SHAPE[1:], int)
    for channels, rows in strips(SHAPE):
        seen[channels, rows] += 1
        size = 4 * slab[:, channels, rows].size
        row = 4 * 13 * 6
        assert size <= max(strips_module.STRIP_BYTES, row)
    assert (seen == 1).all()


@pytest.mark.parametrize("without_dc", [False, True])
def test_weights_and_logits_are_those_of_the_whole_slab(
    slab: np.ndarray, rng: np.random.Generator, *, without_dc: bool
) -> None:
    maps, moments = slab.astype(np.float32), slab_moments(slab, pattern=True)
    shift, scale = moments.mean[None, :, None, None], moments.scale
    expected = standardise(maps, moments.mean, scale)
    if without_dc:
        assert moments.pattern_scale is not None
        shift, scale = slab_levels(slab), moments.pattern_scale
        expected = standardise_maps(maps, scale)
    before = slab.copy()
    for channels, rows in strips(SHAPE):
        found = standardised_strip(slab, (channels, rows), shift, scale)
        np.testing.assert_array_equal(found, expected[:, channels, rows].reshape(13, -1))
    np.testing.assert_array_equal(slab, before)
    duals = rng.normal(size=(3, 13)).astype(np.float32)
    weights = slab_weights(slab, duals, shift, scale)
    flat = expected.reshape(13, -1)
    np.testing.assert_allclose(weights, (duals @ flat).reshape(3, *SHAPE[1:]), atol=1e-4)
    logits = np.ones((13, 3))
    add_logits(logits, slab, weights, shift, scale)
    np.testing.assert_allclose(logits, 1 + flat @ weights.reshape(3, -1).T, atol=1e-3)


def test_the_route_of_fewer_operations_is_taken() -> None:
    # 1000 classes, two permutations: 5000 products a map against as many as there are images.
    assert weights_are_cheaper(25_000, 25_000, 1000, 3)
    assert not weights_are_cheaper(5000, 5000, 1000, 3)
    assert weights_are_cheaper(5001, 5001, 1000, 3)
