"""Network inputs of any number of channels, and by a function of the user's."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bandprobe.data.datasets import samples, state_of
from bandprobe.data.images import Preprocess, fault_text
from bandprobe.data.inputs import input_size, load_batch, load_input, shown_pixels
from bandprobe.data.list_samples import list_samples
from bandprobe.data.manifest import read_split
from bandprobe.errors import ConfigError, DatasetError, ModelError, PackageError
from tests.unit.conftest import SaveImage


def input_fault(path: Path, n_channels: int) -> str | None:
    """Why a file is not an image of so many channels, or None."""
    try:
        input_size(path, n_channels)
    except DatasetError as error:
        return fault_text(error)
    return None


NO_RECORD = Path("no-record.parquet")


def plain(n_channels: int, size: tuple[int, int] = (4, 6), **keys: Any) -> Preprocess:
    """As it is: no resizing of an image of that size, nothing subtracted."""
    zero, one = (0.0,) * n_channels, (1.0,) * n_channels
    return Preprocess(**{"size": size, "mean": zero, "std": one} | keys)


def saved(path: Path, values: Any) -> Path:
    np.save(path, values)
    return path


@pytest.mark.parametrize("n_channels", [1, 2, 3, 5])
def test_arrays_have_their_channels_first(
    tmp_path: Path, rng: np.random.Generator, n_channels: int
) -> None:
    values = rng.random((4, 6, n_channels)).astype(np.float32)
    path = saved(tmp_path / "a.npy", values)
    mean, std = tuple(np.arange(n_channels) / 10), tuple(1 + np.arange(n_channels))
    found = load_input(path, None, plain(n_channels, mean=mean, std=std))
    expected = (values.transpose(2, 0, 1) - np.reshape(mean, (-1, 1, 1))) / np.reshape(
        std, (-1, 1, 1)
    )
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(
    ("dtype", "largest"), [(np.uint8, 255), (np.uint16, 65535), (bool, 1), (np.float64, 1)]
)
def test_whole_numbers_are_scaled_from_their_range(
    tmp_path: Path, dtype: Any, largest: int
) -> None:
    path = saved(tmp_path / "a.npy", np.full((4, 6), largest).astype(dtype))
    np.testing.assert_array_equal(load_input(path, None, plain(1)), np.ones((1, 4, 6)))


def test_an_array_of_colours_gives_what_the_image_gives(
    tmp_path: Path, save_image: SaveImage
) -> None:
    image = save_image(tmp_path / "a.png", (40, 30))
    array = saved(tmp_path / "a.npy", np.asarray(Image.open(image)))
    preprocess = plain(3, (16, 16), crop_fraction=0.9)
    found, expected = (load_input(path, None, preprocess) for path in (array, image))
    # Pillow rounds an image of 8 bits twice when it is resized, an array never.
    assert np.abs(found - expected).max() <= 1.01 / 255
    box = (3, 2, 23, 22)
    cut = saved(tmp_path / "cut.npy", np.load(array)[2:22, 3:23])
    np.testing.assert_array_equal(
        load_input(array, box, preprocess), load_input(cut, None, preprocess)
    )


def test_channels_are_resized_each_for_itself(tmp_path: Path, rng: np.random.Generator) -> None:
    values = rng.random((30, 40, 7)).astype(np.float32)
    found = load_input(saved(tmp_path / "a.npy", values), None, plain(7, (16, 16)))
    for channel in range(7):
        alone = saved(tmp_path / "one.npy", values[:, :, channel])
        np.testing.assert_array_equal(
            found[channel], load_input(alone, None, plain(1, (16, 16)))[0]
        )


def test_one_channel_of_an_image_is_its_grey(tmp_path: Path, save_image: SaveImage) -> None:
    grey = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10
    Image.fromarray(grey).save(tmp_path / "grey.png")
    found = load_input(tmp_path / "grey.png", None, plain(1))
    np.testing.assert_array_equal(found, grey[None].astype(np.float32) / np.float32(255))
    colour = save_image(tmp_path / "colour.png", (6, 4))
    expected = np.asarray(Image.open(colour).convert("L"), np.float32)[None] / np.float32(255)
    np.testing.assert_array_equal(load_input(colour, None, plain(1)), expected)
    deep = Image.fromarray((np.arange(24).reshape(4, 6) * 2800).astype(np.uint16))
    deep.save(tmp_path / "deep.png")
    found = load_input(tmp_path / "deep.png", None, plain(1))
    assert np.abs(found[0] - np.arange(24).reshape(4, 6) * 2800 / 65535).max() < 0.6 / 255


def test_three_channels_of_an_image_are_those_of_before(
    tmp_path: Path, save_image: SaveImage
) -> None:
    path = save_image(tmp_path / "a.png", (6, 4))
    expected = np.asarray(Image.open(path), np.float32).transpose(2, 0, 1) / np.float32(255)
    np.testing.assert_array_equal(load_input(path, None, plain(3)), expected)


@pytest.mark.parametrize("layout", ["samples", "planes", "pages"])
def test_tiff_files_have_channels_as_samples_or_pages(
    tmp_path: Path, rng: np.random.Generator, layout: str
) -> None:
    tifffile = pytest.importorskip("tifffile")
    values = rng.integers(0, 65536, (4, 6, 5)).astype(np.uint16)
    path = tmp_path / "a.tif"
    if layout == "samples":
        tifffile.imwrite(path, values, photometric="minisblack", planarconfig="contig")
    elif layout == "planes":
        planes = values.transpose(2, 0, 1)
        tifffile.imwrite(path, planes, photometric="minisblack", planarconfig="separate")
    else:
        tifffile.imwrite(path, values.transpose(2, 0, 1), photometric="minisblack")
    found = load_input(path, None, plain(5))
    np.testing.assert_allclose(found, values.transpose(2, 0, 1) / 65535, rtol=1e-6)
    assert input_fault(path, 5) is None
    assert "5 channels" in str(input_fault(path, 4))


def test_a_missing_reader_is_no_fault_of_the_image(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "tifffile", None)
    (tmp_path / "a.tif").write_bytes(b"")
    with pytest.raises(PackageError, match=r"(?s)no tifffile to read.*bandprobe\[tiff\]"):
        input_fault(tmp_path / "a.tif", 5)


REFUSED: dict[str, tuple[Any, str]] = {
    "other channels": (np.zeros((4, 6, 2)), r"2 channels, in an array of shape \(4, 6, 2\)"),
    "channels first": (np.zeros((5, 4, 6)), r"channels come last, values.transpose\(1, 2, 0\)"),
    "no picture": (np.zeros(7), r"an array of shape \(7,\)"),
    "empty": (np.zeros((0, 4, 5)), r"an array of shape \(0, 4, 5\)"),
    "unknown range": (np.zeros((4, 6, 5), np.int32), r"type int32, of which no range is known"),
    "complex": (np.zeros((4, 6, 5), complex), r"type complex128"),
    "not finite": (np.full((4, 6, 5), np.nan), r"values that are not finite"),
    "objects": (np.array([{"a": 1}] * 5, object), "Python objects"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_arrays_that_cannot_be_used_are_refused(tmp_path: Path, case: str) -> None:
    values, message = REFUSED[case]
    path = saved(tmp_path / "a.npy", values)
    with pytest.raises(DatasetError, match=rf"(?s)cannot read the image .*a\.npy.*{message}"):
        load_input(path, None, plain(5))
    assert input_fault(path, 5) is not None


def test_a_pickle_in_an_array_is_not_run(tmp_path: Path) -> None:
    class Touch:
        def __reduce__(self) -> Any:
            return Path.touch, (tmp_path / "ran",)

    path = saved(tmp_path / "a.npy", np.array([Touch()], object))
    assert input_fault(path, 1) is not None
    assert not (tmp_path / "ran").exists()
    np.load(path, allow_pickle=True)
    assert (tmp_path / "ran").exists(), "the file does run code where it is allowed to"


def test_an_array_that_is_too_large_is_refused_by_its_header(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    with path.open("wb") as stream:
        header = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)}
        np.lib.format.write_array_header_1_0(stream, header)
        stream.truncate(10**12 + 128)
    assert "1000000 x 1000000 values" in str(input_fault(path, 1))


def test_images_have_one_or_three_channels(tmp_path: Path, save_image: SaveImage) -> None:
    path = save_image(tmp_path / "a.png", (6, 4))
    with pytest.raises(DatasetError, match=r"(?s)expected: +5 channels.*channels: 5"):
        load_input(path, None, plain(5))
    assert "5 channels are expected" in str(input_fault(path, 5))
    assert input_fault(path, 3) is None
    assert input_fault(path, 1) is None


def test_a_data_set_of_arrays_is_listed_and_checked(
    tmp_path: Path, save_image: SaveImage, rng: np.random.Generator
) -> None:
    root = tmp_path / "images"
    for name in ("a", "b"):
        (root / name / "deep").mkdir(parents=True)
        for number in range(3):
            saved(root / name / "deep" / f"{number}.npy", rng.random((4, 6, 5)))
    spec: dict[str, Any] = {"kind": "imagefolder", "root": str(root), "eval_share": 0.3, "seed": 0}
    with pytest.raises(DatasetError, match="without images"):
        samples(spec, root)
    spec["channels"] = 5
    before = state_of(spec, NO_RECORD)
    list_samples(tmp_path / "manifest.parquet", spec, root)
    split = read_split(tmp_path / "manifest.parquet", "train")
    assert load_batch(root, split.image, split.crop, plain(5)).shape == (4, 5, 4, 6)
    saved(root / "a" / "bad.npy", np.zeros((4, 6, 3)))
    save_image(root / "b" / "bad.png", (6, 4))
    assert state_of(spec, NO_RECORD) != before
    with pytest.raises(DatasetError, match=r"(?s)2 unreadable.*bad\.npy: 3 channels.*bad\.png"):
        list_samples(tmp_path / "manifest.parquet", spec, root)


MINE = """
import numpy as np

