"""Spectra of maps whose spectrum is known."""

import numpy as np
import pytest

from bandprobe.errors import GridMismatchError
from bandprobe.fourier.bands import Bands, radial_frequency
from bandprobe.fourier.spectra import (
    MapSpectra,
    Window,
    band_energy,
    bins_without_dc,
    cycles_per_image,
    density,
    diagonal_frequency,
    hann_window,
    join_spectra,
    map_spectra,
    radial_bins,
    rounding_energy,
)

GRIDS = [(14, 14), (7, 7), (12, 9), (9, 12)]
WINDOWS: list[Window] = ["none", "hann"]


def wave(height: int, width: int, ky: float, kx: float) -> np.ndarray:
    """A cosine of ky and kx cycles a map."""
    y, x = np.mgrid[:height, :width]
    return np.cos(2 * np.pi * (ky * y / height + kx * x / width)).astype(np.float32)


def noise(rng: np.random.Generator, *shape: int, mean: float = 1.0) -> np.ndarray:
    return rng.normal(mean, 1.0, shape).astype(np.float32)


def impulses(height: int, width: int) -> np.ndarray:
    """One map an impulse: any quadratic quantity, summed over them, is its mean on white noise."""
    return np.eye(height * width, dtype=np.float32).reshape(-1, 1, height, width)


