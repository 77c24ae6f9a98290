"""Rotten bytes on disk end in an error that names them; they never become numbers."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import zarr

from bandprobe.errors import StoreError
from bandprobe.store.chunks import METADATA_DIGEST, damage, metadata_digest
from bandprobe.store.digests import data_digest, digest_path, read_digest
from bandprobe.store.withdrawal import withdrawing
from bandprobe.store.zarr_store import Store, StoreWriter, Variable, write_store

N_CHUNKS = 6
VALUES = {
    "maps": np.random.default_rng(0).standard_normal((6, 8, 3, 3)).astype(np.float16),
    "scores": np.linspace(0, 1, 12).reshape(6, 2),
    "names": np.array(list("abcdef"), dtype=object),
    "one": np.array(3.0),
}


@pytest.fixture(params=["maps", "scores", "names", "one"])
def damaged_at(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, str, Path]:
    """A store with arrays of every form, and one of their chunks on disk."""
    store = tmp_path / "results" / "a.zarr"
    values = VALUES["maps"]
    with StoreWriter(store, {"code": "x"}) as writer:
        maps = writer.create(
            "maps", ("i", "c", "y", "x"), values.shape, "float16", None, (2, 4, 3, 3), "none"
        )
        maps[...] = values
        writer.write("scores", Variable(("i", "j"), VALUES["scores"]))
        writer.write("names", Variable(("i",), VALUES["names"]))
        writer.write("one", Variable((), VALUES["one"]))
    name = request.param
    chunk = {"maps": "c/2/1/0/0", "scores": "c/0/0", "names": "c/0", "one": "c"}[name]
    return store, name, store / name / chunk


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0b100
    path.write_bytes(content)


HARMS = {
    "first bit": lambda path: flip(path, 0),
    "a bit in the middle": lambda path: flip(path, path.stat().st_size // 2),
    "a bit of the checksum": lambda path: flip(path, -1),
    "the last byte is gone": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "half is gone": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "nothing is left": lambda path: path.write_bytes(b""),
    "zeros, as after a power cut": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "more than there was": lambda path: path.write_bytes(path.read_bytes() + b"x"),
    "the file is gone": lambda path: path.unlink(),
}


@pytest.mark.parametrize("harm", HARMS, ids=str)
def test_a_damaged_chunk_is_named_with_its_store_and_array(
    damaged_at: tuple[Path, str, Path], harm: str
) -> None:
    store, name, chunk = damaged_at
    HARMS[harm](chunk)
    key = re.escape(chunk.relative_to(store).as_posix())
    with pytest.raises(StoreError, match=key) as caught:
        Store(store).read(name)
    assert digest_path(store).exists(), "whatever only looks changes nothing"
    with pytest.raises(StoreError, match=key), withdrawing():
        Store(store).read(name)
    message = str(caught.value)
    assert f"{store}: the array {name!r} is damaged" in message
    assert f"snakemake --cores all --force {store}.digest.json" in message
    assert not digest_path(store).exists(), "the workflow has to make it again"


@pytest.mark.parametrize("harm", HARMS, ids=str)
def test_the_other_arrays_and_the_other_chunks_are_still_read(
    damaged_at: tuple[Path, str, Path], harm: str
) -> None:
    store, name, chunk = damaged_at
    HARMS[harm](chunk)
    for other in VALUES.keys() - {name}:
        np.testing.assert_array_equal(Store(store).read(other), VALUES[other])
    if name == "maps" and chunk.exists():
        np.testing.assert_array_equal(Store(store).array("maps")[:4], VALUES["maps"][:4])


def test_plain_xarray_reads_the_store_and_sees_the_damage_too(
    damaged_at: tuple[Path, str, Path],
) -> None:
    store, name, chunk = damaged_at
    with xr.open_zarr(store) as found:
        whole = found[name].to_numpy()
    assert whole.tolist() == VALUES[name].tolist()
    # Text has a type of its own in each version of xarray.
    if name != "names":
        assert whole.dtype == Store(store).read(name).dtype == VALUES[name].dtype
    flip(chunk, chunk.stat().st_size // 2)
    with xr.open_zarr(store) as found, pytest.raises(ValueError, match="checksum"):
        found[name].to_numpy()


def test_plain_xarray_takes_a_missing_chunk_of_numbers_for_no_number(
    damaged_at: tuple[Path, str, Path],
) -> None:
    store, name, chunk = damaged_at
    chunk.unlink()
    with xr.open_zarr(store) as found:
        values = found[name].to_numpy()
    missing = np.isnan(values) if name != "names" else values == ""
    lost = {"maps": 2 * 4 * 3 * 3, "scores": 12, "names": 6, "one": 1}
    assert missing.sum() == lost[name]


def test_all_damaged_chunks_are_found(damaged_at: tuple[Path, str, Path]) -> None:
    store, _, _ = damaged_at
    files = sorted((store / "maps" / "c").glob("*/*/0/0"))
    assert len(files) == N_CHUNKS
    flip(files[0], 3)
    files[4].unlink()
    found = list(damage(store, "maps", Store(store).raw("maps")))
    assert len(found) == 2
    assert "checksum" in found[0]
    assert "missing" in found[1]


def test_every_chunk_has_a_checksum_and_is_one_of_zarrs_own(
    damaged_at: tuple[Path, str, Path],
) -> None:
    store, name, _ = damaged_at
    array = zarr.open_group(store, mode="r")[name]
    assert array.metadata.to_dict()["codecs"][-1] == {"name": "crc32c"}


def test_rotten_data_have_another_digest(damaged_at: tuple[Path, str, Path]) -> None:
    store, _, chunk = damaged_at
    assert data_digest(store) == read_digest(store)
    flip(chunk, 0)
    assert data_digest(store) != read_digest(store)


def test_a_store_that_was_not_written_whole_does_not_get_its_name(tmp_path: Path) -> None:
    def stop_early() -> None:
        with StoreWriter(tmp_path / "a.zarr", {}) as writer:
            array = writer.create("x", ("i", "j"), (3, 4), "float32", chunks=(2, 4))
            array[:2] = 1

    with pytest.raises(StoreError, match="not written completely"):
        stop_early()
    assert list(tmp_path.iterdir()) == []


def test_two_writers_of_one_store_do_not_mix(tmp_path: Path, monkeypatch: Any) -> None:
    def first_is_overtaken() -> None:
        with StoreWriter(tmp_path / "a.zarr", {}) as first:
            array = first.create("x", ("i",), (4,), "float64", chunks=(2,))
            array[:2] = 1
            # As by the job of a new Snakemake, when the old one was killed and its job was not.
            write_store(tmp_path / "a.zarr", {"x": Variable(("i",), np.full(4, 2.0))}, {}, {})
            array[2:] = 1

    with pytest.raises(StoreError, match="not written completely"):
        first_is_overtaken()
    assert Store(tmp_path / "a.zarr").read("x").tolist() == [2, 2, 2, 2]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.zarr", "a.zarr.digest.json"]


def test_leftovers_of_a_killed_writer_go_with_the_next(tmp_path: Path) -> None:
    for name in (".a.zarr.partial", ".a.zarr.77.partial", ".a.zarr.77.old.partial"):
        (tmp_path / name / "x").mkdir(parents=True)
    (tmp_path / ".a.zarr.digest.json.5.partial").write_text("{")
    (tmp_path / ".b.zarr.77.partial").mkdir()
    write_store(tmp_path / "a.zarr", {"x": Variable(("i",), np.ones(3))}, {}, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        ".b.zarr.77.partial",
        "a.zarr",
        "a.zarr.digest.json",
    ]


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    """A store of one array."""
    write_store(tmp_path / "a.zarr", {"x": Variable(("i",), np.ones(3))}, {}, {"n": 3})
    return tmp_path / "a.zarr"


def metadata(store: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((store / "zarr.json").read_text())
    return content


def test_metadata_say_their_own_checksum(plain: Path) -> None:
    content = metadata(plain)
    assert content["attributes"][METADATA_DIGEST] == metadata_digest(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace('"n": 3', '"n": 2'),
        lambda text: text.replace('"float64"', '"float32"'),
        lambda text: text.replace('"shape"', '"shap"', 1),
        lambda text: text[:-40],
        lambda text: "",
        lambda text: "null",
        lambda text: "[" * 100_000,
    ],
)
def test_damaged_metadata_are_refused(plain: Path, change: Any) -> None:
    text = (plain / "zarr.json").read_text()
    assert change(text) != text
    (plain / "zarr.json").write_text(change(text))
    with pytest.raises(StoreError, match=r"(?s)a\.zarr.*zarr\.json is damaged.*--force"):
        Store(plain)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("attributes", "array"),
        ("attributes", ["ab"]),
        ("shape", "3"),
        ("shape", [-3]),
        ("shape", [True]),
        ("shape", [3, 3]),
        ("chunk_grid", {"name": "regular", "configuration": {"chunk_shape": [0]}}),
        ("chunk_grid", {"name": "regular", "configuration": {"chunk_shape": 3}}),
        ("dimension_names", "i"),
        ("dimension_names", ["i", "j"]),
    ],
)
def test_metadata_that_lie_are_refused_when_the_store_is_opened(
    plain: Path, key: str, value: Any
) -> None:
    """With a checksum that fits, which damage would not have."""
    content = metadata(plain)
    content["consolidated_metadata"]["metadata"]["x"][key] = value
    content["attributes"][METADATA_DIGEST] = metadata_digest(content)
    (plain / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(StoreError, match=r"(?s)a\.zarr: zarr\.json is damaged.*x has the "):
        Store(plain)


def test_a_codec_that_would_run_code_is_refused_by_name(plain: Path) -> None:
    content = metadata(plain)
    content["consolidated_metadata"]["metadata"]["x"]["codecs"][0] = {"name": "numcodecs.pickle"}
    content["attributes"][METADATA_DIGEST] = metadata_digest(content)
    (plain / "zarr.json").write_text(json.dumps(content))
    with pytest.raises(StoreError, match=r"(?s)not run.*numcodecs\.pickle"):
        Store(plain)


def test_a_store_of_the_old_format_with_a_pickle_is_not_read(tmp_path: Path) -> None:
    class Harm:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.write_text, (tmp_path / "ran", "x")

    folder = tmp_path / "old.zarr"
    (folder / "x").mkdir(parents=True)
    (folder / ".zgroup").write_text('{"zarr_format": 2}')
    (folder / "x" / ".zarray").write_text(
        json.dumps(
            {
                "zarr_format": 2,
                "shape": [1],
                "chunks": [1],
                "dtype": "|O",
                "fill_value": None,
                "order": "C",
                "compressor": None,
                "filters": [{"id": "pickle"}],
            }
        )
    )
    (folder / "x" / "0").write_bytes(pickle.dumps(Harm()))
    with pytest.raises(StoreError, match="not a complete store"):
        Store(folder)
    assert not (tmp_path / "ran").exists()
