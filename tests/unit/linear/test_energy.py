"""The energy readout: a sum over bands, indifferent to phase."""

import numpy as np

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene, white_noise
from bandprobe.fourier.modes import Mode
from bandprobe.fourier.spectra import band_energy
from bandprobe.linear.energy import FLOOR, EnergyReadout, fit_energy_scale


def energies(rng: np.random.Generator) -> np.ndarray:
    found = rng.gamma(2.0, 1.0, (30, 4, 3)) * [1e4, 1.0, 1e-4]
    found[:, 2] = 0
    found[..., 1, 1] = 5.0
    return np.asarray(found)


def test_features_of_training_energies_have_mean_zero_and_variance_one(
    rng: np.random.Generator,
) -> None:
    energy = energies(rng)
    features = fit_energy_scale(energy).features(energy)
    np.testing.assert_allclose(features.mean(0), 0, atol=1e-9)
    moving = energy.std(0) > 0
    np.testing.assert_allclose(features.std(0)[moving], 1, rtol=1e-6)
    np.testing.assert_allclose(features[:, ~moving], 0, atol=1e-12)


def test_features_follow_their_formula(rng: np.random.Generator) -> None:
    energy = energies(rng)
    scale = fit_energy_scale(energy)
    floor = FLOOR * energy[:, 0, 2].mean()
    logarithm = np.log(energy[:, 0, 2] + floor)
    expected = (logarithm - logarithm.mean()) / logarithm.std()
    np.testing.assert_allclose(scale.features(energy)[:, 0, 2], expected)


def test_silence_is_thirty_decibels_below_the_usual(rng: np.random.Generator) -> None:
    energy = energies(rng)
    scale = fit_energy_scale(energy)
    drop = np.log(energy[:, 0].mean(0) + scale.floor[0]) - np.log(scale.floor[0])
    np.testing.assert_allclose(drop * 10 / np.log(10), 30, atol=0.01)
    assert np.isfinite(scale.features(np.zeros((1, 4, 3)))).all()


def test_band_logits_sum_to_the_linear_classifier(rng: np.random.Generator) -> None:
    energy = energies(rng)
    scale = fit_energy_scale(energy)
    readout = EnergyReadout(rng.normal(size=(5, 4, 3)), rng.normal(size=5), scale)
    expected = np.einsum("ncb,kcb->nk", scale.features(energy), readout.weights)
    found = readout.band_logits(energy)
    assert found.shape == (3, 30, 5)
    np.testing.assert_allclose(found.sum(0), expected, atol=1e-9)
    assert readout.sees.all()


def test_a_mean_fill_is_the_mean_of_the_features(bands: Bands, rng: np.random.Generator) -> None:
    """Not the feature of the mean map, which is far below: random phases cancel in the mean."""
    maps = rng.normal(0.0, 1.0, (60, 3, 14, 14)).astype(np.float32)
    energy, of_mean = (band_energy(m, bands.on_grid(14, 14)) for m in (maps, maps.mean(0)[None]))
    scale = fit_energy_scale(energy)
    readout = EnergyReadout(rng.normal(size=(4, 3, 7)), np.zeros(4), scale)
    logits = readout.band_logits(energy)
    np.testing.assert_allclose(readout.mean_logits, logits.mean(1), atol=1e-9)
    assert (scale.features(of_mean)[0, :, 2:] < -3).all()
    silent = readout.band_logits(0 * energy[:1])[:, 0]
    np.testing.assert_array_equal(readout.silent_logits, silent)


def test_turned_phases_change_no_logit(bands: Bands, rng: np.random.Generator) -> None:
    maps = np.abs(rng.normal(1.0, 1.0, (6, 3, 14, 14))).astype(np.float32)
    partition = bands.on_grid(14, 14)
    before = band_energy(maps, partition)
    scale = fit_energy_scale(before)
    readout = EnergyReadout(rng.normal(size=(4, 3, 7)), np.zeros(4), scale)
    noise = white_noise(0, 0, range(6), maps.shape[1:])
    clean = readout.band_logits(before)
    for band in range(7):
        changed = intervene(Mode("p", "phase"), maps, partition, band, noise=noise)
        found = readout.band_logits(band_energy(changed, partition))
        np.testing.assert_allclose(found, clean, atol=1e-3 * clean.std())
