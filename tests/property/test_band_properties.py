"""Bands partition the plane of any grid, exactly."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from bandprobe.fourier.bands import Bands

SIDES = st.integers(1, 45)
TWENTIETHS = st.lists(st.integers(1, 28), max_size=7, unique=True).map(sorted)


def exact_index(height: int, width: int, twentieths: list[int]) -> np.ndarray:
    """Band of each bin in whole numbers: no rounding, so edges are exactly where they are."""
    ky = np.fft.fftfreq(height, 1 / height).round().astype(int)[:, None]
    kx = np.fft.fftfreq(width, 1 / width).round().astype(int)[None, :]
    radius = 4 * 400 * ((ky * width) ** 2 + (kx * height) ** 2)
    edges = np.array(twentieths, int)[:, None, None] ** 2 * (height * width) ** 2
    return np.asarray((radius >= edges).sum(0))


@given(SIDES, SIDES, TWENTIETHS)
def test_every_bin_lies_in_the_band_of_its_exact_radius(
    height: int, width: int, twentieths: list[int]
) -> None:
    names = tuple(f"band-{number}" for number in range(len(twentieths) + 1))
    bands = Bands(names, tuple(edge / 20 for edge in twentieths))
    np.testing.assert_array_equal(
        bands.on_grid(height, width).index, exact_index(height, width, twentieths)
    )


@given(SIDES, SIDES, TWENTIETHS)
def test_masks_partition_the_plane_and_are_closed_under_conjugation(
    height: int, width: int, twentieths: list[int]
) -> None:
    names = tuple(f"band-{number}" for number in range(len(twentieths) + 1))
    partition = Bands(names, tuple(edge / 20 for edge in twentieths)).on_grid(height, width)
    masks = np.stack([partition.mask(band) for band in range(len(names))])
    np.testing.assert_array_equal(masks.sum(0), 1)
    np.testing.assert_array_equal(masks.sum((1, 2)), partition.counts)
    conjugate = masks[:, -np.arange(height) % height][:, :, -np.arange(width) % width]
    np.testing.assert_array_equal(conjugate, masks)
    np.testing.assert_array_equal(partition.half_index, partition.index[:, : width // 2 + 1])
    assert partition.dc_band == 0
