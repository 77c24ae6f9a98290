"""The manifest keeps every sample, and refuses images that cannot be read."""

from collections.abc import Callable, Iterator
from pathlib import Path
from time import sleep

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from bandprobe.data.datasets import Sample
from bandprobe.data.manifest import (
    AHEAD,
    class_names,
    imagenet_indices,
    look_at_images,
    read_folds,
    read_split,
    write_folds,
    write_manifest,
)
from bandprobe.errors import DatasetError, StoreError
from bandprobe.store.digests import digest_path, file_digest, read_digest, write_digest
from bandprobe.store.withdrawal import withdrawing

SaveImage = Callable[..., Path]
ROWS = [
    Sample("b/0", "b.png", (1, 2, 9, 10), 1, "bee", "b/train-0", "train"),
    Sample("b/1", "b.png", (3, 2, 9, 8), 1, "bee", "b/train-0", "train"),
    Sample("a", "a.png", None, 0, "ape", "a", "train"),
    Sample("b/2", "b.png", (10, 0, 14, 4), 1, "bee", "b/eval-0", "eval"),
]


@pytest.fixture
def root(tmp_path: Path, save_image: SaveImage) -> Path:
    for number, name in enumerate("ab"):
        save_image(tmp_path / "images" / f"{name}.png", seed=number)
    return tmp_path / "images"


def test_splits_read_back(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "out" / "manifest.parquet"
    write_manifest(path, ROWS, root)
    train, evaluation = read_split(path, "train"), read_split(path, "eval")
    assert train.sample.tolist() == [0, 1, 2]
    assert train.label.tolist() == [1, 1, 0]
    assert train.image == ["b.png", "b.png", "a.png"]
    assert train.crop == [(1, 2, 9, 10), (3, 2, 9, 8), None]
    assert train.width.tolist() == [8, 6, 20]
    assert train.height.tolist() == [8, 6, 16]
    assert train.group[0] == train.group[1] != train.group[2]
    assert evaluation.sample.tolist() == [3]
    assert evaluation.crop == [(10, 0, 14, 4)]
    assert evaluation.group[0] not in train.group
    assert class_names(path) == ["ape", "bee"]


def test_some_samples_of_a_split(tmp_path: Path, root: Path) -> None:
    write_manifest(tmp_path / "m.parquet", ROWS, root)
    some = read_split(tmp_path / "m.parquet", "train").take(np.array([0, 2]))
    assert (some.sample.tolist(), some.label.tolist()) == ([0, 2], [1, 0])
    assert some.image == ["b.png", "a.png"]
    assert some.crop == [(1, 2, 9, 10), None]


@pytest.mark.parametrize(
    ("column", "expected"),
    [([309, 309, 365, 309], [365, 309]), ([309, 309, None, 309], None), (None, None)],
)
def test_imagenet_indices_are_those_of_all_classes_or_none(
    tmp_path: Path, root: Path, column: list[int | None] | None, expected: list[int] | None
) -> None:
    path = tmp_path / "m.parquet"
    write_manifest(path, ROWS, root)
    table = pq.read_table(path)
    if "imagenet_index" in table.column_names:
        table = table.drop_columns("imagenet_index")
    if column is not None:
        table = table.append_column("imagenet_index", pa.array(column, pa.int64()))
    pq.write_table(table, path)
    write_digest(path)
    found = imagenet_indices(path)
    assert (None if found is None else found.tolist()) == expected


def test_contents_of_the_images_are_recorded(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, ROWS, root)
    digests = pq.read_table(path)["image_sha256"].to_pylist()
    assert digests == [file_digest(root / row.image) for row in ROWS]
    assert read_digest(path) == file_digest(path)


def test_an_unchanged_data_set_has_an_unchanged_digest(tmp_path: Path, root: Path) -> None:
    for name in ("one", "two"):
        write_manifest(tmp_path / name, ROWS, root)
    assert read_digest(tmp_path / "one") == read_digest(tmp_path / "two")


def test_all_unreadable_images_are_named_at_once(
    tmp_path: Path, root: Path, save_image: SaveImage
) -> None:
    cut = save_image(root / "cut.jpg", (64, 64))
    cut.write_bytes(cut.read_bytes()[:-600])
    (root / "text.png").write_text("no image")
    rows = [
        Sample(name, name, None, 0, "ape", name, "train")
        for name in ("a.png", "cut.jpg", "text.png", "gone.png")
    ]
    with pytest.raises(DatasetError, match="3 unreadable") as caught:
        write_manifest(tmp_path / "manifest.parquet", rows, root)
    for name in ("cut.jpg", "text.png", "gone.png"):
        assert name in str(caught.value)
    assert "a.png" not in str(caught.value)
    assert not (tmp_path / "manifest.parquet").exists()


def test_digests_are_given_by_name(root: Path) -> None:
    found, faults = look_at_images(root, ["a.png", "b.png"])
    assert not faults
    for name in ("a.png", "b.png"):
        with Image.open(root / name) as image:
            assert found[name] == (file_digest(root / name), *image.size)


@pytest.mark.parametrize("threads", [1, 4])
def test_few_images_wait_to_be_decoded(tmp_path: Path, threads: int) -> None:
    """A pool that gets all of a million images at once takes gigabytes before the first is done."""
    handed_out, done, most_waiting = 0, 0, 0

    class Names(list[str]):
        """Says how many of its names were taken."""

        def __iter__(self) -> Iterator[str]:
            nonlocal handed_out
            for number, name in enumerate(super().__iter__(), start=1):
                handed_out = max(handed_out, number)
                yield name

    def look(path: Path) -> tuple[int, int]:
        nonlocal done, most_waiting
        most_waiting = max(most_waiting, handed_out - done)
        sleep(0.002 if path.name.endswith("0") else 0)
        done += 1
        raise DatasetError(str(path), found=f"fault of {path.name}")

    names = Names(str(number) for number in range(500))
    digests, faults = look_at_images(tmp_path, names, look, threads)
    assert not digests
    assert list(faults.items()) == [(str(n), f"fault of {n}") for n in range(500)]
    assert (done, handed_out) == (500, 500)
    assert most_waiting <= (AHEAD + 1) * threads + 1


def test_an_error_in_one_thread_ends_the_rest(tmp_path: Path) -> None:
    looked = []

    def look(path: Path) -> tuple[int, int]:
        looked.append(path)
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        look_at_images(tmp_path, [str(number) for number in range(500)], look, 2)
    assert len(looked) <= 2 * AHEAD + 2


def test_folds_read_back_in_the_order_of_the_samples(tmp_path: Path, root: Path) -> None:
    write_manifest(tmp_path / "manifest.parquet", ROWS, root)
    split = read_split(tmp_path / "manifest.parquet", "train")
    write_folds(tmp_path / "folds.parquet", split, np.array([2, 2, 0]))
    assert read_folds(tmp_path / "folds.parquet").tolist() == [2, 2, 0]


@pytest.mark.parametrize("place", [5, 700, -3])
def test_a_damaged_manifest_is_refused_and_made_again(
    tmp_path: Path, root: Path, place: int
) -> None:
    path = tmp_path / "manifest.parquet"
    write_manifest(path, ROWS, root)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"(?s)manifest\.parquet: damaged on disk.*--force"):
        read_split(path, "train")
    assert digest_path(path).exists(), "whatever only looks changes nothing"
    with pytest.raises(StoreError), withdrawing():
        read_split(path, "train")
    assert not digest_path(path).exists()
