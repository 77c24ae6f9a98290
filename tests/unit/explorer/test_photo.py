"""What a reader sees of an image is what the network was given."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from bandprobe.data.images import Preprocess
from bandprobe.data.inputs import load_input
from bandprobe.explorer.photo import brightness, shown_image


def test_the_networks_part_of_an_image_in_its_own_colours(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    pixels = rng.integers(0, 255, (50, 60, 3)).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    preprocess = Preprocess((16, 16), 0.8, "bilinear", (0.4, 0.5, 0.6), (0.2, 0.3, 0.1))
    box = (5, 3, 55, 45)
    found = shown_image(tmp_path / "a.png", box, preprocess)
    own = load_input(tmp_path / "a.png", box, preprocess)
    mean, std = (np.array(v, np.float32)[:, None, None] for v in (preprocess.mean, preprocess.std))
    np.testing.assert_allclose(found, own * std + mean, atol=1e-6)
    assert found.min() >= 0
    assert found.max() <= 1
    expected = 0.299 * found[0] + 0.587 * found[1] + 0.114 * found[2]
    np.testing.assert_allclose(brightness(found), expected, atol=1e-6)


def test_a_network_of_grey_images_does_not_hide_their_colours(tmp_path: Path) -> None:
    Image.new("RGB", (20, 20), (255, 0, 0)).save(tmp_path / "red.png")
    found = shown_image(tmp_path / "red.png", None, Preprocess((8, 8), mean=(0.5,), std=(0.5,)))
    np.testing.assert_allclose(found[:, 0, 0], [1, 0, 0], atol=1e-6)


def test_an_array_is_shown_from_its_least_to_its_largest_value(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    array = rng.normal(size=(8, 8, 5)).astype(np.float32)
    np.save(tmp_path / "a.npy", array)
    plain = Preprocess((8, 8), mean=(3.0,) * 5, std=(2.0,) * 5)
    found = shown_image(tmp_path / "a.npy", None, plain)
    mean = array.mean(-1)
    expected = (mean - mean.min()) / np.ptp(mean)
    assert found.shape == (3, 8, 8)
    np.testing.assert_allclose(found[1], expected, atol=1e-5)


def test_what_a_users_function_makes_of_an_image_is_not_known(tmp_path: Path) -> None:
    pixels = np.arange(300, dtype=np.uint8).reshape(10, 10, 3)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    own = Preprocess((4, 4), mean=(0.0,) * 3, std=(1.0,) * 3, function="numpy:asarray")
    found = shown_image(tmp_path / "a.png", (2, 1, 8, 9), own)
    np.testing.assert_allclose(found, pixels[1:9, 2:8].transpose(2, 0, 1) / 255, atol=1e-6)
