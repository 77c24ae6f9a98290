"""Network inputs: timm's transform, crops, orientation, colour, broken files."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm.data
from PIL import Image

from bandprobe.data.images import Preprocess, open_image
from bandprobe.data.inputs import load_batch, load_input
from bandprobe.errors import DatasetError

SaveImage = Callable[..., Path]
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PLAIN = Preprocess(size=(8, 8))


def timm_input(path: Path, preprocess: Preprocess) -> np.ndarray:
    """What timm's evaluation transform gives."""
    transform = timm.data.create_transform(
        input_size=(3, *preprocess.size),
        is_training=False,
        interpolation=preprocess.interpolation,
        mean=preprocess.mean,
        std=preprocess.std,
        crop_pct=preprocess.crop_fraction,
    )
    with Image.open(path) as image:
        return np.asarray(transform(image.convert("RGB")))


@pytest.mark.parametrize("size", [(300, 260), (251, 333), (224, 224), (97, 60), (500, 121)])
@pytest.mark.parametrize("interpolation", ["bicubic", "bilinear"])
@pytest.mark.parametrize("fraction", [0.875, 1.0, 0.9])
def test_inputs_are_those_of_timm(
    tmp_path: Path,
    save_image: SaveImage,
    size: tuple[int, int],
    interpolation: str,
    fraction: float,
) -> None:
    path = save_image(tmp_path / "a.png", size)
    preprocess = Preprocess((224, 224), fraction, interpolation, MEAN, STD)
    found = load_input(path, None, preprocess)
    assert found.shape == (3, 224, 224)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, timm_input(path, preprocess), atol=1e-6)


@pytest.mark.parametrize("size", [(300, 260), (251, 333), (97, 60), (150, 61)])
@pytest.mark.parametrize("target", [(96, 160), (160, 96)])
def test_inputs_that_are_not_square_are_those_of_timm(
    tmp_path: Path, save_image: SaveImage, size: tuple[int, int], target: tuple[int, int]
) -> None:
    path = save_image(tmp_path / "a.png", size)
    preprocess = Preprocess(target, 0.875, "bicubic", MEAN, STD)
    found = load_input(path, None, preprocess)
    assert found.shape == (3, *target)
    np.testing.assert_allclose(found, timm_input(path, preprocess), atol=1e-6)


def test_a_crop_is_the_input_of_the_image_cut_out_first(
    tmp_path: Path, save_image: SaveImage
) -> None:
    whole = save_image(tmp_path / "whole.png", (60, 50))
    box = (7, 11, 40, 44)
    with Image.open(whole) as image:
        image.crop(box).save(tmp_path / "cut.png")
    expected = load_input(tmp_path / "cut.png", None, PLAIN)
    np.testing.assert_array_equal(load_input(whole, box, PLAIN), expected)


def test_pixels_outside_the_box_have_no_influence(tmp_path: Path, save_image: SaveImage) -> None:
    first, second = (save_image(tmp_path / f"{n}.png", (60, 50), seed=n) for n in (1, 2))
    box = (7, 11, 40, 44)
    with Image.open(first) as image, Image.open(second) as other:
        mixed = other.copy()
        mixed.paste(image.crop(box), box[:2])
        mixed.save(tmp_path / "mixed.png")
    found = load_input(tmp_path / "mixed.png", box, PLAIN)
    np.testing.assert_array_equal(found, load_input(first, box, PLAIN))
    assert not np.array_equal(found, load_input(second, box, PLAIN))


def test_values_are_normalised_by_channel(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9), (255, 0, 51)).save(tmp_path / "a.png")
    found = load_input(
        tmp_path / "a.png", None, Preprocess((4, 4), mean=(0.5, 0, 0.2), std=(0.5, 1, 2))
    )
    for channel, expected in enumerate((1.0, 0.0, 0.0)):
        np.testing.assert_allclose(found[channel], expected, atol=1e-6)


def test_images_are_turned_upright(tmp_path: Path) -> None:
    upright = np.random.default_rng(0).integers(0, 256, (12, 8, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by a quarter clockwise
    Image.fromarray(np.rot90(upright)).save(tmp_path / "lying.png", exif=exif)
    np.testing.assert_array_equal(np.asarray(open_image(tmp_path / "lying.png")), upright)
    Image.fromarray(upright).save(tmp_path / "upright.png")
    for box in (None, (1, 5, 7, 11)):
        np.testing.assert_array_equal(
            load_input(tmp_path / "lying.png", box, PLAIN),
            load_input(tmp_path / "upright.png", box, PLAIN),
        )


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "1", "CMYK", "LA"])
def test_other_colour_modes_become_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    Image.new("RGB", (9, 9), (255, 255, 255)).convert(mode).save(path)
    assert open_image(path).mode == "RGB"
    np.testing.assert_allclose(load_input(path, None, PLAIN), 1.0)


def test_greyscale_has_three_equal_channels(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 10), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "grey.png")
    found = load_input(tmp_path / "grey.png", None, PLAIN)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


def test_a_truncated_jpeg_is_refused_by_name(tmp_path: Path, save_image: SaveImage) -> None:
    path = save_image(tmp_path / "cut.jpg", (64, 64))
    path.write_bytes(path.read_bytes()[:-600])
    for box in (None, (0, 0, 8, 8)):
        with pytest.raises(DatasetError, match=r"cut\.jpg"):
            load_input(path, box, PLAIN)


@pytest.mark.parametrize("content", [b"", b"this is text"])
def test_what_is_no_image_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DatasetError, match=r"a\.png"):
        open_image(tmp_path / "a.png")


def test_a_missing_image_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"gone\.png"):
        open_image(tmp_path / "gone.png")


def test_a_batch_holds_the_inputs_in_order(tmp_path: Path, save_image: SaveImage) -> None:
    for number in range(3):
        save_image(tmp_path / f"{number}.png", seed=number)
    files, boxes = ["2.png", "0.png", "2.png"], [None, (0, 0, 9, 9), (2, 3, 12, 13)]
    batch = load_batch(tmp_path, files, boxes, PLAIN)
    assert batch.shape == (3, 3, 8, 8)
    for found, file, box in zip(batch, files, boxes, strict=True):
        np.testing.assert_array_equal(found, load_input(tmp_path / file, box, PLAIN))
