"""CIFAR's binary version: labels, planes of colour, and files that are missing or cut."""

from __future__ import annotations

import io
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from bandprobe.base.folders import replace_folder
from bandprobe.data.cifar import LAYOUTS, read_split
from bandprobe.data.datasets import samples, state_of
from bandprobe.data.images import open_image, png_bytes
from bandprobe.data.made_images import made_images
from bandprobe.errors import DatasetError

NO_RECORD = Path("no-record.parquet")

PER_CLASS = 3


def name_of(label: int) -> str:
    """A name of letters, in alphabetical order."""
    return "class_" + chr(ord("a") + label // 10) + chr(ord("a") + label % 10)


def write_cifar(kind: str, root: Path) -> None:
    """The binary version with three images a class and file; the red plane holds the label."""
    layout = LAYOUTS[kind]
    folder = root / layout.folder
    folder.mkdir(parents=True)
    names = [name_of(label) for label in range(layout.n_classes)]
    (folder / layout.names).write_text("\n".join(names) + "\n\n")
    generator = np.random.default_rng(0)
    for name in (name for files in layout.files.values() for name in files):
        labels = generator.permutation(np.repeat(np.arange(layout.n_classes), PER_CLASS))
        records = generator.integers(0, 256, (len(labels), layout.label_bytes + 3072), np.uint8)
        records[:, layout.label_bytes - 1] = labels
        records[:, layout.label_bytes : layout.label_bytes + 1024] = labels[:, None]
        records.tofile(folder / name)


def spec_of(kind: str, root: Path, **options: Any) -> dict[str, Any]:
    return {"kind": kind, "root": str(root), "seed": 0} | options


@pytest.mark.parametrize("kind", ["cifar10", "cifar100"])
def test_images_keep_their_labels_and_pixels(tmp_path: Path, kind: str) -> None:
    write_cifar(kind, tmp_path)
    spec = spec_of(kind, tmp_path)
    images = dict(made_images(spec))
    replace_folder(tmp_path / "images", ((n, png_bytes(p)) for n, p in images.items()))
    rows = samples(spec, tmp_path / "images")
    layout = LAYOUTS[kind]
    per_file = layout.n_classes * PER_CLASS
    expected = {split: per_file * len(files) for split, files in layout.files.items()}
    assert Counter(row.split for row in rows) == expected
    assert len({row.group for row in rows}) == len(rows)
    for row in rows:
        assert row.class_name == name_of(row.label)
        assert row.imagenet_index is None
        pixels = np.asarray(open_image(tmp_path / "images" / row.image))
        assert (pixels[..., 0] == row.label).all()
        np.testing.assert_array_equal(pixels, images[row.image])


def test_planes_lie_as_torchvision_lays_them_out(tmp_path: Path) -> None:
    write_cifar("cifar10", tmp_path)
    labels, images = read_split("cifar10", tmp_path, "eval")
    raw = np.fromfile(tmp_path / "cifar-10-batches-bin" / "test_batch.bin", np.uint8)
    first = raw[:3073]
    assert labels[0] == first[0]
    # Row by row, first all reds, then all greens, then all blues.
    assert images[0, 2, 5, 1] == first[1 + 1024 + 2 * 32 + 5]
    assert images[0, 31, 0, 2] == first[1 + 2048 + 31 * 32]


def test_png_keeps_every_value(tmp_path: Path) -> None:
    for shape in ((9, 7, 3), (9, 7)):
        pixels = np.random.default_rng(1).integers(0, 256, shape, np.uint8)
        with Image.open(io.BytesIO(png_bytes(pixels))) as image:
            np.testing.assert_array_equal(np.asarray(image), pixels)


def test_a_limit_holds_a_class_and_split(tmp_path: Path) -> None:
    write_cifar("cifar10", tmp_path)
    names = [name for name, _ in made_images(spec_of("cifar10", tmp_path, per_class=2))]
    counts = Counter(name.rsplit("/", 1)[0] for name in names)
    assert set(counts.values()) == {2}
    assert len(counts) == 20
    other = [name for name, _ in made_images(spec_of("cifar10", tmp_path, per_class=2, seed=1))]
    assert names != other


def test_missing_files_give_the_command_that_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"(?s)missing.*Hint.*cifar-100-binary\.tar\.gz \| tar"):
        dict(made_images(spec_of("cifar100", tmp_path)))


def test_the_pickled_version_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-batches-py").mkdir()
    with pytest.raises(DatasetError, match=r"(?s)pickled.*cifar-10-binary"):
        dict(made_images(spec_of("cifar10", tmp_path)))


def test_a_cut_file_and_a_wrong_label_are_refused(tmp_path: Path) -> None:
    write_cifar("cifar10", tmp_path)
    path = tmp_path / "cifar-10-batches-bin" / "test_batch.bin"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(DatasetError, match="not a multiple of the record size"):
        read_split("cifar10", tmp_path, "eval")
    path.write_bytes(b"\x0a" + content[1:])
    with pytest.raises(DatasetError, match=r"(?s)label out of range.*found: +10"):
        read_split("cifar10", tmp_path, "eval")


def test_the_state_follows_the_binary_files(tmp_path: Path) -> None:
    write_cifar("cifar10", tmp_path)
    spec = spec_of("cifar10", tmp_path)
    before = state_of(spec, NO_RECORD)
    path = tmp_path / "cifar-10-batches-bin" / "data_batch_3.bin"
    path.write_bytes(path.read_bytes()[:-3073])
    assert state_of(spec, NO_RECORD) != before
