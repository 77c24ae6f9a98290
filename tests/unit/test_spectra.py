"""Energy per band and radial profiles of maps whose spectrum is known."""

import numpy as np
import pytest

from bandprobe.bands import Bands
from bandprobe.errors import GridMismatchError
from bandprobe.spectra import band_energy, dc_energy, radial_bins, radial_profile

GRIDS = [(14, 14), (7, 7), (12, 9), (9, 12)]


def wave(height: int, width: int, ky: int, kx: int) -> np.ndarray:
    """A cosine of ky and kx cycles a map."""
    y, x = np.mgrid[:height, :width]
    return np.cos(2 * np.pi * (ky * y / height + kx * x / width)).astype(np.float32)


@pytest.mark.parametrize("grid", GRIDS)
def test_energies_of_all_bands_sum_to_the_spatial_energy(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = rng.normal(1.0, 1.0, (3, 2, *grid)).astype(np.float32)
    energy = band_energy(maps, bands.on_grid(*grid))
    assert energy.shape == (3, 2, len(bands))
    np.testing.assert_allclose(energy.sum(2), np.square(maps).sum((2, 3)), rtol=1e-5)


@pytest.mark.parametrize(
    ("grid", "ky", "kx", "band"),
    [
        ((14, 14), 1, 0, "very-low"),
        ((14, 14), 2, 2, "mid"),
        ((14, 14), 7, 7, "ultra-high"),
        ((14, 14), 0, 4, "high"),
        ((7, 7), 1, 0, "low"),
        ((7, 7), 2, 2, "very-high"),
        ((12, 9), 1, 0, "low"),
        ((12, 9), 6, 0, "ultra-high"),
        ((9, 12), 0, 3, "high"),
        ((9, 12), 4, -6, "ultra-high"),
        ((9, 9), 0, 0, "ultra-low"),
    ],
)
def test_a_wave_has_all_its_energy_in_its_band(
    bands: Bands, grid: tuple[int, int], ky: int, kx: int, band: str
) -> None:
    maps = 3 * wave(*grid, ky, kx)[None, None]
    energy = band_energy(maps, bands.on_grid(*grid))[0, 0]
    expected = np.zeros(len(bands))
    expected[bands.position(band)] = np.square(maps).sum()
    np.testing.assert_allclose(energy, expected, atol=1e-5 * expected.sum())


def test_energy_of_an_empty_band_is_zero(bands: Bands, rng: np.random.Generator) -> None:
    maps = rng.normal(size=(2, 3, 7, 7)).astype(np.float32)
    assert (band_energy(maps, bands.on_grid(7, 7))[..., bands.position("very-low")] == 0).all()


def test_energy_of_another_grid_is_refused(bands: Bands) -> None:
    with pytest.raises(GridMismatchError, match="7 x 7"):
        band_energy(np.zeros((1, 1, 7, 7), np.float32), bands.on_grid(8, 8))


def test_energy_of_zero_frequency_is_that_of_the_mean(rng: np.random.Generator) -> None:
    maps = np.stack([np.full((4, 6), 2.0), np.full((4, 6), -0.5)])[None].astype(np.float32)
    np.testing.assert_allclose(dc_energy(maps), [[24 * 4.0, 24 * 0.25]])
    ripple = wave(4, 6, 1, 2)
    np.testing.assert_allclose(dc_energy(maps + ripple), dc_energy(maps), rtol=1e-5)
    coarse = Bands(("dc", "rest"), (1e-6,)).on_grid(4, 6)
    noise = rng.normal(1.0, 1.0, (2, 3, 4, 6)).astype(np.float32)
    np.testing.assert_allclose(band_energy(noise, coarse)[..., 0], dc_energy(noise), rtol=1e-4)


@pytest.mark.parametrize("grid", GRIDS)
def test_profile_of_white_noise_is_flat(grid: tuple[int, int], rng: np.random.Generator) -> None:
    n_samples, n_channels, variance = 300, 4, 2.25
    maps = rng.normal(0, np.sqrt(variance), (n_samples, n_channels, *grid)).astype(np.float32)
    _, index = radial_bins(*grid)
    bins = np.bincount(index.ravel())
    held = bins > 0
    profile = radial_profile(maps).mean(0)[held]
    error = np.sqrt(2 / (n_samples * n_channels * bins[held]))
    assert (np.abs(profile / variance - 1) < 5 * error).all()


@pytest.mark.parametrize("grid", [*GRIDS, (5, 20), (1, 6)])
def test_profile_times_bins_is_the_energy(grid: tuple[int, int], rng: np.random.Generator) -> None:
    maps = rng.normal(1.0, 1.0, (3, 4, *grid)).astype(np.float32)
    frequency, index = radial_bins(*grid)
    bins = np.bincount(index.ravel(), minlength=len(frequency))
    profile = radial_profile(maps)
    assert profile.shape == (3, len(frequency))
    assert np.isnan(profile[:, bins == 0]).all()
    np.testing.assert_allclose(
        np.nansum(profile * bins, axis=1), np.square(maps).sum((2, 3)).mean(1), rtol=1e-5
    )


def test_profile_of_a_wave_peaks_at_its_frequency() -> None:
    frequency, _ = radial_bins(12, 12)
    profile = radial_profile(wave(12, 12, 0, 3)[None, None])[0]
    assert frequency[np.nanargmax(profile)] == pytest.approx(3 / 6)
    assert frequency[0] == 0


def test_annuli_are_one_step_of_the_shorter_side_wide() -> None:
    for grid in ((5, 20), (20, 5)):
        frequency, index = radial_bins(*grid)
        np.testing.assert_allclose(np.diff(frequency), 2 / 5)
        assert index[0, 0] == 0
        assert index[1 if grid[0] == 5 else 0, 0 if grid[0] == 5 else 1] == 1
        # Along the longer side four steps make one annulus.
        along = index[0, :11] if grid[0] == 5 else index[:11, 0]
        np.testing.assert_array_equal(along[[0, 4, 8]], [0, 1, 2])
