"""Samples of data sets: halves, regions, groups, splits."""

from collections.abc import Callable
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageOps

from bandprobe.data.datasets import Sample, class_folders, fingerprint, samples
from bandprobe.errors import DatasetError

SaveImage = Callable[..., Path]
PHOTOS = {
    "kind": "photos",
    "train_crops": 16,
    "eval_crops": 8,
    "regions": 4,
    "crop_scale": [0.6, 1.0],
    "seed": 0,
}
FOLDERS = {"kind": "imagefolder", "eval_share": 0.5, "seed": 0}
SIZES = [(64, 40), (40, 64), (51, 51), (200, 30)]


@pytest.fixture
def photos(tmp_path: Path, save_image: SaveImage) -> Path:
    """Photos of several shapes."""
    for number, size in enumerate(SIZES):
        save_image(tmp_path / "photos" / f"photo-{number}.png", size, seed=number)
    return tmp_path / "photos"


@pytest.fixture
def classes(tmp_path: Path, save_image: SaveImage) -> Path:
    """Three classes of 8, 5 and 2 images."""
    for name, count in (("ape", 8), ("bee", 5), ("cat", 2)):
        for number in range(count):
            save_image(tmp_path / "classes" / name / f"{number}.png", (4, 4))
    return tmp_path / "classes"


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
    rows = samples(PHOTOS | {"seed": seed}, photos)
    for one, other in combinations(rows, 2):
        if one.group != other.group:
            assert not overlap(one, other)


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


def test_folders_are_split_by_share_within_each_class(classes: Path) -> None:
    rows = samples(FOLDERS | {"eval_share": 0.25}, classes)
    counts = {
        (name, split): sum(row.class_name == name and row.split == split for row in rows)
        for name in ("ape", "bee", "cat")
        for split in ("train", "eval")
    }
    assert [counts["ape", s] for s in ("train", "eval")] == [6, 2]
    assert [counts["bee", s] for s in ("train", "eval")] == [4, 1]
    assert [counts["cat", s] for s in ("train", "eval")] == [1, 1]
    assert len({row.image for row in rows}) == len({row.group for row in rows}) == 15
    assert {(row.label, row.class_name) for row in rows} == {(0, "ape"), (1, "bee"), (2, "cat")}
    assert all((classes / row.image).is_file() and row.crop is None for row in rows)


@pytest.mark.parametrize("share", [0.01, 0.99])
def test_every_class_is_in_both_splits(classes: Path, share: float) -> None:
    rows = samples(FOLDERS | {"eval_share": share}, classes)
    for split in ("train", "eval"):
        assert {row.label for row in rows if row.split == split} == {0, 1, 2}


def test_the_split_of_folders_follows_the_seed(classes: Path) -> None:
    assert samples(FOLDERS, classes) == samples(FOLDERS, classes)
    assert samples(FOLDERS, classes) != samples(FOLDERS | {"seed": 1}, classes)


def test_a_limit_holds_in_each_class_and_split(classes: Path) -> None:
    rows = samples(FOLDERS | {"per_class": 2}, classes)
    for split in ("train", "eval"):
        own = [row.label for row in rows if row.split == split]
        assert [own.count(label) for label in range(3)] == [2, 2, 1]


def test_classes_with_a_single_image_are_named(classes: Path, save_image: SaveImage) -> None:
    save_image(classes / "dog" / "only.png")
    with pytest.raises(DatasetError, match=r"(?s)single image.*found: +dog"):
        samples(FOLDERS, classes)


def test_class_folders_without_images_are_named(classes: Path) -> None:
    for name in ("eel", "fox"):
        (classes / name).mkdir()
    (classes / "fox" / "notes.txt").write_text("no image")
    with pytest.raises(DatasetError, match="eel, fox"):
        class_folders(classes)


def test_hidden_folders_and_files_are_no_classes_and_no_images(
    classes: Path, save_image: SaveImage
) -> None:
    (classes / ".cache").mkdir()
    save_image(classes / "ape" / ".hidden.png")
    assert [folder.name for folder in class_folders(classes)] == ["ape", "bee", "cat"]
    assert len(samples(FOLDERS, classes)) == 15


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is no directory"):
        samples(FOLDERS, tmp_path / "nowhere")


def test_a_root_without_class_folders_is_refused(tmp_path: Path, save_image: SaveImage) -> None:
    save_image(tmp_path / "loose.png")
    with pytest.raises(DatasetError, match=r"(?s)no class folders.*1 images and no folder"):
        samples(FOLDERS, tmp_path)


def given_splits(classes: Path, save_image: SaveImage, names: tuple[str, ...]) -> dict[str, Any]:
    for name in names:
        save_image(classes.parent / "given" / "val" / name / "a.png")
    classes.rename(classes.parent / "given" / "training")
    return FOLDERS | {"splits": {"train": "training", "eval": "val"}}


def test_given_splits_are_taken_as_they_are(classes: Path, save_image: SaveImage) -> None:
    spec = given_splits(classes, save_image, ("ape", "bee", "cat"))
    rows = samples(spec, classes.parent / "given")
    assert {row.image for row in rows if row.split == "eval"} == {
        f"val/{name}/a.png" for name in ("ape", "bee", "cat")
    }
    assert sum(row.split == "train" for row in rows) == 15


def test_given_splits_with_different_classes_are_refused(
    classes: Path, save_image: SaveImage
) -> None:
    spec = given_splits(classes, save_image, ("ape", "bee", "dog"))
    with pytest.raises(DatasetError, match="cat, dog"):
        samples(spec, classes.parent / "given")


def test_fingerprint_changes_with_the_images_alone(classes: Path, save_image: SaveImage) -> None:
    before = fingerprint(classes)
    (classes / "ape" / "notes.txt").write_text("no image")
    assert fingerprint(classes) == before
    save_image(classes / "ape" / "new.png")
    assert fingerprint(classes) != before
