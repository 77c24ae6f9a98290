"""Folders of images: sub-folders, links, files that are no images, empty classes."""

import logging
import os
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest
import torchvision.datasets

from bandprobe.data import listing
from bandprobe.data.datasets import samples
from bandprobe.data.image_files import list_files
from bandprobe.data.images import SUFFIXES
from bandprobe.data.listing import class_images, list_images, list_tree
from bandprobe.errors import DatasetError

SaveImage = Callable[..., Path]
FOLDERS = {"kind": "imagefolder", "eval_share": 0.5, "seed": 0}


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()


def names(found: list[Path], root: Path) -> list[str]:
    return [path.relative_to(root).as_posix() for path in found]


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    """A class of 8 images of which 2 lie in a sub-folder, and one of 2."""
    root = tmp_path / "nested"
    touch(*(root / "ape" / f"{number}.png" for number in range(6)))
    touch(root / "ape" / "zoo" / "a.JPG", root / "ape" / "zoo" / "deep" / "b.png")
    touch(root / "bee" / "a.png", root / "bee" / "b.png")
    return root


def test_images_in_sub_folders_belong_to_their_class(nested: Path) -> None:
    rows = samples(FOLDERS, nested)
    ape = [row for row in rows if row.class_name == "ape"]
    assert len(ape) == 8
    assert {"ape/zoo/a.JPG", "ape/zoo/deep/b.png"} <= {row.image for row in ape}
    assert sorted(row.split for row in ape) == ["eval"] * 4 + ["train"] * 4
    assert {row.label for row in ape} == {0}


def test_the_same_images_are_taken_as_by_torchvision(nested: Path) -> None:
    reference = torchvision.datasets.ImageFolder(str(nested))
    expected = {
        (Path(file).relative_to(nested).as_posix(), label) for file, label in reference.imgs
    }
    assert {(row.image, row.label) for row in samples(FOLDERS, nested)} == expected


def test_given_splits_take_sub_folders_too(nested: Path) -> None:
    nested.rename(nested.parent / "train")
    touch(*(nested.parent / "val" / name / "x" / "y.png" for name in ("ape", "bee")))
    spec = FOLDERS | {"splits": {"train": "train", "eval": "val"}}
    rows = samples(spec, nested.parent)
    assert [row.image for row in rows if row.split == "eval"] == [
        "val/ape/x/y.png",
        "val/bee/x/y.png",
    ]
    assert sum(row.split == "train" for row in rows) == 10


def test_rows_of_flat_folders_are_in_the_order_of_names(tmp_path: Path) -> None:
    files = ["B.png", "a-1.png", "a.1.png", "a.png", "a1.png", "b.png"]
    touch(*(tmp_path / "one" / name for name in files))
    assert names(list_tree(tmp_path / "one").images, tmp_path / "one") == sorted(files)


def test_hidden_names_are_left_out_at_every_depth(tmp_path: Path) -> None:
    touch(tmp_path / "a" / "x" / "1.png", tmp_path / "a" / ".y" / "2.png")
    touch(tmp_path / "a" / "x" / ".3.png", tmp_path / "a" / "x" / ".cache" / "4.png")
    found = list_tree(tmp_path / "a")
    assert names(found.images, tmp_path) == ["a/x/1.png"]
    assert not found.others


