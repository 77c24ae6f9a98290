"""ImageNet on disk: the standard order of classes, splits, and every common mistake of layout."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from bandprobe.data.datasets import check_spec, root_of, samples, state_of
from bandprobe.data.imagenet import chosen_synsets, common_root, imagenet_index, standard_synsets
from bandprobe.errors import ConfigError, DatasetError

NO_RECORD = Path("no-record.parquet")

CHOSEN = ["n01440764", "n01443537", "n07747607", "n15075141"]  # 0, 1, 950, 999


def make_tree(root: Path, classes: list[str], count: int = 6, name: str = "val") -> Path:
    """A folder of synsets with tiny images, named as ImageNet's own."""
    number = 0
    for synset in classes:
        (root / synset).mkdir(parents=True)
        for place in range(count):
            number += 1
            file = f"ILSVRC2012_val_{number:08d}" if name == "val" else f"{synset}_{place}"
            Image.new("RGB", (2, 2), (number % 256, 0, 0)).save(root / synset / f"{file}.JPEG")
    return root


def spec_of(root: Path, **options: Any) -> dict[str, Any]:
    return {"kind": "imagenet-val", "root": str(root), "classes": CHOSEN, "seed": 0} | options


def rows_of(spec: dict[str, Any]) -> list[Any]:
    return samples(spec, root_of(spec))


@pytest.fixture
def val(tmp_path: Path) -> Path:
    return make_tree(tmp_path / "val", CHOSEN)


def test_the_standard_order_is_that_of_the_classifiers() -> None:
    names = standard_synsets()
    assert len(names) == 1000
    known = {"n01440764": 0, "n02123045": 281, "n03126707": 517, "n07747607": 950, "n15075141": 999}
    assert {name: names.index(name) for name in known} == known
    assert imagenet_index("n02123045") == 281
    assert imagenet_index("n00000001") is None
    assert imagenet_index("tench") is None


def test_the_list_is_read_without_torch() -> None:
    code = "import sys; from bandprobe.data.imagenet import standard_synsets as s; s(); "
    code += "print('torch' in sys.modules, 'timm' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "False"]


def test_labels_of_a_subset_are_not_the_standard_numbers(val: Path) -> None:
    rows = rows_of(spec_of(val))
    found = {(row.class_name, row.label, row.imagenet_index) for row in rows}
    assert found == set(zip(CHOSEN, range(4), (0, 1, 950, 999), strict=True))


def test_a_list_of_classes_is_put_into_the_standard_order(val: Path) -> None:
    forward = rows_of(spec_of(val))
    assert rows_of(spec_of(val, classes=CHOSEN[::-1])) == forward
    assert chosen_synsets(3) == list(standard_synsets()[:3])
    assert chosen_synsets(None) == list(standard_synsets())


def test_each_class_is_split_by_its_shares(val: Path) -> None:
    spec = spec_of(val, eval_share=0.5, train_share=1 / 3)
    rows = rows_of(spec)
    counts = Counter((row.split, row.label) for row in rows)
    assert counts == {(s, c): n for s, n in (("train", 2), ("eval", 3)) for c in range(4)}
    assert len({row.image for row in rows}) == len({row.group for row in rows}) == 20
    assert rows == rows_of(spec)
    assert rows != rows_of(spec | {"seed": 1})
    rest = Counter(row.split for row in rows_of(spec_of(val, eval_share=0.5)))
    assert rest == {"train": 12, "eval": 12}


def test_limits_hold_a_class_and_split(val: Path) -> None:
    rows = rows_of(spec_of(val, train_per_class=1, eval_per_class=2))
    assert Counter(row.split for row in rows) == {"train": 4, "eval": 8}


def test_a_training_folder_of_its_own(tmp_path: Path, val: Path) -> None:
    train = make_tree(tmp_path / "elsewhere" / "train", CHOSEN, 3, "train")
    spec = spec_of(val, train_root=str(train), eval_per_class=5)
    assert root_of(spec) == tmp_path
    rows = rows_of(spec)
    assert Counter(row.split for row in rows) == {"train": 12, "eval": 20}
    for row in rows:
        assert (tmp_path / row.image).is_file()
        assert row.image.startswith("elsewhere/train/" if row.split == "train" else "val/")
        assert row.imagenet_index == imagenet_index(Path(row.image).parent.name)
    before = state_of(spec, NO_RECORD)
    next(iter((train / CHOSEN[2]).iterdir())).unlink()
    assert state_of(spec, NO_RECORD) != before


