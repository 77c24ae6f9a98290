"""Responses of kernels whose response is known."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.errors import GridMismatchError
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.kernels import band_response, kernel_response

BLUR = np.outer([1, 2, 1], [1, 2, 1]) / 16


@pytest.mark.parametrize("side", [15, 16, 64])
def test_a_blur_has_its_known_response(side: int) -> None:
    """[1, 2, 1] / 4 has the response cos^2 of half the angular frequency along each axis."""
    frequency = np.fft.fftshift(np.fft.fftfreq(side))
    one = np.cos(np.pi * frequency) ** 2
    found = kernel_response(BLUR[None, None], side)
    np.testing.assert_allclose(found, np.outer(one, one) ** 2, atol=1e-12)
    assert found[side // 2, side // 2] == pytest.approx(1)


def test_a_difference_along_rows_has_its_known_response() -> None:
    frequency = np.fft.fftshift(np.fft.fftfreq(32))
    found = kernel_response(np.array([[[[1.0, -1.0]]]]), 32)
    expected = np.broadcast_to(4 * np.sin(np.pi * frequency) ** 2, (32, 32))
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("shape", [(4, 3, 3, 3), (6, 1, 5, 4), (2, 2, 1, 1)])
@pytest.mark.parametrize("dilation", [(1, 1), (2, 3)])
def test_a_response_is_the_mean_power_bin_by_bin(
    shape: tuple[int, ...], dilation: tuple[int, int], rng: np.random.Generator
) -> None:
    kernels = rng.normal(0, 1, shape)
    side = 13
    expected = np.zeros((side, side))
    for row, column in np.ndindex(side, side):
        ky, kx = (row - side // 2) / side, (column - side // 2) / side
        y, x = (np.arange(n) * step for n, step in zip(shape[2:], dilation, strict=True))
        wave = np.exp(-2j * np.pi * (ky * y[:, None] + kx * x))
        expected[row, column] = (np.abs((kernels * wave).sum((2, 3))) ** 2).mean()
    found = kernel_response(kernels, side, dilation)
    np.testing.assert_allclose(found, expected, atol=1e-10)
    assert found.mean() == pytest.approx(np.square(kernels).sum((2, 3)).mean())


def test_a_dilation_repeats_the_response(rng: np.random.Generator) -> None:
    kernels = rng.normal(0, 1, (2, 2, 3, 3))
    wide = kernel_response(kernels, 16, (2, 2))
    np.testing.assert_allclose(wide, np.roll(wide, (8, 8), (0, 1)), atol=1e-10)


def test_a_convolution_multiplies_the_power_by_the_response(rng: np.random.Generator) -> None:
    image, kernel = rng.normal(0, 1, (16, 16)), rng.normal(0, 1, (3, 3))
    result = np.zeros((16, 16))
    for y, x in np.ndindex(3, 3):
        result += kernel[y, x] * np.roll(image, (y, x), (0, 1))
    before, after = (np.abs(np.fft.fftshift(np.fft.fft2(one))) ** 2 for one in (image, result))
    found = kernel_response(kernel[None, None], 16)
    np.testing.assert_allclose(after, before * found, rtol=1e-8)


def test_bands_have_the_mean_response_of_their_bins() -> None:
    bands = Bands(("low", "mid", "corner"), (0.4, 1.1))
    grid = bands.on_grid(12, 12)
    response = kernel_response(BLUR[None, None], 12)
    expected = [np.fft.ifftshift(response)[grid.mask(band)].mean() for band in range(3)]
    np.testing.assert_allclose(band_response(response, grid), expected)
    with pytest.raises(GridMismatchError):
        band_response(response, bands.on_grid(8, 8))


def test_kernels_that_do_not_fit_are_refused() -> None:
    with pytest.raises(ValueError, match="do not fit"):
        kernel_response(np.ones((1, 1, 9, 9)), 8)
    with pytest.raises(ValueError, match=r"\(7, 4\) do not fit"):
        kernel_response(np.ones((1, 1, 3, 4)), 6, (3, 1))


def test_a_response_is_never_negative(rng: np.random.Generator) -> None:
    """Where it is zero rounding leaves nothing below: it is drawn on a logarithmic scale."""
    found = kernel_response(np.array([[[[1.0, 1.0], [1.0, 1.0]]]]) / 3, 16)
    assert found.min() == pytest.approx(0, abs=1e-15)
    assert (found >= 0).all()