def grey(image):
    return np.asarray(image.resize((6, 4)).convert("L"), np.float32)[None] / 255

def bands(array):
    return array[:4, :6, :2].transpose(2, 0, 1)

def wrong(image):
    return np.zeros((3, 2, 2))

def fails(image):
    raise ZeroDivisionError("zero")

def endless(image):
    return np.full((3, 4, 6), np.inf)
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's in the working directory."""
    name = f"prep_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    return name


def by_function(name: str, channels: int = 3) -> Preprocess:
    spec = {"function": name, "size": [4, 6], "channels": channels, "mean": [9, 9, 9]}
    return Preprocess.from_config(spec)


def test_a_function_of_the_users_makes_the_input(
    mine: str, tmp_path: Path, save_image: SaveImage, rng: np.random.Generator
) -> None:
    path = save_image(tmp_path / "a.png", (12, 8))
    expected = np.asarray(Image.open(path).resize((6, 4)).convert("L"), np.float32) / 255
    found = load_input(path, None, by_function(f"{mine}:grey", 1))
    np.testing.assert_array_equal(found, expected[None])
    box = (0, 0, 6, 4)
    expected = np.asarray(Image.open(path).crop(box).convert("L"), np.float32) / 255
    found = load_input(path, box, by_function(f"{mine}:grey", 1))
    np.testing.assert_array_equal(found, expected[None])
    values = rng.random((5, 7, 9)).astype(np.float32)
    array = saved(tmp_path / "a.npy", values)
    found = load_input(array, None, by_function(f"{mine}:bands", 2))
    np.testing.assert_array_equal(found, values[:4, :6, :2].transpose(2, 0, 1))


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("wrong", r"gives no input of the network(?s:.*)\(3, 4, 6\)(?s:.*)\(3, 2, 2\)"),
        ("fails", r"failed on .*a\.png(?s:.*)ZeroDivisionError: zero"),
        ("endless", r"values that are not finite"),
        ("missing", r"missing(?s:.*)grey"),
    ],
)
def test_what_a_function_does_wrong_is_said(
    mine: str, tmp_path: Path, save_image: SaveImage, function: str, message: str
) -> None:
    path = save_image(tmp_path / "a.png", (6, 4))
    with pytest.raises(ModelError, match=message):
        load_input(path, None, by_function(f"{mine}:{function}"))