@pytest.mark.parametrize("grid", GRIDS)
def test_energies_of_all_bands_sum_to_the_spatial_energy(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = noise(rng, 3, 2, *grid)
    partition = bands.on_grid(*grid)
    energy = band_energy(maps, partition)
    assert energy.shape == (3, 2, len(bands))
    np.testing.assert_allclose(energy.sum(2), np.square(maps).sum((2, 3)), rtol=1e-5)
    np.testing.assert_allclose(map_spectra(maps, partition).energy, energy.sum(1), rtol=1e-5)


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
    expected = np.zeros(len(bands))
    expected[bands.position(band)] = np.square(maps).sum()
    for energy in (
        band_energy(maps, bands.on_grid(*grid))[0, 0],
        map_spectra(maps, bands.on_grid(*grid)).energy[0],
    ):
        np.testing.assert_allclose(energy, expected, atol=1e-5 * expected.sum())


def test_energy_of_an_empty_band_is_zero_and_its_density_does_not_exist(
    bands: Bands, rng: np.random.Generator
) -> None:
    partition = bands.on_grid(7, 7)
    found = map_spectra(noise(rng, 2, 3, 7, 7), partition)
    empty = bands.position("very-low")
    assert (found.energy[:, empty] == 0).all()
    assert np.isnan(density(found.energy, partition.counts)[:, empty]).all()


def test_spectra_of_another_grid_are_refused(bands: Bands) -> None:
    maps = np.zeros((1, 1, 7, 7), np.float32)
    with pytest.raises(GridMismatchError, match="7 x 7"):
        band_energy(maps, bands.on_grid(8, 8))
    with pytest.raises(GridMismatchError, match="7 x 7"):
        map_spectra(maps, bands.on_grid(8, 8))


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("grid", GRIDS)
def test_energy_at_zero_frequency_is_that_of_the_mean_with_any_window(
    bands: Bands, grid: tuple[int, int], window: Window, rng: np.random.Generator
) -> None:
    maps = noise(rng, 4, 3, *grid)
    partition = bands.on_grid(*grid)
    found = map_spectra(maps, partition, window)
    zero = np.square(maps.mean((2, 3), dtype=np.float64)).sum(1) * grid[0] * grid[1]
    difference = found.energy - found.energy_without_dc
    np.testing.assert_allclose(difference[:, partition.dc_band], zero, rtol=1e-6)
    assert (np.delete(difference, partition.dc_band, axis=1) == 0).all()
    np.testing.assert_allclose(found.profile[:, 0], zero / 3, rtol=1e-6)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("grid", [*GRIDS, (5, 20), (1, 6), (1, 1)])
def test_a_constant_map_has_nothing_outside_zero_frequency(
    bands: Bands, grid: tuple[int, int], window: Window
) -> None:
    maps = np.full((1, 2, *grid), 0.1, np.float32)
    found = map_spectra(maps, bands.on_grid(*grid), window)
    assert (found.energy_without_dc == 0).all()
    assert found.energy.sum() == pytest.approx(2 * grid[0] * grid[1] * 0.01)
    assert found.centroid.tolist() == [0.0]
    assert np.isnan(found.centroid_without_dc).all()


@pytest.mark.parametrize("grid", GRIDS)
def test_density_of_white_noise_is_flat(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    n_samples, n_channels, variance = 300, 4, 2.25
    maps = rng.normal(0, np.sqrt(variance), (n_samples, n_channels, *grid)).astype(np.float32)
    partition = bands.on_grid(*grid)
    spectra = map_spectra(maps, partition)
    _, index = radial_bins(*grid)
    for found, bins in (
        (spectra.profile, np.bincount(index.ravel())),
        (density(spectra.energy, partition.counts) / n_channels, partition.counts),
        (
            density(spectra.energy_without_dc, bins_without_dc(partition)) / n_channels,
            bins_without_dc(partition),
        ),
    ):
        held = bins > 0
        assert np.isnan(found[:, ~held]).all()
        error = np.sqrt(2 / (n_samples * n_channels * bins[held]))
        assert (np.abs(found.mean(0)[held] / variance - 1) < 5 * error).all()


@pytest.mark.parametrize("grid", [*GRIDS, (5, 20), (1, 6)])
def test_density_times_bins_is_the_energy(
    bands: Bands, grid: tuple[int, int], rng: np.random.Generator
) -> None:
    maps = noise(rng, 3, 4, *grid)
    frequency, index = radial_bins(*grid)
    bins = np.bincount(index.ravel(), minlength=len(frequency))
    partition = bands.on_grid(*grid)
    found = map_spectra(maps, partition)
    assert found.profile.shape == (3, len(frequency))
    assert np.isnan(found.profile[:, bins == 0]).all()
    energy = np.square(maps).sum((1, 2, 3))
    np.testing.assert_allclose(np.nansum(found.profile * bins, axis=1) * 4, energy, rtol=1e-5)
    for energies, counts in (
        (found.energy, partition.counts),
        (found.energy_without_dc, bins_without_dc(partition)),
    ):
        product = np.nan_to_num(density(energies, counts) * counts)
        np.testing.assert_allclose(product, energies, rtol=1e-12)


def test_without_dc_the_band_of_dc_counts_one_bin_less(bands: Bands) -> None:
    assert bins_without_dc(bands.on_grid(56, 56)).tolist() == [4, 52, 164, 388, 592, 800, 1135]
    assert bins_without_dc(bands.on_grid(7, 7)).tolist() == [0, 0, 4, 4, 12, 8, 20]


def test_profile_of_a_wave_peaks_at_its_frequency(bands: Bands) -> None:
    frequency, _ = radial_bins(12, 12)
    profile = map_spectra(wave(12, 12, 0, 3)[None, None], bands.on_grid(12, 12)).profile[0]
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


@pytest.mark.parametrize("side", [7, 14, 16, 28, 56])
def test_annuli_of_square_grids_are_the_nearest_whole_radii(side: int) -> None:
    _, index = radial_bins(side, side)
    cycles = np.fft.fftfreq(side, 1 / side)
    np.testing.assert_array_equal(index, np.rint(np.hypot(cycles[:, None], cycles)))


@pytest.mark.parametrize(
    "grid", [(8, 4), (4, 8), (14, 7), (28, 10), (1, 6), (9, 1), (12, 7), (224, 150), (1, 1)]
)
def test_the_first_annulus_is_dc_alone_and_equal_radii_share_one(grid: tuple[int, int]) -> None:
    frequency, index = radial_bins(*grid)
    assert np.argwhere(index == 0).tolist() == [[0, 0]]
    assert frequency[-1] <= 1.5 * np.sqrt(2)
    radius = np.round(radial_frequency(*grid), 9)
    for value in np.unique(radius):
        assert len(np.unique(index[radius == value])) == 1
    np.testing.assert_array_equal(index, radial_bins(*grid[::-1])[1].T)


@pytest.mark.parametrize(
    ("grid", "ky", "kx"),
    [((14, 14), 3, 0), ((14, 14), 7, -2), ((7, 7), 2, 3), ((12, 9), 6, 4), ((9, 12), 0, 6)],
)
def test_centroid_of_a_wave_is_its_frequency(
    bands: Bands, grid: tuple[int, int], ky: int, kx: int
) -> None:
    height, width = grid
    frequency = np.hypot(2 * ky / height, 2 * kx / width)
    ripple = wave(*grid, ky, kx)[None, None]
    energy, zero = float(np.square(ripple).sum()), 0.25 * height * width
    found = map_spectra(ripple + np.float32(0.5), bands.on_grid(*grid))
    np.testing.assert_allclose(found.centroid_without_dc, frequency, rtol=1e-5)
    # The zero frequency pulls it down by its share of the energy.
    np.testing.assert_allclose(found.centroid, frequency * energy / (energy + zero), rtol=1e-5)


def test_cycles_per_image_count_along_the_shorter_side() -> None:
    assert cycles_per_image(np.array([0.5]), 7, 7).tolist() == [1.75]
    assert cycles_per_image(np.array([0.5]), 56, 56).tolist() == [14]
    assert cycles_per_image(np.array([1.0]), 20, 5).tolist() == [2.5]


def test_channels_weigh_by_their_energy(bands: Bands) -> None:
    low, high = wave(14, 14, 1, 0), wave(14, 14, 0, 5)
    maps = np.stack([3 * low, high])[None]
    found = map_spectra(maps, bands.on_grid(14, 14))
    np.testing.assert_allclose(found.centroid, (9 * 1 / 7 + 5 / 7) / 10, rtol=1e-5)


@pytest.mark.parametrize("grid", [*GRIDS, (5, 20), (1, 6), (2, 2), (1, 2)])
def test_a_window_keeps_the_expected_energy_of_white_noise(
    bands: Bands, grid: tuple[int, int]
) -> None:
    size = grid[0] * grid[1]
    for window in WINDOWS:
        found = map_spectra(impulses(*grid), bands.on_grid(*grid), window)
        assert found.energy_without_dc.sum() == pytest.approx(size - 1, rel=1e-5)
        assert found.energy.sum() == pytest.approx(size, rel=1e-5)


def test_a_window_leaves_white_noise_flat_but_for_the_neighbours_of_zero_frequency(
    bands: Bands,
) -> None:
    found = map_spectra(impulses(14, 14), bands.on_grid(14, 14), "hann").profile.sum(0)
    np.testing.assert_allclose(found[2:], found[-1], rtol=1e-5)
    # Taking the mean away takes a ninth from the bins beside it on the axes.
    assert found[1] / found[-1] == pytest.approx(1 - 1 / 9, abs=0.05)
    assert found[-1] == pytest.approx(1, abs=0.01)


def test_a_window_is_mirror_symmetric() -> None:
    window = hann_window(12, 9)
    np.testing.assert_allclose(window, window[::-1, ::-1], rtol=1e-6)
    assert window.argmax() in (5 * 9 + 4, 6 * 9 + 4)
    assert (window > 0).all()


def test_a_window_reduces_what_leaks_from_between_two_bins(bands: Bands) -> None:
    frequency, _ = radial_bins(32, 32)
    far = frequency > 0.5
    leaked = {}
    for window in WINDOWS:
        maps = wave(32, 32, 0, 3.5)[None, None] + np.float32(2)
        profile = map_spectra(maps, bands.on_grid(32, 32), window).profile[0]
        leaked[window] = profile[far].max() / profile[1:].max()
    assert leaked["none"] > 1e-4
    assert leaked["hann"] < leaked["none"] / 100


def original_delta(maps: np.ndarray) -> np.ndarray:
    """Park and Kim's analysis, step by step, of the whole batch."""
    height, width = maps.shape[-2:]
    log = np.log(np.abs(np.fft.fft2(maps.astype(np.float64))) + 1e-6)
    shifted = np.roll(log, (int(height / 2), int(width / 2)), (2, 3))
    half = np.diag(shifted.mean((0, 1)))[int(height / 2) :]
    return half - half[0]


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("size", [16, 14, 7, 9, 2, 3, 1])
def test_delta_log_amplitude_is_that_of_the_original_code(
    bands: Bands, size: int, window: Window, rng: np.random.Generator
) -> None:
    maps = noise(rng, 5, 3, size, size, mean=-0.5)
    found = map_spectra(maps, bands.on_grid(size, size), window).delta_log_amplitude
    assert found.shape == (5, (size + 1) // 2)
    assert (found[:, 0] == 0).all()
    np.testing.assert_allclose(found.mean(0), original_delta(maps), atol=2e-4)
    for one, row in zip(maps, found, strict=True):
        np.testing.assert_allclose(row, original_delta(one[None]), atol=1e-3)


def test_silent_channels_have_no_delta_as_in_the_original_code(
    bands: Bands, rng: np.random.Generator
) -> None:
    maps = noise(rng, 2, 3, 8, 8)
    maps[:, 1] = 0
    found = map_spectra(maps, bands.on_grid(8, 8)).delta_log_amplitude
    np.testing.assert_allclose(found.mean(0), original_delta(maps), atol=2e-4)


@pytest.mark.parametrize("size", [8, 7])
def test_half_diagonal_has_the_frequencies_of_its_bins(bands: Bands, size: int) -> None:
    frequency = diagonal_frequency(size, size)
    shifted = 2 * np.fft.fftshift(np.fft.fftfreq(size))
    np.testing.assert_allclose(frequency, shifted[size // 2 :])
    for k in range(1, len(frequency)):
        maps = wave(size, size, k, k)[None, None] + np.float32(0.1)
        delta = map_spectra(maps, bands.on_grid(size, size)).delta_log_amplitude[0]
        assert delta.argmax() == k
        # Half of the amplitude lies at k, the other half at -k.
        assert delta[k] == pytest.approx(np.log(0.5 / 0.1), abs=1e-3)


def test_only_square_grids_have_a_half_diagonal(bands: Bands, rng: np.random.Generator) -> None:
    assert diagonal_frequency(12, 9).shape == (0,)
    found = map_spectra(noise(rng, 2, 3, 12, 9), bands.on_grid(12, 9))
    assert found.delta_log_amplitude.shape == (2, 0)


def test_blocks_join_in_their_order(bands: Bands, rng: np.random.Generator) -> None:
    maps = noise(rng, 5, 2, 8, 8)
    partition = bands.on_grid(8, 8)
    whole = map_spectra(maps, partition)
    joined = join_spectra([map_spectra(maps[:3], partition), map_spectra(maps[3:], partition)])
    assert isinstance(joined, MapSpectra)
    for name, values in vars(whole).items():
        np.testing.assert_array_equal(vars(joined)[name], values)


@pytest.mark.parametrize(("dtype", "mantissa"), [(np.float16, 10), (np.float32, 23)])
def test_rounding_has_the_energy_that_is_expected_of_it(
    bands: Bands, rng: np.random.Generator, dtype: type, mantissa: int
) -> None:
    values = rng.normal(3.0, 1.0, (4, 8, 14, 10))
    stored = values.astype(dtype)
    error = stored.astype(float) - values
    partition = bands.on_grid(14, 10)
    expected = rounding_energy(stored.astype("f4"), partition, mantissa)
    scale = 2.0**mantissa  # in single precision such small errors would be rounded themselves
    found = band_energy((error * scale).astype("f4"), partition).sum(1) / scale**2
    filled = partition.counts > 20
    np.testing.assert_allclose(found.mean(0)[filled], expected.mean(0)[filled], rtol=0.25)
    assert (rounding_energy(np.zeros((1, 2, 14, 10), "f4"), partition, mantissa) == 0).all()
