"""Masks as they are stored, and the mean power that they are matched on."""

from pathlib import Path

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.probes.masks import bin_power, full_plane, read_masks, write_masks
from bandprobe.store.zarr_store import Store, Variable, write_store

GRIDS = [(8, 8), (7, 7), (6, 9), (9, 6)]


@pytest.mark.parametrize("grid", GRIDS)
def test_power_by_bin_is_that_of_the_full_transform(
    grid: tuple[int, int], tmp_path: Path, rng: np.random.Generator
) -> None:
    maps = rng.normal(2.0, 1.0, (5, 2, *grid)).astype(np.float32)
    dims = ("sample", "channel", "y", "x")
    write_store(tmp_path / "a.zarr", {"layer": Variable(dims, maps)}, {}, {})
    found = bin_power(Store(tmp_path / "a.zarr"), "layer").mean
    full = np.square(np.abs(np.fft.fft2(maps.astype(np.float64)))).mean((0, 1))
    np.testing.assert_allclose(found, full / (grid[0] * grid[1]), rtol=1e-3)


def test_the_half_plane_is_unfolded_without_loss(rng: np.random.Generator) -> None:
    half = rng.uniform(1, 2, (6, 4))
    assert full_plane(half, 6).shape == (6, 6)
    assert full_plane(half, 7).shape == (6, 7)


@pytest.mark.parametrize("grid", GRIDS)
def test_masks_read_back_with_their_bins_and_energies(
    grid: tuple[int, int], tmp_path: Path, bands: Bands, rng: np.random.Generator
) -> None:
    partition, power = bands.on_grid(*grid), rng.uniform(1, 2, grid)
    # Power of real maps is even.
    power = (power + np.roll(power[::-1, ::-1], (1, 1), (0, 1))) / 2
    write_masks(tmp_path / "m.zarr", partition, power, 3, 0, {})
    masks = read_masks([tmp_path / "m.zarr"], partition)
    store = Store(tmp_path / "m.zarr")
    assert {kind: one.shape for kind, one in masks.controls.items()} == {
        "equal-bins": (3, 7, *grid),
        "equal-energy": (3, 7, *grid),
    }
    assert masks.stacked.shape == (7 + 2 * 3 * 7, *grid)
    np.testing.assert_array_equal(masks.controls["equal-bins"].sum((2, 3))[1], partition.counts)
    own = np.array([power[partition.mask(band)].sum() for band in range(7)])
    for row, kind in enumerate(masks.controls):
        energy = (masks.controls[kind] * power).sum((2, 3))
        filled = partition.counts > 0
        found = store.read("mask_energy")[row][:, filled]
        np.testing.assert_allclose(found, (energy / np.maximum(own, 1e-9))[:, filled])
    own_part, parted = masks.parted(np.arange(49.0))
    np.testing.assert_array_equal(own_part, np.arange(7))
    np.testing.assert_array_equal(parted["equal-energy"].ravel(), np.arange(28, 49))
