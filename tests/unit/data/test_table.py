"""Data sets from tables: classes, splits, groups, and what is refused."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bandprobe.data.datasets import check_spec, samples, state_of
from bandprobe.data.manifest import read_split, write_manifest
from bandprobe.data.sample import Sample
from bandprobe.errors import ConfigError, DatasetError
from tests.unit.conftest import SaveImage

Columns = dict[str, list[Any]]

NO_RECORD = Path("no-record.parquet")


def write(folder: Path, columns: Columns, name: str = "table.csv") -> dict[str, Any]:
    """A table, and the data set that reads it."""
    path = folder / name
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns), path)
    else:
        mark = "\t" if path.suffix == ".tsv" else ","
        rows = [list(columns), *zip(*columns.values(), strict=True)]
        lines = (mark.join("" if v is None else f"{v}" for v in row) for row in rows)
        path.write_text("\n".join(lines) + "\n")
    spec = {"kind": "table", "root": str(folder), "table": str(path), "seed": 0}
    return spec | {"eval_share": 0.5}


def listed(spec: dict[str, Any]) -> list[Sample]:
    return samples(spec, Path(spec["root"]))


def pets(count: int = 8) -> Columns:
    """So many cats, and half as many dogs."""
    cats, dogs = range(count), range(count // 2)
    images = [f"c/{n}.png" for n in cats] + [f"d{n}.png" for n in dogs]
    return {"image": images, "label": ["cat"] * count + ["dog"] * (count // 2)}


@pytest.mark.parametrize("name", ["t.csv", "t.tsv", "t.parquet", "T.CSV"])
def test_every_format_gives_the_same_samples(tmp_path: Path, name: str) -> None:
    rows = listed(write(tmp_path, pets(), name))
    assert Counter((row.split, row.class_name, row.label) for row in rows) == {
        ("train", "cat", 0): 4,
        ("eval", "cat", 0): 4,
        ("train", "dog", 1): 2,
        ("eval", "dog", 1): 2,
    }
    assert {row.image for row in rows} == set(pets()["image"])
    assert rows == listed(write(tmp_path, pets(), "other.csv"))
    assert all(row.id == row.image == row.group and row.crop is None for row in rows)


def test_the_split_follows_share_and_seed(tmp_path: Path) -> None:
    spec = write(tmp_path, pets(40))
    rows = listed(spec | {"eval_share": 0.1})
    assert Counter(row.class_name for row in rows if row.split == "eval") == {"cat": 4, "dog": 2}
    assert listed(spec) == listed(spec) != listed(spec | {"seed": 1})
    limited = listed(spec | {"per_class": 3})
    assert set(Counter((row.split, row.label) for row in limited).values()) == {3}


def test_numbers_as_names_have_the_order_of_numbers(tmp_path: Path) -> None:
    columns = {"image": [f"{n}.png" for n in range(24)], "label": [n // 2 for n in range(24)]}
    for name in ("t.csv", "t.parquet"):
        rows = listed(write(tmp_path, columns, name))
        assert {row.label: row.class_name for row in rows} == {n: str(n) for n in range(12)}
    columns["label"] = [float(n // 2) for n in range(24)]
    assert {row.class_name for row in listed(write(tmp_path, columns, "t.parquet"))} == {
        str(n) for n in range(12)
    }


def test_a_column_of_splits_is_followed(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    columns = pets() | {"split": ["train", "train", "eval", "test"] * 3}
    with pytest.raises(DatasetError, match=r"(?s)column split.*train and eval.*test \(3 rows\)"):
        listed(write(tmp_path, columns))
    spec = write(tmp_path, columns) | {"splits": {"train": "train", "eval": "test"}}
    with caplog.at_level(logging.INFO):
        rows = listed(spec)
    assert "3 rows of split eval are not used" in caplog.text
    expected = dict(zip(columns["image"], columns["split"], strict=True))
    assert len(rows) == 9
    for row in rows:
        assert expected[row.image] == {"train": "train", "eval": "test"}[row.split]
    with pytest.raises(DatasetError, match=r"(?s)expected: +train and val"):
        listed(spec | {"splits": {"train": "train", "eval": "val"}})


@pytest.mark.parametrize("seed", range(5))
def test_groups_are_never_torn(tmp_path: Path, seed: int) -> None:
    columns = pets(40) | {"group": [f"g{n % 9}" for n in range(60)]}
    rows = listed(write(tmp_path, columns) | {"seed": seed, "eval_share": 0.3})
    assert len(rows) == 60
    sides: dict[str, set[str]] = {}
    for row in rows:
        sides.setdefault(row.group, set()).add(row.split)
    assert all(len(found) == 1 for found in sides.values())
    for name in ("cat", "dog"):
        share = [row.split for row in rows if row.class_name == name].count("eval")
        assert 0 < share <= 0.3 * Counter(columns["label"])[name]


def test_groups_larger_than_the_share_leave_both_splits_with_each_class(tmp_path: Path) -> None:
    columns = pets(8) | {"group": ["a"] * 4 + ["b"] * 4 + ["c"] * 2 + ["d"] * 2}
    rows = listed(write(tmp_path, columns) | {"eval_share": 0.1})
    found = {(row.split, row.class_name) for row in rows}
    assert found == {(s, n) for s in ("train", "eval") for n in ("cat", "dog")}


def test_groups_reach_the_manifest(tmp_path: Path, save_image: SaveImage) -> None:
    columns = pets(4) | {"group": ["a", "a", "b", "b", "a", "b"]}
    for number, image in enumerate(columns["image"]):
        save_image(tmp_path / image, (4, 4), number)
    spec = write(tmp_path, columns)
    write_manifest(tmp_path / "manifest.parquet", listed(spec), tmp_path)
    for split in ("train", "eval"):
        read = read_split(tmp_path / "manifest.parquet", split)
        assert len(read.sample) == 3
        assert len(set(read.group.tolist())) == 1


def test_names_with_separators_are_names(tmp_path: Path) -> None:
    names = {"cat": "oak; red", "dog": "elm, red"}
    columns = pets()
    columns["label"] = [names[label] for label in columns["label"]]
    found = {row.class_name for row in listed(write(tmp_path, columns, "t.parquet"))}
    assert found == set(names.values())


def test_absolute_names_below_the_root_are_taken(tmp_path: Path) -> None:
    columns = pets()
    columns["image"] = [str(tmp_path / name) for name in columns["image"]]
    assert {row.image for row in listed(write(tmp_path, columns))} == set(pets()["image"])


REFUSED: dict[str, tuple[Columns, str, str]] = {
    "two labels in two rows": (
        {"image": ["a", "a", "b"], "label": ["x", "y", "x"]},
        "t.csv",
        r"(?s)images with several labels.*a: x, y.*each image has one class here",
    ),
    "lists of labels": (
        {"image": ["a", "b"], "label": [["x", "y"], ["x"]]},
        "t.parquet",
        r"(?s)lists in the column label.*each image has one class here",
    ),
    "lists as text": (
        {"image": ["a", "b"], "label": ["[x]", "[y z]"]},
        "t.csv",
        r"(?s)cells with several labels.*\[x\].*each image has one class here",
    ),
    "joined labels": (
        {"image": ["a", "b", "c"], "label": ["x", "y", "x|y"]},
        "t.csv",
        r"(?s)cells with several labels.*x\|y",
    ),
    "joined labels alone": (
        {"image": ["a", "b", "c"], "label": ["x;z", "y; z", "z;z"]},
        "t.csv",
        r"(?s)cells with several labels.*x;z, y; z, z;z",
    ),
    "columns of zeros and ones": (
        {"image": ["a", "b"], "cat": [0, 1], "dog": [1, 1]},
        "t.csv",
        r"(?s)no column label.*image, cat, dog.*each image has one class here",
    ),
    "no image": ({"file": ["a"], "label": ["x"]}, "t.csv", r"(?s)no column image.*file, label"),
    "twice": (
        {"image": ["a", "a", "b"], "label": ["x", "x", "y"]},
        "t.csv",
        r"(?s)images listed twice.*a",
    ),
    "an empty label": (
        {"image": ["a", "b", "c"], "label": ["x", None, "y"]},
        "t.csv",
        r"(?s)empty cells in the column label.*1 empty, rows 2",
    ),
    "an empty group": (
        {"image": ["a", "b"], "label": ["x", "y"], "group": ["g", None]},
        "t.csv",
        r"(?s)empty cells in the column group.*rows 2",
    ),
    "outside": ({"image": ["../a", "b"], "label": ["x", "y"]}, "t.csv", r"image outside root"),
    "absolute": ({"image": ["/etc/a", "b"], "label": ["x", "y"]}, "t.csv", r"outside root"),
    "a single image": (
        {"image": ["a", "b", "c"], "label": ["x", "x", "y"]},
        "t.csv",
        r"(?s)classes with a single image cannot be split.*found: +y",
    ),
    "a single group": (
        {"image": ["a", "b", "c", "d"], "label": ["x", "x", "y", "y"], "group": list("ggkl")},
        "t.csv",
        r"(?s)classes with a single group cannot be split.*found: +x",
    ),
    "a single class": (
        {"image": ["a", "b"], "label": ["x", "x"]},
        "t.csv",
        r"too few classes",
    ),
    "a class in one split": (
        {"image": list("abc"), "label": list("xxy"), "split": ["train", "eval", "eval"]},
        "t.csv",
        r"(?s)the splits have different classes.*y \(train\)",
    ),
    "a group in both splits": (
        {
            "image": list("abcd"),
            "label": list("xyxy"),
            "split": ["train", "train", "eval", "eval"],
            "group": list("ggkg"),
        },
        "t.csv",
        r"(?s)groups in both splits.*found: +g",
    ),
    "nothing": ({"image": [], "label": []}, "t.csv", "no rows"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_used_is_refused_with_a_reason(tmp_path: Path, case: str) -> None:
    columns, name, message = REFUSED[case]
    with pytest.raises(DatasetError, match=message):
        listed(write(tmp_path, columns, name))


def test_labels_with_separators_are_names_unless_their_parts_are(tmp_path: Path) -> None:
    columns = pets()
    columns["label"] = ["big cat" if name == "cat" else "dog, small" for name in columns["label"]]
    columns["label"] = [name.replace(",", ";") for name in columns["label"]]
    rows = listed(write(tmp_path, columns))
    assert {row.class_name for row in rows} == {"big cat", "dog; small"}


@pytest.mark.parametrize("name", ["t.csv", "t.parquet"])
def test_a_table_that_is_missing_or_damaged_is_named(tmp_path: Path, name: str) -> None:
    spec = write(tmp_path, pets(), name)
    for content in (None, b"\x00\xff\x00"):
        Path(spec["table"]).unlink(missing_ok=True)
        if content is not None:
            Path(spec["table"]).write_bytes(content)
        with pytest.raises(DatasetError, match=name.replace(".", r"\.")):
            listed(spec)


def test_an_edit_of_the_table_is_seen(tmp_path: Path) -> None:
    spec = write(tmp_path, pets())
    before = state_of(spec, NO_RECORD)
    write(tmp_path, pets() | {"split": ["train", "eval"] * 6})
    assert state_of(spec, NO_RECORD) != before


def test_training_rows_are_not_evaluated_on(tmp_path: Path) -> None:
    spec = write(tmp_path, pets()) | {"splits": {"train": "a", "eval": "a"}}
    with pytest.raises(ConfigError, match="evaluated on training images"):
        check_spec("pets", spec)
