"""Extraction stores the maps of all images in their order, or says why it cannot."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bandprobe.data.images import Preprocess
from bandprobe.data.inputs import load_batch
from bandprobe.data.manifest import Split
from bandprobe.errors import ModelError
from bandprobe.features import extract as extract_module
from bandprobe.features.extract import Batch, Source, all_finite, extract
from bandprobe.features.networks import pixel_network
from bandprobe.store.encoding import Storage
from bandprobe.store.zarr_store import Store

N = 11


@pytest.fixture
def source(tmp_path: Path, save_image: Callable[..., Path]) -> Source:
    files = [f"{number}.png" for number in range(N)]
    for number, file in enumerate(files):
        save_image(tmp_path / "images" / file, seed=number)
    numbers = np.arange(N)
    boxes = [None] * (N - 1) + [(0, 0, 9, 9)]
    sizes = np.array([64] * (N - 1) + [9])
    split = Split(numbers + 5, numbers % 3, numbers // 2, files, boxes, sizes, sizes)
    return Source(tmp_path / "images", split, Preprocess((6, 4)))


def inputs(source: Source) -> np.ndarray:
    return load_batch(source.root, source.split.image, source.split.crop, source.preprocess)


@pytest.mark.parametrize("batch_size", [1, 4, 11, 64])
def test_pixels_are_stored_as_they_are_read(
    tmp_path: Path, source: Source, batch_size: int
) -> None:
    path = tmp_path / "a.zarr"
    extract(pixel_network("float32"), source, path, {"code": "x"}, Storage("float32"), batch_size)
    store = Store(path)
    np.testing.assert_array_equal(store.read("input"), inputs(source))
    np.testing.assert_array_equal(store.read("sample"), source.split.sample)
    np.testing.assert_array_equal(store.read("label"), source.split.label)
    np.testing.assert_array_equal(store.read("group"), source.split.group)
    assert store.attrs["code"] == "x"


@pytest.mark.parametrize("chunk", [1, 2, 3, 5, 50])
@pytest.mark.parametrize("batch_size", [1, 4, 11])
def test_batches_and_chunks_of_any_size_give_the_same_store(
    tmp_path: Path, source: Source, batch_size: int, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        extract_module, "feature_chunks", lambda shape, _: (min(chunk, shape[0]), *shape[1:])
    )

    def network(batch: np.ndarray) -> Batch:
        return {"a": batch, "a.prefix": batch[:, :, 0, :2], "b": 2 * batch[:, :1]}

    extract(network, source, tmp_path / "a.zarr", {}, Storage("float32"), batch_size)
    store, expected = Store(tmp_path / "a.zarr"), inputs(source)
    assert store.array("a").chunks[0] == min(chunk, N)
    np.testing.assert_array_equal(store.read("a"), expected)
    np.testing.assert_array_equal(store.read("a.prefix"), expected[:, :, 0, :2])
    np.testing.assert_array_equal(store.read("b"), 2 * expected[:, :1])


def test_half_precision_rounds(tmp_path: Path, source: Source) -> None:
    extract(pixel_network("float16"), source, tmp_path / "a.zarr", {}, Storage("float16"), 4)
    np.testing.assert_array_equal(
        Store(tmp_path / "a.zarr").read("input"), inputs(source).astype(np.float16)
    )


def test_every_float16_is_seen_as_numpy_sees_it() -> None:
    patterns = np.arange(2**16, dtype=np.uint16).view(np.float16)
    found = [all_finite(patterns[i : i + 1]) for i in range(len(patterns))]
    np.testing.assert_array_equal(found, np.isfinite(patterns))
    assert not all_finite(patterns)
    assert all_finite(patterns[np.isfinite(patterns)])


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_one_value_that_is_not_finite_is_found_in_float32(value: float) -> None:
    values = np.full((3, 4), np.finfo(np.float32).max)
    assert all_finite(values)
    values[2, 1] = value
    assert not all_finite(values)


@pytest.mark.parametrize("value", [np.nan, 1e5])
def test_values_that_are_not_finite_are_refused_and_nothing_is_left(
    tmp_path: Path, source: Source, value: float
) -> None:
    def network(batch: np.ndarray) -> Batch:
        maps = batch.copy()
        maps[-1, 0, 0, 0] = value
        return {"deep": maps.astype(np.float16)}

    with pytest.raises(ModelError, match=r"layer deep(?s:.*)float32"):
        extract(network, source, tmp_path / "out" / "a.zarr", {}, Storage("float16"), 4)
    assert list((tmp_path / "out").iterdir()) == []
