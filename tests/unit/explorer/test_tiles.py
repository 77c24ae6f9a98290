"""Small pictures have the colours of their values."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from bandprobe.explorer.tiles import (
    LEVELS,
    as_text,
    change_colours,
    grey,
    level_colours,
    resized,
    strip,
    webp,
)
from bandprobe.figures.palette import EFFECT, ORDERED


def test_colours_are_those_of_the_scale() -> None:
    values = np.array([[-1.0, 3.0, 9.0]], np.float32)
    found = level_colours(values, -1, 3)
    expected = [ORDERED(part, bytes=True)[:3] for part in (0.0, 1.0, 1.0)]
    np.testing.assert_array_equal(found[0], expected)
    found = change_colours(np.array([[-2.0, 2.0]], np.float32), 2)
    np.testing.assert_array_equal(found[0], [EFFECT(p, bytes=True)[:3] for p in (0.0, 1.0)])
    np.testing.assert_array_equal(grey(values, -1, 3), [[0, 255, 255]])
    # No change at all lies in the middle of its scale.
    middle = change_colours(np.zeros((2, 2), np.float32), 0)
    assert np.ptp(middle, axis=(0, 1)).max() == 0
    # No change is close to white.
    assert middle[0, 0].min() >= 235


def test_a_small_picture_is_stored_without_loss_in_a_few_levels() -> None:
    values = np.linspace(0, 1, 28 * 28, dtype=np.float32).reshape(28, 28)
    pixels = level_colours(values, 0, 1)
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) == LEVELS
    exact = ORDERED(values, bytes=True)[..., :3]
    assert np.abs(pixels.astype(int) - exact).max() <= 256 / LEVELS + 4
    stored = np.asarray(Image.open(io.BytesIO(webp(pixels, lossless=True))))
    np.testing.assert_array_equal(stored, pixels)


def test_a_large_picture_is_small_and_close() -> None:
    y, x = np.mgrid[:56, :56]
    values = np.sin(x / 5) * np.cos(y / 7)
    pixels = level_colours(values.astype(np.float32), -1, 1)
    data = webp(pixels)
    assert len(data) < 4000
    stored = np.asarray(Image.open(io.BytesIO(data))).astype(int)
    assert np.abs(stored - pixels).mean() < 8


def test_tiles_lie_side_by_side() -> None:
    one, two = np.zeros((3, 2, 3), np.uint8), np.ones((3, 2, 3), np.uint8)
    assert strip([one, two]).shape == (3, 4, 3)
    assert strip([one, two])[0, :, 0].tolist() == [0, 0, 1, 1]
    assert resized(one, 6, 4).shape == (6, 4, 3)
    assert as_text(b"\x00\xff\xfe") == "AP/+"
