"""Stores are whole or absent, labelled, and known by a digest of their data."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bandprobe.base.files import write_json, write_text
from bandprobe.base.folders import replace_folder
from bandprobe.errors import StoreError
from bandprobe.store import digests, zarr_store
from bandprobe.store.digests import data_digest, digest_path, file_digest, read_digest, write_digest
from bandprobe.store.encoding import Codec
from bandprobe.store.zarr_store import Store, StoreWriter, Variable, write_store

VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def write(
    path: Path,
    values: np.ndarray = VALUES,
    dims: tuple[str, str] = ("sample", "band"),
    **attrs: object,
) -> Path:
    """A small store with both kinds of coordinates."""
    write_store(
        path,
        {"energy": Variable(dims, values, {"units": "1", "long_name": "energy"})},
        {
            "band": Variable(("band",), np.array(["a", "b", "c", "d"])),
            "label": Variable(("sample",), np.array([2, 0, 1])),
        },
        attrs,
    )
    return path


def test_a_store_opens_with_xarray(tmp_path: Path) -> None:
    with xr.open_zarr(write(tmp_path / "a.zarr", code="x")) as found:
        assert found["energy"].dims == ("sample", "band")
        assert found["energy"].attrs["units"] == "1"
        np.testing.assert_array_equal(found["energy"], VALUES)
        assert set(found.coords) == {"band", "label"}
        assert found["band"].to_numpy().tolist() == ["a", "b", "c", "d"]
        np.testing.assert_array_equal(found["energy"].sel(band="c"), VALUES[:, 2])
        assert found["label"].dims == ("sample",)
        assert found.attrs["code"] == "x"


def test_a_store_reads_back(tmp_path: Path) -> None:
    store = Store(write(tmp_path / "deep" / "a.zarr", code="x"))
    np.testing.assert_array_equal(store.read("energy"), VALUES)
    assert store.read("energy").dtype == np.float32
    assert store.labels("band") == ("a", "b", "c", "d")
    assert store.attrs["code"] == "x"
    assert "energy" in store
    assert "other" not in store


@pytest.mark.parametrize("dtype", ["float16", "float64", "int64", "bool"])
def test_types_are_kept(tmp_path: Path, dtype: str) -> None:
    write_store(tmp_path / "a", {"x": Variable(("i",), np.array([0, 1, 1], dtype))}, {}, {})
    found = Store(tmp_path / "a").read("x")
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, [0, 1, 1])


def test_missing_and_not_a_number_values_are_kept(tmp_path: Path) -> None:
    values = np.array([np.nan, 0.0, -0.0, np.inf])
    write_store(tmp_path / "a", {"x": Variable(("i",), values)}, {}, {})
    np.testing.assert_array_equal(Store(tmp_path / "a").read("x"), values)


def test_arrays_are_filled_by_slices_in_chunks(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "a", {}) as writer:
        array = writer.create("x", ("sample", "band"), (3, 4), "float32", chunks=(2, 4))
        array[:2], array[2:] = VALUES[:2], VALUES[2:]
    found = Store(tmp_path / "a").array("x")
    assert found.chunks == (2, 4)
    np.testing.assert_array_equal(found[1:], VALUES[1:])


def test_large_arrays_are_written_in_chunks_of_samples(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bandprobe.store.zarr_store.LARGEST_CHUNK", 300)
    monkeypatch.setattr("bandprobe.store.zarr_store.CHUNK_BYTES", 100)
    dims = {"small": ("sample",), "large": ("band", "sample"), "other": ("band", "class")}
    values = {"small": np.arange(30.0), "large": np.arange(60.0).reshape(2, 30)}
    values["other"] = values["large"]
    variables = {name: Variable(dims[name], of) for name, of in values.items()}
    write_store(tmp_path / "a.zarr", variables, {}, {})
    store = Store(tmp_path / "a.zarr")
    chunks = {name: store.array(name).chunks for name in values}
    assert chunks == {"small": (30,), "large": (2, 6), "other": (2, 30)}
    for name, of in values.items():
        np.testing.assert_array_equal(store.read(name), of)


def test_an_error_leaves_nothing_behind(tmp_path: Path) -> None:
    def fail() -> None:
        with StoreWriter(tmp_path / "a.zarr", {}) as writer:
            writer.write("x", Variable(("i",), np.ones(3)))
            raise KeyError("stop")

    with pytest.raises(KeyError, match="stop"):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_store_has_not_yet_its_name(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "a.zarr", {}) as writer:
        writer.write("x", Variable(("i",), np.ones(3)))
        assert not (tmp_path / "a.zarr").exists()
    assert sorted(item.name for item in tmp_path.iterdir()) == ["a.zarr", "a.zarr.digest.json"]


def test_writing_again_replaces_the_whole_store(tmp_path: Path) -> None:
    write(tmp_path / "a")
    write_store(tmp_path / "a", {"x": Variable(("i",), np.ones(3))}, {}, {})
    store = Store(tmp_path / "a")
    assert "energy" not in store
    np.testing.assert_array_equal(store.read("x"), 1)


def test_digest_depends_on_the_data_and_not_on_provenance_or_place(tmp_path: Path) -> None:
    first = write(tmp_path / "a", code_digest="x")
    write(tmp_path / "b" / "c", code_digest="y", config="{}")
    assert read_digest(first) == read_digest(tmp_path / "b" / "c") == data_digest(first)


@pytest.mark.parametrize(
    ("values", "dims"),
    [
        (VALUES + np.eye(3, 4, dtype=np.float32), ("sample", "band")),
        (VALUES.astype(np.float64), ("sample", "band")),
        (VALUES, ("image", "band")),
    ],
    ids=["values", "type", "dimensions"],
)
def test_digest_differs_for_other_data(
    tmp_path: Path, values: np.ndarray, dims: tuple[str, str]
) -> None:
    write(tmp_path / "a")
    write(tmp_path / "b", values, dims)
    assert read_digest(tmp_path / "a") != read_digest(tmp_path / "b")


def test_digest_differs_for_another_shape_of_the_same_bytes(tmp_path: Path) -> None:
    for name, shape in (("a", (2, 6)), ("b", (3, 4))):
        write_store(tmp_path / name, {"x": Variable(("i", "j"), np.zeros(shape))}, {}, {})
    assert read_digest(tmp_path / "a") != read_digest(tmp_path / "b")


@pytest.mark.parametrize("codec", ["none", "zstd", "blosc-lz4"])
def test_chunks_are_hashed_as_they_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, codec: Codec
) -> None:
    """The digest is that of the files, of which none is read but what was laid beside them."""
    read: list[str] = []

    def counted(path: Path) -> str:
        read.append(path.relative_to(tmp_path / "a.zarr").as_posix())
        return file_digest(path)

    monkeypatch.setattr(digests, "file_digest", counted)
    values = np.random.default_rng(0).standard_normal((6, 40, 50)).astype(np.float32)
    with StoreWriter(tmp_path / "a.zarr", {"flags": "none"}) as writer:
        writer.write("label", Variable(("sample",), np.array(["a", "b"])), coordinate=True)
        maps = writer.create(
            "maps", "syx", values.shape, "float32", chunks=(4, 40, 50), codec=codec
        )
        # Chunks that are written in two steps have the digest of the last one.
        for start in range(0, 6, 3):
            maps[start : start + 3] = values[start : start + 3]
        other = writer.create("other", "sy", (2, 3), "uint8", chunks=(1, 3))
        other[0] = 7
        # Another way to write, as when shards are joined.
        chunk = writer.folder / "other" / "c"
        (chunk / "1").mkdir()
        shutil.copyfile(chunk / "0" / "0", chunk / "1" / "0")
    assert read == ["other/c/1/0"]
    monkeypatch.undo()
    assert read_digest(tmp_path / "a.zarr") == data_digest(tmp_path / "a.zarr")
    np.testing.assert_array_equal(Store(tmp_path / "a.zarr").read("maps"), values)


def test_digest_of_files_and_folders_is_that_of_their_contents(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("one")
    assert write_digest(tmp_path / "a") == write_digest(tmp_path / "b")
    (tmp_path / "b" / "f").write_text("two")
    assert write_digest(tmp_path / "b") != read_digest(tmp_path / "a")
    assert write_digest(tmp_path / "a" / "f") == file_digest(tmp_path / "a" / "f")
    assert digest_path(tmp_path / "a") == tmp_path / "a.digest.json"


def test_a_missing_store_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="gone"):
        Store(tmp_path / "gone.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(StoreError, match="not a complete store"):
        Store(tmp_path / "empty.zarr")


def test_a_missing_array_is_refused_with_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"(?s)'enrgy'.*band, energy, label"):
        Store(write(tmp_path / "a")).read("enrgy")


def test_json_and_text_replace_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_text(path, "old")
    write_json(path, {"a": [1, None]})
    assert path.read_text() == '{\n "a": [\n  1,\n  null\n ]\n}\n'
    assert [item.name for item in path.parent.iterdir()] == ["a.json"]


def test_json_refuses_what_json_cannot_hold(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nan"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    replace_folder(tmp_path / "f", {"old": b"1", "both": b"1"}.items())
    replace_folder(tmp_path / "f", {"new": b"2", "both": b"2"}.items())
    found = {item.name: item.read_bytes() for item in (tmp_path / "f").iterdir()}
    assert found == {"new": b"2", "both": b"2"}
    assert [item.name for item in tmp_path.iterdir()] == ["f"]


def test_a_store_made_in_memory_is_the_one_that_is_written_array_by_array(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    variables = {
        "score": Variable(("band", "sample"), rng.normal(size=(3, 4)), {"units": "1"}),
        "rounded": Variable(("sample",), rng.normal(size=4).astype(np.float32)),
        "total": Variable((), np.array(7)),
        "none": Variable(("empty",), np.empty(0)),
    }
    coordinates = {
        "band": Variable(("band",), np.array(["low", "mid", "high"])),
        "label": Variable(("sample",), np.arange(4)),
    }
    for name, small in (("memory", zarr_store.SMALL), ("arrays", 0)):
        monkeypatch.setattr(zarr_store, "SMALL", small)
        write_store(tmp_path / name / "a.zarr", variables, coordinates, {"code": "x"})
    made = {
        name: {
            str(file.relative_to(tmp_path / name)): file.read_bytes()
            for file in (tmp_path / name).rglob("*")
            if file.is_file()
        }
        for name in ("memory", "arrays")
    }
    assert made["memory"] == made["arrays"]
    assert len(made["memory"]) > 10


def test_files_that_another_removes_while_a_small_store_is_written_are_missed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = Path.write_bytes

    def disturbed(file: Path, content: bytes) -> int:
        # As a run would that takes this one for dead.
        if file.parent.name == "late":
            shutil.rmtree(file.parent.parent)
            file.parent.mkdir(parents=True)
        return write(file, content)

    monkeypatch.setattr(Path, "write_bytes", disturbed)
    arrays = {name: Variable(("x",), np.arange(3)) for name in ("early", "late")}
    with pytest.raises(StoreError, match=r"missing chunks of early, zarr\.json"):
        write_store(tmp_path / "a.zarr", arrays, {}, {})
    assert list(tmp_path.iterdir()) == []