def test_files_that_are_no_images_are_counted(
    nested: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(nested / "ape" / "notes.txt", nested / "bee" / "deep" / "list.TXT")
    touch(nested / "bee" / "README")
    assert list_tree(nested / "bee").others == {".txt": 1, "no suffix": 1}
    with caplog.at_level(logging.INFO):
        samples(FOLDERS, nested)
    assert f"{nested}: skipped 3 files that are not images: 2 .txt, 1 no suffix" in caplog.text


@pytest.mark.parametrize("target", ["ape", "ape/zoo", ".", ".."])
def test_links_that_lead_in_circles_come_to_an_end(nested: Path, target: str) -> None:
    expected = list_tree(nested / "ape").images
    (nested / "ape" / "zoo" / "back").symlink_to(nested / target, target_is_directory=True)
    assert list_tree(nested / "ape").images == expected


def test_a_class_folder_that_is_a_link_is_no_way_round(nested: Path) -> None:
    real = nested.parent / "elsewhere"
    (nested / "ape").rename(real)
    (nested / "ape").symlink_to(real, target_is_directory=True)
    (real / "back").symlink_to(nested, target_is_directory=True)
    assert len(list_tree(nested / "ape").images) == 8


def test_a_folder_that_two_links_lead_to_is_read_once(nested: Path) -> None:
    shared = nested.parent / "shared"
    touch(shared / "s.png")
    for name in ("one", "two"):
        (nested / "ape" / name).symlink_to(shared, target_is_directory=True)
    found = names(list_tree(nested / "ape").images, nested)
    assert "ape/one/s.png" in found
    assert len(found) == 9, "an image that comes twice would be on both sides of the split"


def test_many_ways_to_one_folder_do_not_multiply(tmp_path: Path) -> None:
    folders = [tmp_path / f"level-{number}" for number in range(40)]
    touch(folders[-1] / "a.png", *(folder / "b.png" for folder in folders[:-1]))
    for above, below in pairwise(folders):
        for name in ("left", "right"):
            (above / name).symlink_to(below, target_is_directory=True)
    assert len(list_tree(folders[0]).images) == 40


def test_each_folder_is_listed_once(nested: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = []
    scandir = listing.os.scandir
    monkeypatch.setattr(listing.os, "scandir", lambda path: listed.append(path) or scandir(path))
    samples(FOLDERS, nested)
    inside = ["ape", "ape/zoo", "ape/zoo/deep", "bee"]
    assert sorted(map(str, listed)) == sorted(str(nested / name) for name in inside)


def test_classes_without_images_are_an_error_or_left_out(
    nested: Path, caplog: pytest.LogCaptureFixture
) -> None:
    touch(nested / "aaa" / "notes.txt", nested / "cat" / "deep" / "notes.txt")
    with pytest.raises(DatasetError, match=r"(?s)found: +aaa, cat.*on_empty_class: skip"):
        samples(FOLDERS, nested)
    rows = samples(FOLDERS | {"on_empty_class": "skip"}, nested)
    assert {(row.label, row.class_name) for row in rows} == {(0, "ape"), (1, "bee")}
    assert "classes without images are left out: aaa, cat" in caplog.text


def test_a_class_that_is_empty_in_one_split_is_left_out_of_both(nested: Path) -> None:
    nested.rename(nested.parent / "train")
    touch(nested.parent / "val" / "bee" / "a.png")
    (nested.parent / "val" / "ape").mkdir()
    spec = FOLDERS | {"splits": {"train": "train", "eval": "val"}}
    with pytest.raises(DatasetError, match=r"val: class folders without images(?s:.*)ape"):
        samples(spec, nested.parent)
    rows = samples(spec | {"on_empty_class": "skip"}, nested.parent)
    assert {(row.label, row.class_name) for row in rows} == {(0, "bee")}


def test_no_class_at_all_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "ape").mkdir()
    with pytest.raises(DatasetError, match="no class has images"):
        class_images([tmp_path], "skip")


def test_a_folder_that_cannot_be_listed_is_named(
    nested: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(listing.os, "scandir", refuse)
    with pytest.raises(DatasetError, match=r"cannot list .*ape(?s:.*)Permission denied"):
        list_tree(nested / "ape")


CAFE = os.fsdecode(b"image\xe9")


@pytest.mark.parametrize("where", ["image", "class", "photo"])
def test_a_name_that_is_not_utf8_is_refused_by_its_bytes(tmp_path: Path, where: str) -> None:
    folder = tmp_path / (CAFE if where == "class" else "ape")
    folder.mkdir()
    (folder / ("1.png" if where == "class" else f"{CAFE}.png")).touch()
    expected = r"(?s)is not UTF-8.*image\\xe9.*Hint: rename it"
    with pytest.raises(DatasetError, match=expected) as caught:
        list_images(folder) if where == "photo" else class_images([tmp_path])
    str(caught.value).encode()  # it can be printed
    with pytest.raises(DatasetError, match="is not UTF-8"):
        list_files([tmp_path], SUFFIXES)


def test_other_files_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "ape").mkdir()
    (tmp_path / "ape" / "image\u00e9.png").touch()
    (tmp_path / "ape" / f"{CAFE}.txt").touch()
    (classes,) = class_images([tmp_path])
    assert [path.name for path in classes["ape"]] == ["image\u00e9.png"]
    assert list(list_files([tmp_path], SUFFIXES)) == ["0/ape/image\u00e9.png"]
