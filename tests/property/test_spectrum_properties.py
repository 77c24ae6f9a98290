"""Energy is kept, and a wave lies in one band, on any grid."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.spectra import Window, band_energy, map_spectra, radial_bins

BANDS = Bands(("a", "b", "c", "d"), (0.2, 0.5, 0.9))
SIDES = st.integers(1, 24)
SEEDS = st.integers(0, 2**32 - 1)
WINDOWS = st.sampled_from(["none", "hann"])


@given(SIDES, SIDES, SEEDS, st.floats(-20, 20))
def test_bands_and_annuli_hold_all_the_energy(
    height: int, width: int, seed: int, mean: float
) -> None:
    noise = np.random.default_rng(seed).normal(mean, 1.0, (2, 3, height, width))
    maps = noise.astype(np.float32)
    energy = np.square(maps, dtype=np.float64).sum((2, 3))
    partition = BANDS.on_grid(height, width)
    np.testing.assert_allclose(band_energy(maps, partition).sum(2), energy, rtol=1e-4)
    found = map_spectra(maps, partition)
    np.testing.assert_allclose(found.energy.sum(1), energy.sum(1), rtol=1e-4)
    frequency, index = radial_bins(height, width)
    bins = np.bincount(index.ravel(), minlength=len(frequency))
    total = np.nansum(found.profile * bins, axis=1)
    np.testing.assert_allclose(total, energy.mean(1), rtol=1e-4)


@given(SIDES, SIDES, st.data())
def test_a_wave_lies_in_the_band_of_its_frequency(
    height: int, width: int, data: st.DataObject
) -> None:
    ky = data.draw(st.integers(-(height // 2), height // 2), "ky")
    kx = data.draw(st.integers(-(width // 2), width // 2), "kx")
    y, x = np.mgrid[:height, :width]
    maps = np.cos(2 * np.pi * (ky * y / height + kx * x / width)).astype(np.float32)[None, None]
    found = map_spectra(maps, BANDS.on_grid(height, width))
    energy = found.energy[0]
    radius = np.hypot(2 * ky / height, 2 * kx / width)
    band = sum(radius >= edge - 1e-9 for edge in BANDS.edges)
    assert energy[band] > (1 - 1e-5) * energy.sum() > 0
    np.testing.assert_allclose(found.centroid, radius, rtol=1e-4, atol=1e-4)


@given(SIDES, SIDES, SEEDS, WINDOWS, st.floats(-20, 20), st.floats(0.01, 100))
def test_spectra_scale_as_they_must(
    height: int, width: int, seed: int, window: Window, mean: float, factor: float
) -> None:
    """A shift of the mean moves DC alone; a factor moves energies by its square, nothing else."""
    noise = np.random.default_rng(seed).normal(0.0, 1.0, (2, 3, height, width))
    partition = BANDS.on_grid(height, width)
    base = map_spectra(noise.astype(np.float32), partition, window)
    shifted = map_spectra((noise + mean).astype(np.float32), partition, window)
    scale = base.energy_without_dc.sum() + 1e-9
    np.testing.assert_allclose(
        shifted.energy_without_dc, base.energy_without_dc, rtol=1e-3, atol=1e-4 * scale
    )
    scaled = map_spectra((factor * noise).astype(np.float32), partition, window)
    np.testing.assert_allclose(scaled.energy, factor**2 * base.energy, rtol=1e-4, atol=1e-9)
    np.testing.assert_allclose(scaled.centroid, base.centroid, rtol=1e-4, atol=1e-6)
    if height == width:
        assert (scaled.delta_log_amplitude[:, 0] == 0).all()
        np.testing.assert_allclose(
            scaled.delta_log_amplitude, base.delta_log_amplitude, rtol=1e-2, atol=1e-2
        )


@given(SIDES, SIDES, SEEDS, WINDOWS)
def test_a_mirror_image_has_the_same_bands_and_rings(
    height: int, width: int, seed: int, window: Window
) -> None:
    maps = np.random.default_rng(seed).normal(1.0, 1.0, (1, 2, height, width)).astype(np.float32)
    partition = BANDS.on_grid(height, width)
    found = map_spectra(maps, partition, window)
    mirrored = map_spectra(maps[..., ::-1], partition, window)
    np.testing.assert_allclose(mirrored.energy, found.energy, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(mirrored.profile, found.profile, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(mirrored.centroid, found.centroid, rtol=1e-4, atol=1e-6)
