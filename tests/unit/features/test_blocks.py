"""Stored maps by samples and by channels are the maps that were stored."""

from pathlib import Path

import numpy as np
import pytest

from bandprobe.features import blocks as features
from bandprobe.features.blocks import (
    channel_slabs,
    read_coordinates,
    sample_blocks,
    sample_mean,
    slab_channels,
    stored_parts,
)
from bandprobe.store.zarr_store import Store, StoreWriter, Variable, write_store

MAPS = np.random.default_rng(0).normal(size=(11, 7, 3, 4)).astype(np.float16)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """Maps of one layer in uneven chunks."""
    with StoreWriter(tmp_path / "a.zarr", {}) as writer:
        for name in ("sample", "label", "group"):
            writer.write(name, Variable(("sample",), np.arange(11) * 2), coordinate=True)
        dims = ("sample", "channel", "y", "x")
        array = writer.create("layer", dims, MAPS.shape, "float16", chunks=(4, 2, 3, 4))
        array[...] = MAPS
    return Store(tmp_path / "a.zarr")


@pytest.mark.parametrize("block_bytes", [1, 4 * 84 * 4, 10**8])
def test_blocks_of_samples_make_up_the_maps(
    store: Store, block_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "BLOCK_BYTES", block_bytes)
    blocks = list(sample_blocks(store, "layer"))
    np.testing.assert_array_equal(np.concatenate([maps for _, maps in blocks]), MAPS)
    rows = np.concatenate([np.arange(11)[part] for part, _ in blocks])
    np.testing.assert_array_equal(rows, np.arange(11))
    assert all(maps.dtype == np.float32 for _, maps in blocks)
    # Whole chunks, so that none is decoded twice.
    assert all(part.start % 4 == 0 for part, _ in blocks)
    assert len(blocks) == (1 if block_bytes == 10**8 else 3)


def test_mean_over_samples_of_maps_and_of_tokens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(features, "BLOCK_BYTES", 1)
    with StoreWriter(tmp_path / "b.zarr", {}) as writer:
        for name, values in (("layer", MAPS), ("layer.prefix", MAPS[:, :, 0])):
            dims = ("sample", "channel", "y", "x")[: values.ndim]
            chunks = (4, *values.shape[1:])
            array = writer.create(name, dims, values.shape, "float16", chunks=chunks)
            array[...] = values
    stored = Store(tmp_path / "b.zarr")
    for name, values in (("layer", MAPS), ("layer.prefix", MAPS[:, :, 0])):
        found = sample_mean(stored, name)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, values.astype(float).mean(0), atol=1e-6)


@pytest.mark.parametrize("n_channels", [1, 2, 3, 7, 99])
def test_slabs_of_channels_make_up_the_maps_and_can_be_read_twice(
    store: Store, n_channels: int
) -> None:
    slabs = channel_slabs(store, "layer", n_channels)
    for _ in range(2):
        found = list(slabs())
        np.testing.assert_array_equal(np.concatenate(found, axis=1), MAPS)
        assert all(slab.dtype == np.float32 and len(slab) == 11 for slab in found)


def test_slabs_hold_whole_chunks_within_their_size(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_channel = 4 * 11 * 12
    for channels, expected in ((1, 2), (2, 2), (5, 4), (6, 6)):
        monkeypatch.setattr(features, "SLAB_BYTES", channels * one_channel)
        assert slab_channels("layer", store) == expected


def test_slabs_of_two_stores_are_cut_by_the_one_of_more_samples(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = Variable(("sample", "channel", "y", "x"), MAPS[:2])
    write_store(tmp_path / "few.zarr", {"layer": values}, {}, {})
    few = Store(tmp_path / "few.zarr")
    for name in ("SLAB_BYTES", "LARGEST_SLAB_BYTES"):
        monkeypatch.setattr(features, name, 2 * 4 * 11 * 12)
    assert slab_channels("layer", few) == 7
    assert slab_channels("layer", few, store) == slab_channels("layer", store) == 2


def test_parts_that_keep_their_format_hold_whole_chunks(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Chunks of two channels; a channel of 11 maps of 12 values of two bytes.
    channel = 2 * 11 * 12
    for size, most, steps in (
        (1, 10**9, [2, 2, 2, 1]),
        (5 * channel, 10**9, [4, 3]),
        (10**9, 10**9, [7]),
        (1, 2 * channel - 1, [1] * 7),
    ):
        monkeypatch.setattr(features, "LARGEST_SLAB_BYTES", size)
        monkeypatch.setattr(features, "LARGEST_STORED_BYTES", most)
        parts = list(stored_parts(store, store, "layer"))
        assert [part.stop - part.start for part in parts] == steps
        assert [channel for part in parts for channel in range(7)[part]] == list(range(7))


def test_coordinates_are_handed_on(store: Store) -> None:
    found = read_coordinates(store)
    assert set(found) == {"sample", "label", "group"}
    for variable in found.values():
        assert variable.dims == ("sample",)
        np.testing.assert_array_equal(variable.values, np.arange(11) * 2)
