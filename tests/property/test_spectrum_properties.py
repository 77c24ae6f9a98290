"""Energy is kept, and a wave lies in one band, on any grid."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandprobe.bands import Bands
from bandprobe.spectra import band_energy, radial_bins, radial_profile

BANDS = Bands(("a", "b", "c", "d"), (0.2, 0.5, 0.9))
SIDES = st.integers(1, 24)


@given(SIDES, SIDES, st.integers(0, 2**32 - 1), st.floats(-20, 20))
def test_bands_and_annuli_hold_all_the_energy(
    height: int, width: int, seed: int, mean: float
) -> None:
    noise = np.random.default_rng(seed).normal(mean, 1.0, (2, 3, height, width))
    maps = noise.astype(np.float32)
    energy = np.square(maps, dtype=np.float64).sum((2, 3))
    found = band_energy(maps, BANDS.on_grid(height, width))
    np.testing.assert_allclose(found.sum(2), energy, rtol=1e-4)
    frequency, index = radial_bins(height, width)
    bins = np.bincount(index.ravel(), minlength=len(frequency))
    total = np.nansum(radial_profile(maps) * bins, axis=1)
    np.testing.assert_allclose(total, energy.mean(1), rtol=1e-4)


@given(SIDES, SIDES, st.data())
def test_a_wave_lies_in_the_band_of_its_frequency(
    height: int, width: int, data: st.DataObject
) -> None:
    ky = data.draw(st.integers(-(height // 2), height // 2), "ky")
    kx = data.draw(st.integers(-(width // 2), width // 2), "kx")
    y, x = np.mgrid[:height, :width]
    maps = np.cos(2 * np.pi * (ky * y / height + kx * x / width)).astype(np.float32)
    energy = band_energy(maps[None, None], BANDS.on_grid(height, width))[0, 0]
    radius = np.hypot(2 * ky / height, 2 * kx / width)
    band = sum(radius >= edge - 1e-9 for edge in BANDS.edges)
    assert energy[band] > (1 - 1e-5) * energy.sum() > 0
