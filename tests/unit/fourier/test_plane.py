"""The Fourier plane compared with loops over the bins of a full transform."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.plane import (
    SECTORS,
    by_orientation,
    full_plane,
    mean_log_power,
    orientations,
    plane_frequency,
    plane_sums,
    second_harmonic,
    sector_shares,
)
from bandprobe.fourier.spectra import spectra_and_power

GRIDS = [(7, 7), (8, 8), (14, 14), (12, 9), (9, 12), (6, 16), (5, 3), (1, 6), (2, 2), (1, 1)]
WHOLE = Bands(("all",), ())


def power_of(maps: np.ndarray) -> np.ndarray:
    return spectra_and_power(maps, WHOLE.on_grid(*maps.shape[-2:]))[1]


def full_power(maps: np.ndarray) -> np.ndarray:
    """Power of each bin of the full plane, summed over channels."""
    size = maps.shape[-2] * maps.shape[-1]
    return np.square(np.abs(np.fft.fft2(maps.astype(np.float64)))).sum(1) / size


def directions(height: int, width: int, row: int, column: int) -> list[float]:
    """Orientations in degrees of the waves that a bin stands for: Nyquist has either sign."""
    ky, kx = (k if k <= n / 2 else k - n for k, n in ((row, height), (column, width)))
    rows = {ky, -ky} if 2 * ky == height else {ky}
    columns = {kx, -kx} if 2 * kx == width else {kx}
    return [
        float(np.degrees(np.arctan2(-y / height, x / width))) % 180
        for y in sorted(rows)
        for x in sorted(columns)
    ]


def apart(one: float, other: float) -> float:
    return abs((one - other + 90) % 180 - 90)


def sectors_by_hand(height: int, width: int) -> np.ndarray:
    shares = np.zeros((SECTORS, height, width))
    for row, column in np.ndindex(height, width):
        if (row, column) == (0, 0):
            continue
        angles = directions(height, width, row, column)
        for angle in angles:
            far = np.array([apart(angle, 22.5 * sector) for sector in range(8)])
            nearest = np.flatnonzero(far < far.min() + 1e-6)
            shares[nearest, row, column] += 1 / len(nearest) / len(angles)
    return shares


@pytest.mark.parametrize("grid", GRIDS)
def test_each_bin_belongs_to_the_nearest_sectors(grid: tuple[int, int]) -> None:
    shares = sector_shares(*grid)
    np.testing.assert_allclose(shares, sectors_by_hand(*grid), atol=1e-12)
    total = shares.sum(0)
    assert total[0, 0] == 0
    np.testing.assert_allclose(np.delete(total.ravel(), 0), 1)
    partner = np.roll(shares[:, ::-1, ::-1], (1, 1), (1, 2))
    np.testing.assert_allclose(shares, partner, atol=1e-12)


@pytest.mark.parametrize("grid", GRIDS)
def test_only_bins_at_nyquist_are_shared(grid: tuple[int, int]) -> None:
    shared = ((sector_shares(*grid) > 0) & (sector_shares(*grid) < 1)).any(0)
    for row, column in np.argwhere(shared):
        assert 2 * row == grid[0] or 2 * column == grid[1]
        assert row > 0
        assert column > 0


def test_bins_of_each_sector_on_coarse_grids() -> None:
    """Three columns and rows have the axes and the diagonals alone."""
    assert sector_shares(7, 7).sum((1, 2)).tolist() == [6] * 8
    assert sector_shares(3, 3).sum((1, 2)).tolist() == [2, 0, 2, 0, 2, 0, 2, 0]
    assert sector_shares(2, 2).sum((1, 2)).tolist() == [1, 0, 0.5, 0, 1, 0, 0.5, 0]
    assert sector_shares(1, 6).sum((1, 2)).tolist() == [5, 0, 0, 0, 0, 0, 0, 0]
    assert sector_shares(1, 1).sum() == 0


@pytest.mark.parametrize("grid", GRIDS)
def test_energy_by_orientation_is_that_of_a_full_transform(
    grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = rng.normal(1, 1, (3, 2, *grid)).astype(np.float32)
    expected = np.zeros((3, SECTORS))
    harmonic = np.zeros((3, 2))
    power = full_power(maps)
    shares = sectors_by_hand(*grid)
    for row, column in np.ndindex(*grid):
        if (row, column) != (0, 0):
            expected += np.outer(power[:, row, column], shares[:, row, column])
            angles = 2 * np.radians(directions(*grid, row, column))
            turned = np.cos(angles).mean(), np.sin(angles).mean()
            harmonic += np.outer(power[:, row, column], turned)
    found = by_orientation(power_of(maps), sector_shares(*grid))
    np.testing.assert_allclose(found, expected, atol=1e-5 * max(1, expected.max()))
    found = by_orientation(power_of(maps), second_harmonic(*grid))
    np.testing.assert_allclose(found, harmonic, atol=1e-5 * max(1, expected.max()))


@pytest.mark.parametrize(
    ("grid", "ky", "kx", "sector"),
    [
        ((16, 16), 0, 4, 0),
        ((16, 16), -3, 3, 2),  # y counts downwards: towards the upper right
        ((16, 16), 3, 3, 6),
        ((16, 16), 4, 0, 4),
        ((16, 16), 8, 0, 4),
        ((16, 16), -2, 4, 1),
        ((7, 7), -3, 1, 3),
        ((9, 12), -3, 4, 2),
        ((12, 9), 4, 3, 6),
        ((12, 9), 6, 0, 4),
    ],
)
def test_a_grating_has_its_own_sector(grid: tuple[int, int], ky: int, kx: int, sector: int) -> None:
    y, x = np.mgrid[: grid[0], : grid[1]]
    maps = np.cos(2 * np.pi * (ky * y / grid[0] + kx * x / grid[1]) + 0.3)[None, None] + 5
    energy = by_orientation(power_of(maps.astype(np.float32)), sector_shares(*grid))[0]
    assert energy.argmax() == sector
    assert energy[sector] / energy.sum() == pytest.approx(1, abs=1e-5)
    assert orientations()[sector] == 22.5 * sector


def test_a_mirror_image_has_mirrored_orientations(rng: np.random.Generator) -> None:
    """Also at Nyquist, whose bins would all fall on one side if they were not shared."""
    maps = rng.normal(0, 1, (2, 1, 6, 8)).astype(np.float32)
    energy = by_orientation(power_of(maps), sector_shares(6, 8))
    mirrored = by_orientation(power_of(maps[..., ::-1].copy()), sector_shares(6, 8))
    np.testing.assert_allclose(mirrored, energy[:, -np.arange(8) % 8], rtol=1e-4)
    turned = by_orientation(power_of(maps.swapaxes(2, 3).copy()), sector_shares(8, 6))
    np.testing.assert_allclose(turned, energy[:, (4 - np.arange(8)) % 8], rtol=1e-4)


@pytest.mark.parametrize("grid", GRIDS)
def test_the_plane_is_the_mean_log_power_of_a_full_transform(
    grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = rng.normal(1, 1, (5, 3, *grid)).astype(np.float32)
    expected = np.fft.fftshift(np.log10(full_power(maps) / 3).mean(0))
    first, second = (plane_sums(power_of(part), grid[1], 3) for part in (maps[:2], maps[2:]))
    found = mean_log_power(first + second, grid[1])
    assert found.shape == grid
    np.testing.assert_allclose(found, expected, atol=2e-3)
    at = np.unravel_index(np.argmin(np.abs(plane_frequency(grid[0]))), (grid[0],))
    assert at[0] == grid[0] // 2


@pytest.mark.parametrize("grid", GRIDS)
def test_half_planes_are_filled_with_hermitian_partners(
    grid: tuple[int, int], rng: np.random.Generator
) -> None:
    image = rng.normal(0, 1, grid)
    half, whole = np.abs(np.fft.rfft2(image)), np.abs(np.fft.fft2(image))
    np.testing.assert_allclose(full_plane(half, grid[1]), np.fft.fftshift(whole), atol=1e-12)


def test_bins_without_power_are_left_out_of_the_mean(rng: np.random.Generator) -> None:
    maps = np.zeros((2, 1, 4, 4), np.float32)
    maps[0] = rng.normal(0, 1, (4, 4))
    found = mean_log_power(plane_sums(power_of(maps), 4, 1), 4)
    alone = mean_log_power(plane_sums(power_of(maps[:1]), 4, 1), 4)
    np.testing.assert_array_equal(found, alone)
    silent = mean_log_power(plane_sums(power_of(maps[1:]), 4, 1), 4)
    assert np.isnan(silent).all()
