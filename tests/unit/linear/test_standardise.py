"""Moments of channels, and the definition of a readout's logits."""

import numpy as np
import pytest

from bandprobe.linear.standardise import channel_moments, readout_logits


def test_channel_moments_are_those_of_numpy_in_double_precision(rng: np.random.Generator) -> None:
    mean = np.array([0.0, 5.0, 300.0])[:, None, None]
    maps = rng.normal(mean, [[[1.0]], [[0.01]], [[2.0]]], (40, 3, 9, 7)).astype(np.float32)
    found = channel_moments(maps)
    double = maps.astype(np.float64)
    np.testing.assert_allclose(found[0], double.mean((0, 2, 3)), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(found[1], double.std((0, 2, 3)), rtol=1e-4)


@pytest.mark.parametrize("value", [0.0, 1.0, -7.0, 0.1, 1 / 3, 1000.7])
@pytest.mark.parametrize("grid", [(7, 7), (14, 14), (1, 1)])
def test_a_channel_that_never_changes_has_scale_one(value: float, grid: tuple[int, int]) -> None:
    maps = np.full((6, 2, *grid), np.float32(value), np.float32)
    mean, scale = channel_moments(maps)
    np.testing.assert_allclose(mean, value, rtol=1e-6)
    np.testing.assert_array_equal(scale, 1.0)


def test_readout_logits_follow_the_definition(rng: np.random.Generator) -> None:
    maps = rng.normal(2.0, 1.0, (4, 3, 5, 6)).astype(np.float32)
    weights = rng.normal(size=(2, 3, 5, 6)).astype(np.float32)
    intercept = np.array([1.0, -2.0])
    mean, scale = np.array([2, 1, 0], np.float32), np.array([1, 2, 0.5], np.float32)
    found = readout_logits(maps, weights, intercept, mean, scale)
    for sample in range(4):
        for label in range(2):
            z = (maps[sample].astype(float) - mean[:, None, None]) / scale[:, None, None]
            expected = (z * weights[label]).sum() + intercept[label]
            assert found[sample, label] == pytest.approx(expected, abs=1e-4)
