"""Phantoms: real patterns that lie in one band each, orthogonal, under noise of known energy."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bandprobe.data.datasets import phantom_classes
from bandprobe.data.phantom import Phantom, quantise
from bandprobe.errors import ConfigError
from bandprobe.fourier.bands import Bands


@pytest.fixture(scope="module")
def phantom(bands: Bands) -> Phantom:
    """The phantom of configs/phantom.yaml, with few images."""
    return Phantom(bands, 112, 3, {"train": 2, "eval": 3}, 0.5, 0.1, False, 1)


def energy_by_band(phantom: Phantom, images: np.ndarray) -> np.ndarray:
    """Energy in each band, without DC, by a full complex transform, apart from the package."""
    power = np.abs(np.fft.fft2(images)) ** 2 / phantom.size**2
    power[..., 0, 0] = 0
    return np.stack([power[..., phantom.partition.mask(b)].sum(-1) for b in range(7)], -1)


def test_classes_are_named_by_band_and_number(phantom: Phantom) -> None:
    assert len(phantom.class_names) == 21
    spec = {"patterns": 3, "bands": {"names": phantom.bands.names}}
    assert phantom_classes(spec) == phantom.class_names
    assert phantom.class_names[:4] == ["ultra-low-1", "ultra-low-2", "ultra-low-3", "very-low-1"]


def test_a_pattern_has_all_its_energy_in_its_band(phantom: Phantom) -> None:
    energy = energy_by_band(phantom, phantom.class_patterns)
    total = np.square(phantom.class_patterns).sum((1, 2))
    for label, band in enumerate(np.repeat(np.arange(7), 3)):
        np.testing.assert_allclose(energy[label, band], total[label], rtol=1e-12)
    np.testing.assert_allclose(phantom.class_patterns.mean((1, 2)), 0, atol=1e-14)


def test_all_patterns_are_orthogonal(phantom: Phantom) -> None:
    flat = phantom.class_patterns.reshape(21, -1)
    flat = flat / np.linalg.norm(flat, axis=1, keepdims=True)
    np.testing.assert_allclose(flat @ flat.T, np.eye(21), atol=1e-12)


@pytest.mark.parametrize("size", [48, 49])
def test_patterns_are_real_by_symmetry_and_not_by_cutting_off(bands: Bands, size: int) -> None:
    phantom = Phantom(bands, size, 1, {"train": 1, "eval": 1}, 1.0, 0.1, False, 0)
    white = np.random.default_rng(0).standard_normal((size, size))
    for band in range(7):
        kept = phantom.partition.mask(band).copy()
        kept[0, 0] = False
        literal = np.fft.ifft2(np.fft.fft2(white) * kept)
        assert np.abs(literal.imag).max() < 1e-14
        np.testing.assert_allclose(phantom.confine(white, band), literal.real, atol=1e-12)


def test_signal_to_noise_is_the_ratio_of_energies_in_the_band(phantom: Phantom) -> None:
    silent = replace(phantom, signal_to_noise=1e-12)
    noise = np.stack([silent.image("train", 0, n) for n in range(60)]) - 0.5
    expected = energy_by_band(phantom, noise).mean(0) / phantom.contrast**2
    np.testing.assert_allclose(phantom.noise_energy, expected, rtol=0.1)
    signal = np.square(phantom.class_patterns).sum((1, 2)).reshape(7, 3)
    np.testing.assert_allclose(signal, 0.5 * phantom.noise_energy[:, None].repeat(3, 1))


def test_noise_has_a_one_over_f_amplitude(phantom: Phantom) -> None:
    amplitude = phantom.noise_amplitude
    assert amplitude[0, 0] == 0
    np.testing.assert_allclose(amplitude[0, 2] * 2, amplitude[0, 1])
    np.testing.assert_allclose(amplitude[3, 4] * 5, amplitude[0, 1])
    np.testing.assert_allclose(np.square(amplitude).mean(), 1)


def test_random_phases_keep_the_band_and_lose_the_pattern(phantom: Phantom) -> None:
    turned = replace(phantom, random_phase=True)
    for label in (0, 10, 20):
        silent = replace(turned, signal_to_noise=1e-12)
        signals = np.stack(
            [turned.image("eval", label, n) - silent.image("eval", label, n) for n in range(30)]
        )
        energy = energy_by_band(phantom, signals)
        total = np.square(phantom.contrast * phantom.class_patterns[label]).sum()
        np.testing.assert_allclose(energy[:, label // 3], total, rtol=1e-4)
        pattern = phantom.class_patterns[label].ravel()
        likeness = signals.reshape(30, -1) @ pattern / np.linalg.norm(pattern) / np.sqrt(total)
        # Of random signs: the mean over 30 images is small where a fixed pattern has exactly 1.
        assert abs(likeness.mean()) < 0.3


def test_eight_bits_add_little_to_the_noise_of_any_band(phantom: Phantom) -> None:
    exact = np.stack([phantom.image("train", label, 0) for label in range(21)])
    stored = np.stack([quantise(image) for image in exact]) / 255
    error = energy_by_band(phantom, stored - exact).mean(0)
    noise = phantom.noise_energy * phantom.contrast**2
    assert (error / noise).max() < 0.01
    assert np.mean((stored == 0) | (stored == 1)) < 1e-5


def test_a_class_of_a_conjunction_is_a_pattern_of_each_band(phantom: Phantom) -> None:
    both = replace(phantom, conjunction=("low", "high"))
    assert len(both.class_names) == 9
    assert both.class_names[:4] == ["low-1-high-1", "low-1-high-2", "low-1-high-3", "low-2-high-1"]
    spec = {"patterns": 3, "bands": {"names": phantom.bands.names}, "conjunction": ("low", "high")}
    assert phantom_classes(spec) == both.class_names
    for label in range(9):
        low, high = 6 + label // 3, 12 + label % 3
        expected = phantom.class_patterns[low] + phantom.class_patterns[high]
        np.testing.assert_allclose(both.class_patterns[label], expected, atol=1e-12)
    energy = energy_by_band(both, both.class_patterns)
    held = energy > 1e-9 * energy.max()
    assert held.tolist() == [[False, False, True, False, True, False, False]] * 9


@pytest.mark.parametrize(
    ("names", "message"),
    [(("high", "low"), "the lower one first"), (("low", "deep"), "deep")],
)
def test_a_conjunction_names_two_bands_in_order(
    phantom: Phantom, names: tuple[str, str], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        replace(phantom, conjunction=names)


def test_images_follow_from_their_names_alone(phantom: Phantom) -> None:
    more = replace(phantom, images={"train": 5, "eval": 3})
    found = dict(phantom.pixels())
    assert len(found) == 21 * 5
    extended = dict(more.pixels())
    assert all(np.array_equal(extended[name], found[name]) for name in found)
    other = dict(replace(phantom, seed=2).pixels())
    assert not any(np.array_equal(other[name], found[name]) for name in found)
    distinct = {pixels.tobytes() for pixels in found.values()}
    assert len(distinct) == len(found)


def test_a_grid_without_room_for_the_patterns_is_refused(bands: Bands) -> None:
    # 14 x 14: ultra-low holds DC and nothing else.
    with pytest.raises(ConfigError, match=r"(?s)no room in band 'ultra-low'.*found: +0"):
        Phantom(bands, 14, 3, {"train": 1, "eval": 1}, 1.0, 0.1, False, 0)
