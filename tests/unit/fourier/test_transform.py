"""Real transforms keep energy, and phases from real noise keep power and reality."""

import numpy as np
import pytest
import scipy.fft

from bandprobe.base.devices import fetch, put
from bandprobe.fourier.transform import (
    full_fft,
    map_fft,
    multiplicity,
    power,
    real_fft,
    unit_phases,
)

GRIDS = [(8, 8), (7, 7), (6, 9), (9, 6), (1, 5), (4, 1), (1, 1)]


@pytest.mark.parametrize("grid", GRIDS)
def test_power_sums_to_the_spatial_energy(grid: tuple[int, int], rng: np.random.Generator) -> None:
    maps = rng.normal(2.0, 1.0, (3, 2, *grid)).astype(np.float32)
    np.testing.assert_allclose(power(maps).sum((2, 3)), np.square(maps).sum((2, 3)), rtol=1e-5)


@pytest.mark.parametrize("grid", GRIDS)
def test_multiplicities_count_every_bin_of_the_plane_once(grid: tuple[int, int]) -> None:
    assert multiplicity(*grid).sum() == grid[0] * grid[1]


@pytest.mark.parametrize("grid", GRIDS)
def test_power_is_that_of_the_full_transform(
    grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = rng.normal(size=(2, *grid)).astype(np.float32)
    full = np.square(np.abs(np.fft.fft2(maps.astype(np.float64)))) / (grid[0] * grid[1])
    half = full[..., : grid[1] // 2 + 1] * multiplicity(*grid)
    np.testing.assert_allclose(power(maps), half, rtol=1e-3, atol=1e-5)


def test_transforms_stay_in_single_precision(rng: np.random.Generator) -> None:
    maps = rng.normal(size=(2, 6, 5)).astype(np.float16)
    assert real_fft(maps).dtype == np.complex64
    assert power(maps).dtype == np.float32


@pytest.mark.parametrize("grid", GRIDS)
def test_phases_keep_power_and_give_a_real_map(
    grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps, noise = rng.normal(size=(2, 3, *grid)).astype(np.float32)
    transformed = scipy.fft.fft2(maps)
    changed = transformed * unit_phases(scipy.fft.fft2(noise), maps.shape[-1])
    np.testing.assert_allclose(np.abs(changed), np.abs(transformed), rtol=1e-5, atol=1e-6)
    restored = scipy.fft.ifft2(changed)
    assert np.abs(restored.imag).max() < 1e-5 * np.abs(restored.real).max()


@pytest.mark.parametrize("strength", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("grid", GRIDS)
def test_phases_turned_in_part_keep_power_and_give_a_real_map(
    grid: tuple[int, int], strength: float, rng: np.random.Generator
) -> None:
    maps, noise = rng.normal(size=(2, 3, *grid)).astype(np.float32)
    transformed = scipy.fft.fft2(maps)
    phases = unit_phases(scipy.fft.fft2(noise), grid[1], strength)
    np.testing.assert_allclose(np.abs(phases), 1, rtol=1e-5)
    assert np.abs(np.angle(phases)).max() <= strength * np.pi + 1e-5
    restored = scipy.fft.ifft2(transformed * phases)
    assert np.abs(restored.imag).max() < 1e-5 * np.abs(restored.real).max()
    half = unit_phases(real_fft(noise), grid[1], strength)
    np.testing.assert_allclose(half, phases[..., : half.shape[-1]], atol=1e-3)


def test_phases_change_the_map(rng: np.random.Generator) -> None:
    maps, noise = rng.normal(size=(2, 8, 8)).astype(np.float32)
    changed = np.fft.ifft2(
        np.fft.fft2(maps) * unit_phases(scipy.fft.fft2(noise), maps.shape[-1])
    ).real
    assert abs(np.corrcoef(changed.ravel(), maps.ravel())[0, 1]) < 0.5


def test_phase_of_silence_is_one() -> None:
    noise = np.array([0, 3j, -2, 0.6 + 0.8j], np.complex64)
    np.testing.assert_allclose(unit_phases(noise[None], 4)[0], [1, 1j, -1, 0.6 + 0.8j], rtol=1e-6)


@pytest.mark.parametrize("device", ["cpu", "torch-cpu"])
@pytest.mark.parametrize("grid", [*GRIDS, (10, 14), (14, 14)])
def test_a_constant_map_is_exactly_its_mean(
    grid: tuple[int, int], device: str, rng: np.random.Generator
) -> None:
    level = rng.normal(size=(5, 3, 1, 1)).astype(np.float32)
    maps = put(np.tile(level, grid), device)
    for transform in (map_fft, full_fft):
        found = fetch(transform(maps))
        np.testing.assert_allclose(found[..., 0, 0], level[..., 0, 0] * np.prod(grid), rtol=1e-6)
        found[..., 0, 0] = 0
        assert not found.any()


@pytest.mark.parametrize("grid", GRIDS)
def test_a_mean_taken_apart_changes_no_coefficient(
    grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = rng.normal(1.0, 1.0, (2, *grid)).astype(np.float32)
    np.testing.assert_allclose(map_fft(maps), real_fft(maps), atol=1e-4)
    np.testing.assert_allclose(full_fft(maps), scipy.fft.fft2(maps), atol=1e-4)
