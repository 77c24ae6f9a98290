"""What a small picture shows of a large map, and which part of an image a band is."""

from __future__ import annotations

import numpy as np
import pytest

from bandprobe.explorer.views import View, image_band, most_changed_channel, shrunk, view_of
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import project

BANDS = Bands(("low", "mid", "high"), (0.25, 0.5))


def test_a_small_map_is_shown_as_it_is(rng: np.random.Generator) -> None:
    values = rng.normal(size=(7, 9)).astype(np.float32)
    view = view_of(values, BANDS.on_grid(7, 9).mask(2), 16)
    assert view == View(1, 0, 0, 7, 9)
    np.testing.assert_array_equal(view.of(values), values)
    assert view.shares((7, 9)) == (0, 0, 1, 1)


@pytest.mark.parametrize(("band", "step"), [(0, 4), (1, 2), (2, 1)])
def test_a_map_is_shrunk_as_far_as_the_band_allows(
    rng: np.random.Generator, band: int, step: int
) -> None:
    partition = BANDS.on_grid(64, 64)
    part = project(rng.normal(size=(64, 64)).astype(np.float32), partition, band)
    view = view_of(part, partition.mask(band), 16)
    assert view.step == step
    assert view.of(part).shape == (16, 16)
    # Of a band that is not shrunk away, most of the energy is still there.
    kept = np.square(shrunk(part, step)).sum() * step**2
    assert kept > 0.5 * np.square(part).sum()


def test_a_map_is_not_shrunk_more_than_it_has_to(rng: np.random.Generator) -> None:
    partition = BANDS.on_grid(24, 24)
    part = project(rng.normal(size=(24, 24)).astype(np.float32), partition, 0)
    assert view_of(part, partition.mask(0), 16) == View(2, 0, 0, 24, 24)


def test_the_window_is_where_the_map_changes_most(rng: np.random.Generator) -> None:
    values = rng.normal(size=(20, 30)).astype(np.float32)
    mask = np.ones((20, 30), bool)
    found = view_of(values, mask, 8)
    sums = {
        (top, left): float(np.square(values[top : top + 8, left : left + 8]).sum())
        for top in range(13)
        for left in range(23)
    }
    assert (found.top, found.left) == max(sums, key=lambda place: sums[place])
    assert (found.step, found.height, found.width) == (1, 8, 8)
    np.testing.assert_allclose(
        found.shares((20, 30)), (found.left / 30, found.top / 20, 8 / 30, 8 / 20)
    )


def test_blocks_are_means() -> None:
    values = np.arange(35, dtype=np.float32).reshape(5, 7)
    expected = [[values[y : y + 2, x : x + 2].mean() for x in (0, 2, 4)] for y in (0, 2)]
    np.testing.assert_array_equal(shrunk(values, 2), expected)
    np.testing.assert_array_equal(View(2, 2, 2, 2, 4).of(values), [[19 + 1, 21 + 1]])


def test_the_channel_that_changes_most(rng: np.random.Generator) -> None:
    before = rng.normal(size=(3, 5, 4, 4)).astype(np.float32)
    after = before.copy()
    after[1, 3] += 2
    after[:, 1] += 1
    after[:, 4] *= 1.01
    # One unit in all three images is 48; two units in one image are 64.
    assert most_changed_channel(before, after) == 3
    after[0, 1] += 1
    assert most_changed_channel(before, after) == 1


@pytest.mark.parametrize("grid", [(7, 7), (8, 6), (14, 14)])
def test_the_band_of_an_image_has_the_bands_cycles(
    rng: np.random.Generator, grid: tuple[int, int]
) -> None:
    image = rng.normal(size=(30, 26)).astype(np.float32)
    partition = BANDS.on_grid(*grid)
    plane = np.fft.fft2(image.astype(np.float64))
    rows, columns = (np.rint(np.fft.fftfreq(n) * n).astype(int) for n in image.shape)
    bounds = (0, 0.25, 0.5, np.inf)
    parts = []
    for band in range(3):
        kept = np.zeros(image.shape, bool)
        for y, row in enumerate(rows):
            for x, column in enumerate(columns):
                radius = np.hypot(2 * row / grid[0], 2 * column / grid[1])
                held = abs(row) <= grid[0] / 2 and abs(column) <= grid[1] / 2
                kept[y, x] = held and bounds[band] <= radius < bounds[band + 1]
        found = image_band(image, partition, band)
        np.testing.assert_allclose(found, np.fft.ifft2(np.where(kept, plane, 0)).real, atol=1e-5)
        parts.append(found)
    # Together they are the image as sharp as the layer's grid could hold it.
    assert np.square(sum(parts)).sum() < np.square(image).sum()


def test_on_the_images_own_grid_it_is_the_band_itself(rng: np.random.Generator) -> None:
    image = rng.normal(size=(16, 16)).astype(np.float32)
    partition = BANDS.on_grid(16, 16)
    for band in range(3):
        np.testing.assert_allclose(
            image_band(image, partition, band), project(image, partition, band), atol=1e-5
        )
