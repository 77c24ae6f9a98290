"""No image is trained on and evaluated on, under whatever name."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bandprobe.data.datasets import root_of, samples
from bandprobe.data.images import Box
from bandprobe.data.list_samples import list_samples
from bandprobe.data.manifest import image_rows, read_split, skipped_images
from bandprobe.data.photos import photo_crops
from bandprobe.data.sample import Sample
from bandprobe.data.shared_images import NAMED, shared_samples
from bandprobe.errors import DatasetError
from tests.unit.conftest import SaveImage
from tests.unit.data.test_imagenet import make_tree

FOLDERS = {"kind": "imagefolder", "seed": 0, "splits": {"train": "train", "eval": "val"}}
SYNSETS = ["n01440764", "n01443537"]


def sample(name: str, split: str, crop: Box | None = None) -> Sample:
    return Sample(f"{split}/{name}", name, crop, 0, "ape", name, split)


@pytest.mark.parametrize(
    ("training", "evaluated", "shared"),
    [
        (None, None, True),
        (None, (0, 0, 4, 4), True),
        ((0, 0, 4, 4), (0, 0, 4, 4), True),
        ((0, 0, 4, 4), (3, 3, 8, 8), True),
        ((0, 0, 4, 4), (4, 0, 8, 4), False),
        ((0, 0, 4, 4), (0, 4, 4, 8), False),
        ((4, 4, 8, 8), (0, 0, 4, 4), False),
    ],
)
def test_pixels_are_shared_where_regions_of_equal_files_overlap(
    training: Box | None, evaluated: Box | None, shared: bool
) -> None:
    rows = [sample("a", "train", training), sample("b", "eval", evaluated)]
    assert shared_samples(rows, {"a": "1", "b": "1"}) == ({0: rows[1]} if shared else {})
    assert shared_samples(rows, {"a": "1", "b": "2"}) == {}


def test_copies_within_one_split_are_not_shared() -> None:
    rows = [sample("a", "train"), sample("b", "train"), sample("c", "eval"), sample("d", "eval")]
    assert shared_samples(rows, {"a": "1", "b": "1", "c": "2", "d": "2"}) == {}


def test_crops_of_a_photo_share_nothing(tmp_path: Path, save_image: SaveImage) -> None:
    for number in range(3):
        save_image(tmp_path / f"{number}.png", (61, 47), number)
    crops = {"train_crops": 8, "eval_crops": 8, "regions": 2, "crop_scale": [0.9, 1.0]}
    rows = list(photo_crops(crops | {"seed": 0}, tmp_path))
    assert {row.split for row in rows} == {"train", "eval"}
    assert shared_samples(rows, {row.image: row.image for row in rows}) == {}


@pytest.fixture
def root(tmp_path: Path, save_image: SaveImage) -> Path:
    """Two classes of three images in both splits; nothing is shared."""
    places = [(split, name) for split in ("train", "val") for name in ("ape", "bee")]
    for number, (split, name) in enumerate(places):
        for place in range(3):
            save_image(tmp_path / "data" / split / name / f"{place}.png", seed=10 * number + place)
    return tmp_path / "data"


def write(root: Path, spec: dict[str, Any]) -> Path:
    path = root.parent / "manifest.parquet"
    list_samples(path, {"root": str(root)} | spec, root_of({"root": str(root)} | spec))
    return path


def test_shared_images_are_an_error_that_names_them(root: Path) -> None:
    write(root, FOLDERS)
    shutil.copy(root / "val/ape/0.png", root / "train/ape/copy.png")
    expected = (
        r"(?s)training split are also evaluated on.*1 of 7 training samples: "
        r"train/ape/copy\.png \(as val/ape/0\.png\)\n.*on_shared_images: drop"
    )
    with pytest.raises(DatasetError, match=expected):
        write(root, FOLDERS | {"on_shared_images": "fail"})


def test_only_some_of_many_are_named(root: Path) -> None:
    shutil.rmtree(root / "train")
    shutil.copytree(root / "val", root / "train")
    with pytest.raises(DatasetError, match=rf"6 of 6 .* and {6 - NAMED} more") as caught:
        write(root, FOLDERS)
    assert str(caught.value).count(" (as val/") == NAMED
    with pytest.raises(DatasetError, match=r"(?s)no training image is left .*ape, bee"):
        write(root, FOLDERS | {"on_shared_images": "drop"})


def test_dropped_images_leave_the_training_split(root: Path) -> None:
    before = pq.read_table(write(root, FOLDERS | {"on_shared_images": "drop"})).to_pylist()
    shutil.copy(root / "val/bee/2.png", root / "train/ape/0copy.png")
    path = write(root, FOLDERS | {"on_shared_images": "drop"})
    *rows, dropped = pq.read_table(path).to_pylist()
    assert rows == before, "the others are as they were"
    assert (dropped["image"], dropped["split"]) == ("train/ape/0copy.png", "skipped")
    assert skipped_images(path) == {dropped["image"]: "also evaluated on, as val/bee/2.png"}
    assert dropped["image"] not in read_split(path, "train").image
    assert dropped["image"] not in image_rows(path)
    assert len(read_split(path, "eval").sample) == 6


def refused(root: Path, spec: dict[str, Any], named: str) -> None:
    with pytest.raises(DatasetError, match=rf"(?s)are also evaluated on.*{named}"):
        write(root, spec)


def test_every_kind_of_a_users_images_is_compared(tmp_path: Path, save_image: SaveImage) -> None:
    photos = tmp_path / "photos"
    for name in ("a.png", "b.png"):
        save_image(photos / name, (40, 30), 3)
    crops = {"train_crops": 4, "eval_crops": 4, "regions": 1, "crop_scale": [1.0, 1.0]}
    refused(photos, {"kind": "photos", "seed": 0} | crops, r"[ab]/train.*all copies but one")

    table = tmp_path / "table.csv"
    images = [f"{number}.png" for number in range(4)]
    for number, image in enumerate(images):
        save_image(tmp_path / "table" / image, seed=number % 2)
    sides = ["x,train", "y,train", "x,eval", "y,eval"]
    lines = [f"{image},{side}" for image, side in zip(images, sides, strict=True)]
    table.write_text("\n".join(["image,label,split", *lines]))
    spec = {"kind": "table", "table": str(table), "seed": 0}
    refused(tmp_path / "table", spec, r"0\.png \(as 2\.png\), 1\.png \(as 3\.png\)")

    # Equal images in the classes of a tree: numbers of the training files are those of the others.
    val = make_tree(tmp_path / "val", SYNSETS, 3)
    train = make_tree(tmp_path / "train", SYNSETS, 3, "train")
    spec = {"kind": "imagenet-val", "classes": SYNSETS, "train_root": str(train), "seed": 0}
    refused(val, spec, rf"6 of 6 .*train/{SYNSETS[0]}/{SYNSETS[0]}_0\.JPEG \(as val/")

    folder = tmp_path / "imagenette2-160"
    shutil.copytree(val, folder / "val")
    shutil.copytree(train, folder / "train")
    refused(tmp_path, {"kind": "imagenette", "size": "160px", "seed": 0}, "6 of 6 ")


def test_images_of_cifar_are_compared(root: Path) -> None:
    """They are written here, from bytes that an archive holds twice."""
    from bandprobe.data.cifar import LAYOUTS
    from bandprobe.data.made_images import write_made_images
    from tests.unit.data.test_cifar import write_cifar

    source, layout = root.parent / "cifar", LAYOUTS["cifar10"]
    write_cifar("cifar10", source)
    files = source / layout.folder
    shutil.copy(files / layout.files["eval"][0], files / layout.files["train"][0])
    spec = {"kind": "cifar10", "root": str(source), "seed": 0}
    images, path = root.parent / "images", root.parent / "manifest.parquet"
    write_made_images(images, spec)
    assert len(samples(spec, images)) == 180
    with pytest.raises(DatasetError, match="30 of 150 training samples: train/"):
        list_samples(path, spec, images)
    list_samples(path, spec | {"on_shared_images": "drop"}, images)
    assert len(read_split(path, "train").sample) == 120
