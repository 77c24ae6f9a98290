"""Samples of class folders: shares, limits, given splits, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bandprobe.data.datasets import samples
from bandprobe.data.listing import class_images
from bandprobe.errors import DatasetError
from tests.unit.conftest import SaveImage

FOLDERS = {"kind": "imagefolder", "eval_share": 0.5, "seed": 0}


@pytest.fixture
def classes(tmp_path: Path, save_image: SaveImage) -> Path:
    """Three classes of 8, 5 and 2 images."""
    for name, count in (("ape", 8), ("bee", 5), ("cat", 2)):
        for number in range(count):
            save_image(tmp_path / "classes" / name / f"{number}.png", (4, 4))
    return tmp_path / "classes"


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
        class_images([classes])


def test_hidden_folders_and_files_are_no_classes_and_no_images(
    classes: Path, save_image: SaveImage
) -> None:
    (classes / ".cache").mkdir()
    save_image(classes / "ape" / ".hidden.png")
    assert list(class_images([classes])[0]) == ["ape", "bee", "cat"]
    assert len(samples(FOLDERS, classes)) == 15


def test_a_missing_root_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="nowhere is not a directory"):
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
