"""Crops of photos: halves, regions, groups."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from bandprobe.data.datasets import samples
from bandprobe.data.sample import Sample
from bandprobe.errors import DatasetError
from tests.unit.conftest import SaveImage

PHOTOS = {
    "kind": "photos",
    "train_crops": 16,
    "eval_crops": 8,
    "regions": 4,
    "crop_scale": [0.6, 1.0],
    "seed": 0,
}
SIZES = [(64, 40), (40, 64), (51, 51), (200, 30)]


@pytest.fixture
def photos(tmp_path: Path, save_image: SaveImage) -> Path:
    """Photos of several shapes."""
    for number, size in enumerate(SIZES):
        save_image(tmp_path / "photos" / f"photo-{number}.png", size, seed=number)
    return tmp_path / "photos"


def overlap(one: Sample, other: Sample) -> bool:
    """Whether two crops share a pixel."""
    assert one.crop is not None
    assert other.crop is not None
    (a, b, c, d), (e, f, g, h) = one.crop, other.crop
    return one.image == other.image and a < g and e < c and b < h and f < d


def test_photos_give_the_crops_that_were_asked_for(photos: Path) -> None:
    rows = samples(PHOTOS, photos)
    assert [row.split for row in rows] == ["train"] * 64 + ["eval"] * 32
    assert len({row.id for row in rows}) == 96
    for number in range(4):
        own = [row for row in rows if row.label == number]
        assert {row.class_name for row in own} == {f"photo-{number}"}
        assert {row.image for row in own} == {f"photo-{number}.png"}
        assert [row.split for row in own].count("train") == 16
        assert len({row.group for row in own}) == 8


@pytest.mark.parametrize("seed", range(5))
def test_crops_of_different_groups_never_overlap(photos: Path, seed: int) -> None:
    pairs = list(combinations(samples(PHOTOS | {"seed": seed}, photos), 2))
    assert any(overlap(one, other) for one, other in pairs if one.group == other.group)
    assert not any(overlap(one, other) for one, other in pairs if one.group != other.group)


@pytest.mark.parametrize("seed", range(5))
def test_training_and_evaluation_lie_in_opposite_halves(photos: Path, seed: int) -> None:
    rows = samples(PHOTOS | {"seed": seed}, photos)
    for number, (width, height) in enumerate(SIZES):
        axis, middle = int(width < height), max(width, height) / 2
        sides: dict[str, set[str]] = {"train": set(), "eval": set()}
        for row in rows:
            if row.label == number and row.crop:
                first, last = row.crop[axis], row.crop[axis + 2]
                side = "lower" if last <= middle else "upper" if first >= middle else "both"
                sides[row.split].add(side)
        assert sides in (
            {"train": {"lower"}, "eval": {"upper"}},
            {"train": {"upper"}, "eval": {"lower"}},
        )


def test_crops_are_squares_within_their_photo(photos: Path) -> None:
    for row in samples(PHOTOS, photos):
        assert row.crop is not None
        left, top, right, bottom = row.crop
        width, height = SIZES[row.label]
        assert 0 <= left < right <= width
        assert 0 <= top < bottom <= height
        assert right - left == bottom - top >= 2


def test_crops_of_a_rotated_photo_lie_within_the_upright_one(tmp_path: Path) -> None:
    for name in ("a", "b"):
        exif = Image.Exif()
        exif[0x0112] = 6  # stored lying down, to be shown as 40 x 100
        Image.new("RGB", (100, 40)).save(tmp_path / f"{name}.jpg", exif=exif)
    with Image.open(tmp_path / "a.jpg") as image:
        width, height = ImageOps.exif_transpose(image).size
    assert (width, height) == (40, 100)
    for row in samples(PHOTOS, tmp_path):
        assert row.crop is not None
        assert row.crop[2] <= width
        assert row.crop[3] <= height


def test_crops_follow_the_seed(photos: Path) -> None:
    assert samples(PHOTOS, photos) == samples(PHOTOS, photos)
    assert samples(PHOTOS, photos) != samples(PHOTOS | {"seed": 1}, photos)


def test_photos_of_one_name_stay_apart(tmp_path: Path, save_image: SaveImage) -> None:
    for suffix in ("png", "bmp"):
        save_image(tmp_path / f"same.{suffix}", (64, 64))
    rows = samples(PHOTOS, tmp_path)
    assert len({row.id for row in rows}) == len(rows)
    for group in {row.group for row in rows}:
        assert len({row.label for row in rows if row.group == group}) == 1


@pytest.mark.parametrize("count", [0, 1])
def test_too_few_photos_are_refused(tmp_path: Path, save_image: SaveImage, count: int) -> None:
    for number in range(count):
        save_image(tmp_path / f"{number}.png")
    with pytest.raises(DatasetError, match=f"too few photos(?s:.*)found: +{count} image"):
        samples(PHOTOS, tmp_path)


def test_a_missing_folder_of_photos_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere"):
        samples(PHOTOS, tmp_path / "nowhere")


def test_a_photo_too_small_for_its_regions_is_refused(
    tmp_path: Path, save_image: SaveImage
) -> None:
    save_image(tmp_path / "a.png", (40, 40))
    save_image(tmp_path / "b.png", (8, 3))
    with pytest.raises(DatasetError, match=r"b\.png is too small"):
        samples(PHOTOS, tmp_path)


def test_a_file_that_is_no_image_is_refused_by_name(tmp_path: Path, save_image: SaveImage) -> None:
    save_image(tmp_path / "a.png", (40, 40))
    (tmp_path / "b.png").write_bytes(b"this is text")
    with pytest.raises(DatasetError, match=r"b\.png"):
        samples(PHOTOS, tmp_path)