def test_a_relative_and_an_absolute_folder_share_a_root(
    tmp_path: Path, val: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    train = make_tree(tmp_path / "train", CHOSEN, 2, "train")
    monkeypatch.chdir(tmp_path)
    assert common_root({"root": "./val", "train_root": "train"}) == Path()
    spec = spec_of(Path("val"), train_root=str(train))
    assert root_of(spec) == tmp_path
    assert all((tmp_path / row.image).is_file() for row in rows_of(spec))


def refused(spec: dict[str, Any], message: str) -> None:
    """The error says what is wrong, and gives a way out."""
    with pytest.raises(DatasetError, match=f"(?s){message}") as caught:
        rows_of(spec)
    assert "Hint: " in str(caught.value)


def test_a_missing_folder_says_how_imagenet_is_laid_out(tmp_path: Path) -> None:
    refused(spec_of(tmp_path / "nowhere"), "nowhere is not a directory.*n01440764")


def test_images_in_one_folder_are_told_how_to_be_sorted(tmp_path: Path) -> None:
    for number in (1, 2):
        Image.new("RGB", (2, 2)).save(tmp_path / f"ILSVRC2012_val_{number:08d}.JPEG")
    refused(spec_of(tmp_path), "not sorted into classes.*2 images in one folder.*torchvision")


@pytest.mark.parametrize("names", [["goldfish", "tench"], ["0", "1"], ["000", "001"]])
def test_folders_by_name_or_number_are_refused(tmp_path: Path, names: list[str]) -> None:
    make_tree(tmp_path / "val", names)
    refused(spec_of(tmp_path / "val"), f"no folder is named by a synset.*{names[0]}, {names[1]}")


def test_classes_one_level_deeper_are_pointed_at(val: Path) -> None:
    refused(spec_of(val.parent), f"one level deeper.*Hint: root: {val}")


def test_missing_classes_are_listed(val: Path) -> None:
    refused(spec_of(val, classes=4), "2 of 4 classes are missing.*n01484850, n01491361")
    whole = spec_of(val)
    del whole["classes"]
    refused(whole, "996 of 1000 classes .*and 986 more")
    for file in (val / CHOSEN[1]).iterdir():
        file.unlink()
    refused(spec_of(val), f"1 of 4 classes are missing or empty.*{CHOSEN[1]}")


def test_folders_of_other_classes_are_refused(val: Path) -> None:
    make_tree(val, ["n00004475"])
    refused(spec_of(val), "not classes of ImageNet-1k.*n00004475")


def test_training_and_validation_folders_are_not_mistaken(tmp_path: Path, val: Path) -> None:
    train = make_tree(tmp_path / "train", CHOSEN, 3, "train")
    refused(spec_of(train), "contains training images.*train_root")
    other = make_tree(tmp_path / "other", CHOSEN, 3)
    refused(spec_of(val, train_root=str(other)), "trained on what they are evaluated on")


def test_specifications_that_contradict_themselves_are_refused(val: Path) -> None:
    with pytest.raises(ConfigError, match="nothing is split"):
        check_spec("x", spec_of(val, train_root="train", eval_share=0.2))
    with pytest.raises(ConfigError, match="exceed 1"):
        check_spec("x", spec_of(val, train_share=0.6))
    with pytest.raises(ConfigError, match=r"train_root: readouts would be evaluated on training"):
        check_spec("x", spec_of(val, train_root=str(val)))
    with pytest.raises(DatasetError, match=r"(?s)not among the 1000.*n00000001"):
        check_spec("x", spec_of(val, classes=["n01440764", "n00000001"]))


def imagenette(root: Path, folder: str) -> dict[str, Any]:
    make_tree(root / folder / "train", CHOSEN[:3], 4, "train")
    make_tree(root / folder / "val", CHOSEN[:3], 2)
    return {"kind": "imagenette", "root": str(root), "size": "160px", "seed": 0}


def test_imagenette_has_its_splits_and_the_standard_numbers(tmp_path: Path) -> None:
    rows = rows_of(imagenette(tmp_path, "imagenette2-160"))
    assert Counter(row.split for row in rows) == {"train": 12, "eval": 6}
    assert {(row.label, row.imagenet_index) for row in rows} == {(0, 0), (1, 1), (2, 950)}
    assert all((tmp_path / row.image).is_file() for row in rows)


def test_missing_imagenette_gives_the_command(tmp_path: Path) -> None:
    spec = imagenette(tmp_path, "imagenette2")
    refused(spec, r"imagenette2-160 is not a directory.*size='160px', download=True")
