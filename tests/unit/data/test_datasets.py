"""What every kind of data set has: order of the splits, state of its files, checks of its entry."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bandprobe.data.datasets import check_spec, phantom_classes, root_of, samples, state_of
from bandprobe.data.phantom import Phantom
from bandprobe.errors import ConfigError, DatasetError
from tests.unit.conftest import SaveImage

NO_RECORD = Path("no-record.parquet")

FOLDERS = {"kind": "imagefolder", "eval_share": 0.5, "seed": 0}


@pytest.fixture
def spec(tmp_path: Path, save_image: SaveImage) -> dict[str, Any]:
    """Two classes, one of them named as ImageNet names it."""
    for name in ("n01440764", "other"):
        for number in range(4):
            save_image(tmp_path / "images" / name / f"{number}.png", (4, 4))
    return FOLDERS | {"root": str(tmp_path / "images")}


def test_training_samples_come_first_and_imagenet_classes_have_their_index(
    spec: dict[str, Any],
) -> None:
    rows = samples(spec, root_of(spec))
    assert [row.split for row in rows] == ["train"] * 4 + ["eval"] * 4
    assert {(row.class_name, row.imagenet_index) for row in rows} == {
        ("n01440764", 0),
        ("other", None),
    }


def test_the_state_follows_the_users_files(spec: dict[str, Any], save_image: SaveImage) -> None:
    before = state_of(spec, NO_RECORD)
    assert before == state_of(spec, NO_RECORD) != ""
    save_image(Path(spec["root"], "other", "new.png"))
    assert state_of(spec, NO_RECORD) != before
    assert state_of({"kind": "photos", "asset": "photos"}, NO_RECORD) == ""


def test_generated_images_have_the_classes_of_the_generator(tmp_path: Path) -> None:
    spec = {
        "kind": "phantom",
        "bands": {"names": ["low", "high"], "edges": [0.4]},
        "patterns": 2,
        "size": 16,
        "train_images": 1,
        "eval_images": 1,
        "signal_to_noise": 1.0,
        "contrast": 0.1,
        "random_phase": False,
        "seed": 0,
    }
    assert phantom_classes(spec) == Phantom.from_config(spec).class_names
    assert phantom_classes(spec) == ["low-1", "low-2", "high-1", "high-2"]
    with pytest.raises(DatasetError, match=r"low-1 contains no image"):
        samples(spec, tmp_path)


def test_splits_stay_within_the_root(spec: dict[str, Any]) -> None:
    check_spec("mine", spec | {"splits": {"train": "a", "eval": "b"}})
    for folder in ("/etc", "../other"):
        with pytest.raises(ConfigError, match=r"datasets\.mine\.splits\.eval leads out of root"):
            check_spec("mine", spec | {"splits": {"train": "a", "eval": folder}})


@pytest.mark.parametrize(
    ("training", "evaluated"), [("all", "./all"), ("all/", "all"), ("all", "linked")]
)
def test_two_names_of_one_folder_are_no_splits(
    tmp_path: Path, spec: dict[str, Any], training: str, evaluated: str
) -> None:
    root = Path(spec["root"])
    (root / "linked").symlink_to("all")
    with pytest.raises(ConfigError, match=r"datasets\.mine\.splits: .* evaluated on training"):
        check_spec("mine", spec | {"splits": {"train": training, "eval": evaluated}})
    imagenet = {"kind": "imagenet-val", "root": str(root / "all"), "seed": 0}
    with pytest.raises(ConfigError, match=r"mine\.train_root: .* evaluated on training"):
        check_spec("mine", imagenet | {"train_root": f"{root}/{evaluated}/"})