def test_mean_and_std_have_a_number_for_each_channel() -> None:
    spec = {"size": [4, 6], "crop_fraction": 1.0, "interpolation": "bicubic"}
    with pytest.raises(ConfigError, match=r"(?s)different lengths.*2 and 1"):
        Preprocess.from_config(spec | {"mean": [0, 0], "std": [1]})
    assert Preprocess.from_config(spec | {"mean": [0, 0], "std": [1, 1]}).n_channels == 2


@pytest.mark.parametrize(
    ("size", "preprocess", "expected"),
    [
        ((100, 100), Preprocess((224, 224)), (100, 100)),
        ((300, 200), Preprocess((224, 224)), (200, 200)),
        ((400, 400), Preprocess((100, 100), crop_fraction=0.5), (200, 200)),
        ((60, 100), Preprocess((50, 30)), (100, 60)),
        ((60, 60), Preprocess((50, 30)), (60, 36)),
        ((9, 9), Preprocess((8, 8), function="a:b"), (np.nan, np.nan)),
    ],
    ids=str,
)
def test_an_input_shows_so_many_pixels_of_an_image(
    size: tuple[int, int], preprocess: Preprocess, expected: tuple[float, float]
) -> None:
    np.testing.assert_allclose(shown_pixels(*size, preprocess), expected)
