"""Fields without a preferred orientation have none; others have the one that they were given."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.isotropy import isotropic_rings, oriented
from bandprobe.fourier.plane import by_orientation, second_harmonic, sector_shares
from bandprobe.fourier.spectra import radial_bins, spectra_and_power
from bandprobe.scoring.cluster_interval import cluster_interval

WHOLE = Bands(("all",), ())


def orientation_of(maps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    grid = maps.shape[-2:]
    spectra, power = spectra_and_power(maps, WHOLE.on_grid(*grid))
    energy, harmonic = (by_orientation(power, of(*grid)) for of in (sector_shares, second_harmonic))
    return oriented(energy, harmonic, spectra.profile, *grid)


def field(
    rng: np.random.Generator, n: int, grid: tuple[int, int], slope: float, stretch: float = 1.0
) -> np.ndarray:
    """Random maps with power by radius alone, or with frequencies along y counted `stretch` times.

    Maps are pairs that resemble each other, as crops of one photo.
    """
    rows, columns = stretch * np.fft.fftfreq(grid[0])[:, None], np.fft.fftfreq(grid[1])
    radius = np.hypot(rows, columns)
    radius[0, 0] = 1
    noise = rng.normal(0, 1, (n, 3, *grid))
    noise[1::2] = 0.8 * noise[::2] + 0.6 * noise[1::2]
    return np.fft.ifft2(np.fft.fft2(noise) * radius ** (slope / 2)).real.astype(np.float32)


@pytest.mark.parametrize("slope", [0.0, -2.0, -3.0])
@pytest.mark.parametrize("grid", [(7, 7), (16, 16), (12, 9), (9, 16)])
def test_isotropic_fields_have_no_anisotropy_within_its_interval(
    grid: tuple[int, int], slope: float, rng: np.random.Generator
) -> None:
    """In about 95 % of repetitions, and zero on average: a modulus would never be zero."""
    repeats, n = 30, 40
    _, relative, found = orientation_of(field(rng, repeats * n, grid, slope))
    groups = np.arange(n) // 2
    inside, means = [], []
    for part in np.split(found, repeats):
        low, high = cluster_interval(part.T, groups, 0.95)
        inside.append((low <= 0) & (high >= 0))
        means.append(part.mean(0))
    assert np.mean(inside) > 0.88
    error = np.std(means, 0) / np.sqrt(repeats)
    # Within a ring of a grid that is not square a steep spectrum is known in part.
    left = 0.03 if grid[0] != grid[1] and slope < -2 else 0.0
    assert (np.abs(np.mean(means, 0)) < 4 * error + [left, 0]).all()
    np.testing.assert_allclose(np.nanmean(relative, 0), 1, atol=0.07)


@pytest.mark.parametrize("grid", [(16, 16), (15, 12)])
def test_stretched_fields_have_the_anisotropy_of_their_bins(
    grid: tuple[int, int], rng: np.random.Generator
) -> None:
    share, relative, found = orientation_of(field(rng, 200, grid, -2.0, stretch=0.5))
    assert found[:, 0].mean() < -0.2
    assert abs(found[:, 1].mean()) < 0.03
    assert relative.mean(0).argmax() == 4
    np.testing.assert_allclose(share.sum(1), 1)


@pytest.mark.parametrize(
    ("ky", "kx", "sector", "parts"),
    [(0, 3, 0, (1, 0)), (3, 0, 4, (-1, 0)), (-2, 2, 2, (0, 1)), (2, 2, 6, (0, -1))],
)
def test_a_grating_has_the_largest_anisotropy(
    ky: int, kx: int, sector: int, parts: tuple[int, int]
) -> None:
    y, x = np.mgrid[:12, :12]
    maps = np.cos(2 * np.pi * (ky * y + kx * x) / 12 + 0.4)[None, None].astype(np.float32) + 1
    share, _, found = orientation_of(maps)
    np.testing.assert_allclose(found, [parts], atol=1e-5)
    np.testing.assert_allclose(share, np.eye(8)[[sector]], atol=1e-5)


def test_images_without_energy_outside_dc_have_no_orientation(rng: np.random.Generator) -> None:
    maps = field(rng, 4, (8, 8), 0.0)
    alone = orientation_of(maps[[0, 2, 3]])
    maps[1] = 1
    for values, others in zip(orientation_of(maps), alone, strict=True):
        assert np.isnan(values[1]).all()
        assert np.isfinite(others).all()


def test_orientations_without_bins_are_missing(rng: np.random.Generator) -> None:
    share, relative, found = orientation_of(field(rng, 4, (3, 3), 0.0))
    empty = np.arange(8) % 2 == 1
    assert np.isnan(share[:, empty]).all()
    assert np.isnan(relative[:, empty]).all()
    assert np.isfinite(share[:, ~empty]).all()
    assert np.isfinite(found).all()


def test_the_second_harmonic_of_isotropic_fields_on_square_grids_is_zero() -> None:
    """Exactly so, whatever the spectrum: a quarter turn changes its sign."""
    for side in (7, 8, 16):
        profile = np.arange(1.0, 40.0)[::-1][: len(radial_bins(side, side)[0])] ** 2
        expected = isotropic_rings(profile, side, side, second_harmonic(side, side))
        np.testing.assert_allclose(expected, 0, atol=1e-12)
