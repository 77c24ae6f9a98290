"""A stored readout reads back, and its bands sum to its logits."""

from pathlib import Path

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.linear.decompose import band_logits
from bandprobe.linear.standardise import readout_logits
from bandprobe.probes.read import Readout, read_readout
from bandprobe.store.zarr_store import Variable, write_store


def readout(rng: np.random.Generator, *, without_dc: bool) -> Readout:
    """Weights of four classes on three channels of 6 x 5."""
    return Readout(
        weights=rng.normal(size=(4, 3, 6, 5)).astype(np.float32),
        intercept=rng.normal(size=4),
        channel_mean=np.array([5, 0, -1], np.float32),
        channel_scale=np.array([0.1, 1, 20], np.float32),
        mean_map=rng.normal(size=(3, 6, 5)).astype(np.float32),
        without_dc=without_dc,
    )


@pytest.mark.parametrize("without_dc", [False, True])
def test_a_readout_reads_back(tmp_path: Path, rng: np.random.Generator, without_dc: bool) -> None:
    given = readout(rng, without_dc=without_dc)
    map_dims = ("channel", "y", "x")
    variables = {
        "W": Variable(("class", *map_dims), given.weights),
        "intercept": Variable(("class",), given.intercept),
        "channel_mean": Variable(("channel",), given.channel_mean),
        "channel_scale": Variable(("channel",), given.channel_scale),
        "mean_map": Variable(map_dims, given.mean_map),
    }
    write_store(tmp_path / "a.zarr", variables, {}, {"without_dc": True} if without_dc else {})
    for name, value in vars(read_readout(tmp_path / "a.zarr")).items():
        # The weights are read when they are needed.
        np.testing.assert_array_equal(
            value[...] if name == "weights" else value, getattr(given, name)
        )


@pytest.mark.parametrize("without_dc", [False, True])
def test_its_bands_sum_to_its_logits(
    bands: Bands, rng: np.random.Generator, without_dc: bool
) -> None:
    given = readout(rng, without_dc=without_dc)
    maps = rng.normal(size=(7, 3, 6, 5)).astype(np.float32)
    packed = given.by_band(bands.on_grid(6, 5))
    parts = band_logits(maps - given.channel_mean[:, None, None], packed)
    expected = readout_logits(
        maps,
        given.weights,
        given.intercept,
        given.channel_mean,
        given.channel_scale,
        without_dc=without_dc,
    )
    found = parts.sum(0) + given.intercept
    np.testing.assert_allclose(found, expected, atol=1e-4 * expected.std())
