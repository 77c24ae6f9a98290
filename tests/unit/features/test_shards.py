"""Shards of a split, and the store that they become."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given
from hypothesis import strategies as st

from bandprobe.data.images import Preprocess
from bandprobe.data.manifest import Split
from bandprobe.errors import DatasetError, StoreError
from bandprobe.features.extract import Shard, Source, extract
from bandprobe.features.join import join_stores
from bandprobe.features.networks import pixel_network
from bandprobe.features.shards import LARGEST_UNIT, shard_slice, shard_unit
from bandprobe.store import digests
from bandprobe.store.chunks import METADATA_DIGEST
from bandprobe.store.digests import (
    data_digest,
    file_digest,
    kept_digests,
    read_digest,
    write_digest,
)
from bandprobe.store.encoding import Storage
from bandprobe.store.zarr_store import Store, StoreWriter, Variable
from tests.unit.conftest import SaveImage

N = 23


@given(n=st.integers(1, 20_000), shards=st.integers(1, 40))
def test_shards_partition_the_samples_at_multiples_of_one_unit(n: int, shards: int) -> None:
    if n < shards:
        with pytest.raises(DatasetError, match=f"{shards} shards"):
            shard_unit(n, shards)
        return
    unit = shard_unit(n, shards)
    parts = [shard_slice(n, shards, number) for number in range(shards)]
    assert (parts[0].start, parts[-1].stop) == (0, n)
    assert all(one.stop == two.start and one.stop % unit == 0 for one, two in pairwise(parts))
    sizes = [part.stop - part.start for part in parts]
    assert min(sizes) > 0
    assert max(sizes[:-1], default=unit) - min(sizes[:-1], default=unit) <= unit
    assert LARGEST_UNIT % unit == 0


@pytest.fixture
def source(tmp_path: Path, save_image: SaveImage) -> Source:
    files = [f"{number}.png" for number in range(N)]
    for number, file in enumerate(files):
        save_image(tmp_path / "images" / file, seed=number)
    numbers = np.arange(N)
    sizes = np.full(N, 64)
    split = Split(numbers + 5, numbers % 3, numbers // 2, files, [None] * N, sizes, sizes)
    return Source(tmp_path / "images", split, Preprocess((6, 4)))


def with_prefix(batch: np.ndarray) -> dict[str, np.ndarray]:
    return {"a": batch, "a.prefix": batch[:, :, 0, :2], "b": 2 * batch[:, :1]}


@pytest.mark.parametrize("shards", [1, 2, 3, 5, N])
def test_joined_shards_are_the_store_of_a_single_job(
    tmp_path: Path, source: Source, shards: int
) -> None:
    attrs = {"code": "x"}
    extract(with_prefix, source, tmp_path / "whole.zarr", attrs, Storage("float16"), 4)
    parts = []
    for number in range(shards):
        parts.append(tmp_path / f"{number}.zarr")
        shard = Shard(number, shards)
        extract(with_prefix, source, parts[-1], attrs, Storage("float16"), 4, shard)
    join_stores(tmp_path / "joined.zarr", parts)
    whole, joined = Store(tmp_path / "whole.zarr"), Store(tmp_path / "joined.zarr")
    assert whole.names() == joined.names()
    # Chunks of other sizes are other metadata.
    attributes = [dict(store.attrs) | {METADATA_DIGEST: ""} for store in (whole, joined)]
    assert attributes[0] == attributes[1]
    for name in whole.names():
        np.testing.assert_array_equal(whole.read(name), joined.read(name))
        assert whole.array(name).attrs == joined.array(name).attrs
    seen = [xr.open_zarr(tmp_path / f"{name}.zarr") for name in ("whole", "joined")]
    for one in seen:
        one.attrs.pop(METADATA_DIGEST)
    xr.testing.assert_identical(*seen)


def test_chunks_are_shared_and_outlive_the_shards(tmp_path: Path, source: Source) -> None:
    parts = [tmp_path / f"{number}.zarr" for number in range(2)]
    for number, part in enumerate(parts):
        extract(pixel_network("float32"), source, part, {}, Storage("float32"), 4, Shard(number, 2))
    join_stores(tmp_path / "joined.zarr", parts)
    digest = data_digest(tmp_path / "joined.zarr")
    chunks = [
        file for file in (tmp_path / "joined.zarr" / "input" / "c").rglob("*") if file.is_file()
    ]
    assert {file.stat().st_nlink for file in chunks} == {2}
    for part in parts:
        for file in part.rglob("*"):
            if file.is_file():
                file.unlink()
    assert data_digest(tmp_path / "joined.zarr") == digest


@pytest.mark.parametrize("kept", [True, False])
def test_no_chunk_is_read_for_the_digest_where_the_shards_have_kept_theirs(
    tmp_path: Path, source: Source, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    parts = [tmp_path / f"{number}.zarr" for number in range(3)]
    for number, part in enumerate(parts):
        extract(with_prefix, source, part, {}, Storage("float16"), 4, Shard(number, 3))
        assert read_digest(part) == data_digest(part)
        chunks = {name for name in kept_digests(part) if "/c/" in name}
        assert {name.partition("/")[0] for name in chunks} >= {"a", "a.prefix", "b"}
        assert all(kept_digests(part)[name] == file_digest(part / name) for name in chunks)
        if not kept:
            write_digest(part)
            assert kept_digests(part) == {}
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.relative_to(tmp_path / "joined.zarr").parts[0])
        return file_digest(path)

    monkeypatch.setattr(digests, "file_digest", counted)
    join_stores(tmp_path / "joined.zarr", parts)
    monkeypatch.undo()
    assert set(read) == (set() if kept else {"a", "a.prefix", "b"})
    assert read_digest(tmp_path / "joined.zarr") == data_digest(tmp_path / "joined.zarr")


def test_a_chunk_that_changed_before_the_join_does_not_have_its_digest(
    tmp_path: Path, source: Source
) -> None:
    parts = [tmp_path / f"{number}.zarr" for number in range(2)]
    for number, part in enumerate(parts):
        extract(with_prefix, source, part, {}, Storage("float16"), 4, Shard(number, 2))
    join_stores(tmp_path / "joined.zarr", parts)
    first = read_digest(tmp_path / "joined.zarr")
    chunk = parts[1] / "a" / "c" / "0" / "0" / "0" / "0"
    chunk.write_bytes(chunk.read_bytes()[:-1] + b"?")
    join_stores(tmp_path / "joined.zarr", parts)
    assert read_digest(tmp_path / "joined.zarr") == first
    assert data_digest(tmp_path / "joined.zarr") != first


def write(path: Path, n: int, chunk: int, width: int = 3) -> Path:
    with StoreWriter(path, {}) as writer:
        values = np.arange(n * width, dtype=np.float32).reshape(n, width)
        array = writer.create("a", ("sample", "x"), values.shape, "float32", {}, (chunk, width))
        array[...] = values
        writer.write("sample", Variable(("sample",), np.arange(n)), coordinate=True)
    return path


@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ((4, 2, 3), (4, 4, 3), "chunk_grid"),
        ((4, 2, 3), (4, 2, 5), "shape|chunk_grid"),
        ((3, 2, 3), (4, 2, 3), "begins within a chunk"),
    ],
)
def test_shards_that_do_not_fit_are_refused_and_nothing_is_left(
    tmp_path: Path, first: tuple[int, ...], second: tuple[int, ...], message: str
) -> None:
    parts = [write(tmp_path / "0.zarr", *first), write(tmp_path / "1.zarr", *second)]
    with pytest.raises(StoreError, match=message):
        join_stores(tmp_path / "out" / "joined.zarr", parts)
    assert list((tmp_path / "out").iterdir()) == []
