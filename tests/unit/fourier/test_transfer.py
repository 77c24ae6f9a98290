"""Transfers of blocks whose answer is known: filters, subsampling, and bands that go together."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.spectra import map_spectra
from bandprobe.fourier.transfer import Transfer, band_transfer

BANDS = Bands(("low", "mid", "high", "corner"), (0.25, 0.5, 1.0))
N, SIDE = 400, 16


def independent_maps(rng: np.random.Generator, energies: np.ndarray) -> np.ndarray:
    """Gaussian maps of 16 x 16 whose bands have these energies per bin, (n_samples, n_bands)."""
    partition = BANDS.on_grid(SIDE, SIDE)
    transformed = np.fft.fft2(rng.normal(0, 1, (len(energies), 8, SIDE, SIDE)))
    scale = np.sqrt(energies)[:, partition.index][:, None]
    return np.fft.ifft2(transformed * scale).real.astype(np.float32)


def energies_of(maps: np.ndarray) -> np.ndarray:
    return map_spectra(maps, BANDS.on_grid(*maps.shape[-2:])).energy


def transfer_of(inputs: np.ndarray, outputs: np.ndarray, n_draws: int = 100) -> Transfer:
    units = np.arange(len(inputs)) // 2
    draws = np.random.default_rng(0).multinomial(
        len(inputs) // 2, np.full(len(inputs) // 2, 2 / len(inputs)), n_draws
    )
    return band_transfer(inputs, outputs, units, draws.astype(float), 0.95)


@pytest.fixture
def energies(rng: np.random.Generator) -> np.ndarray:
    """Independent energies of the bands, which differ by a factor of 30."""
    return np.exp(rng.normal(0, 1, (N, len(BANDS))))


def aliases(partition: BandPartition) -> np.ndarray:
    """Expected gains of taking every second row and column, counted bin by bin."""
    half = BANDS.on_grid(SIDE // 2, SIDE // 2)
    gains = np.zeros((len(BANDS), len(BANDS)))
    for row, column in np.ndindex(SIDE, SIDE):
        band = partition.index[row, column]
        into = half.index[row % (SIDE // 2), column % (SIDE // 2)]
        gains[into, band] += 0.25 / partition.counts[band]
    return gains


def test_subsampling_shows_its_aliases(rng: np.random.Generator, energies: np.ndarray) -> None:
    """With a stride of 2 what is above half of Nyquist folds down to the low bands, too."""
    maps = independent_maps(rng, energies)
    found = transfer_of(energies_of(maps), energies_of(maps[..., ::2, ::2]))
    expected = aliases(BANDS.on_grid(SIDE, SIDE))
    assert expected[1, 2] > 0.01, "frequencies just below Nyquist become low ones"
    assert expected[0, 3] > 0.001, "and Nyquist becomes DC, the only bin of the lowest band"
    np.testing.assert_allclose(found.gain, expected, atol=0.02)
    assert found.low[1, 2] > 0
    # A quarter of the positions have a quarter of the energy.
    np.testing.assert_allclose(found.gain.sum(0), 0.25, atol=0.02)


def test_a_filter_before_subsampling_removes_the_aliases(
    rng: np.random.Generator, energies: np.ndarray
) -> None:
    maps = independent_maps(rng, energies)
    partition = BANDS.on_grid(SIDE, SIDE)
    kept = np.isin(partition.index, [0, 1])
    filtered = np.fft.ifft2(np.fft.fft2(maps) * kept).real.astype(np.float32)[..., ::2, ::2]
    found = transfer_of(energies_of(maps), energies_of(filtered))
    assert (found.share[:, 2:] < 0.01).all()
    assert found.share[0, 0] == pytest.approx(1, abs=0.05)


def test_a_filter_has_its_power_as_gain(rng: np.random.Generator, energies: np.ndarray) -> None:
    """Circular blur by [1, 2, 1] / 4 along both axes: the fourth power of a cosine, squared."""
    maps = independent_maps(rng, energies)
    blurred = maps
    for axis in (-2, -1):
        sides = [np.roll(blurred, step, axis) for step in (-1, 1)]
        blurred = (sides[0] + 2 * blurred + sides[1]) / 4
    found = transfer_of(energies_of(maps), energies_of(blurred))
    response = np.cos(np.pi * np.fft.fftfreq(SIDE)) ** 4
    partition = BANDS.on_grid(SIDE, SIDE)
    power = np.bincount(partition.index.ravel(), np.outer(response, response).ravel())
    np.testing.assert_allclose(found.gain, np.diag(power / partition.counts), atol=0.02)
    assert (np.diag(found.low) <= np.diag(found.share)).all()
    assert (np.diag(found.share) <= np.diag(found.high)).all()
    assert (found.explained[:3] > 0.9).all()


def test_bands_that_go_together_are_told_apart(rng: np.random.Generator) -> None:
    """The output follows the first band; the second goes with it over images and does nothing."""
    first = np.exp(rng.normal(0, 1, N))
    second = first * np.exp(rng.normal(0, 0.5, N))
    inputs = np.stack([first, second], axis=1)
    assert np.corrcoef(np.log(inputs.T))[0, 1] > 0.85
    output = 3 * first[:, None] * np.exp(rng.normal(-0.005, 0.1, (N, 1)))
    assert np.corrcoef(second, output[:, 0])[0, 1] > 0.5, "alone it would seem to matter"
    found = transfer_of(inputs, output)
    assert found.gain[0, 0] == pytest.approx(3, rel=0.05)
    assert found.share[0, 1] < 0.03
    assert found.low[0, 1] < 1e-3


def test_what_does_not_depend_on_the_image_is_the_constant(rng: np.random.Generator) -> None:
    inputs = np.exp(rng.normal(0, 1, (N, 2)))
    output = (inputs[:, :1] + 5) * np.exp(rng.normal(-0.005, 0.1, (N, 1)))
    found = transfer_of(inputs, output)
    mean = output.mean()
    assert found.constant[0] * mean == pytest.approx(5, rel=0.05)
    assert found.gain[0, 0] == pytest.approx(1, rel=0.2)


def test_intervals_cover_the_gain_with_units_of_several_images(rng: np.random.Generator) -> None:
    inside = []
    for _ in range(30):
        per_unit = np.exp(rng.normal(0, 0.7, (30, 2))).repeat(4, axis=0)
        inputs = per_unit * np.exp(rng.normal(0, 0.2, per_unit.shape))
        scatter = np.exp(rng.normal(0, 0.2, (30, 1)).repeat(4, axis=0) - 0.02)
        output = (2 * inputs[:, :1] + inputs[:, 1:]) * scatter
        draws = rng.multinomial(30, np.full(30, 1 / 30), 100).astype(float)
        found = band_transfer(inputs, output, np.arange(120) // 4, draws, 0.95)
        share = 2 * inputs[:, 0].mean() / (2 * inputs[:, 0] + inputs[:, 1]).mean()
        inside.append(found.low[0, 0] <= share <= found.high[0, 0])
    assert np.mean(inside) > 0.8


def test_bands_without_energy_have_no_transfer(rng: np.random.Generator) -> None:
    inputs = np.exp(rng.normal(0, 1, (40, 3)))
    outputs = inputs[:, :2].copy()
    alone = transfer_of(inputs[:, [0, 2]], outputs[:, :1])
    inputs[:, 1] = 0
    outputs[:, 1] = 0
    found = transfer_of(inputs, outputs)
    assert np.isnan(found.share[:, 1]).all()
    assert np.isnan(found.share[1]).all()
    np.testing.assert_allclose(found.share[0, [0, 2]], alone.share[0])


def test_too_few_units_have_no_transfer(rng: np.random.Generator) -> None:
    inputs = np.exp(rng.normal(0, 1, (40, 4)))
    units = np.arange(40) % 5
    found = band_transfer(inputs, inputs, units, np.ones((3, 5)), 0.95)
    assert np.isnan(found.share).all()
    assert np.isnan(found.gain).all()
