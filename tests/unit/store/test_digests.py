"""Digests are of what later stages compute from, and are checked against what is on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import StoreError
from bandprobe.store.digests import (
    VERSION,
    data_digest,
    digest_path,
    is_of_another_version,
    kept_digests,
    read_digest,
    require_digest,
    write_digest,
)
from bandprobe.store.withdrawal import withdrawing
from bandprobe.store.zarr_store import Variable, write_store


def store(path: Path, values: list[float], attrs: dict[str, str], dim: str = "x") -> str:
    write_store(path, {"a": Variable((dim,), np.array(values))}, {}, attrs)
    return data_digest(path)


def test_a_digest_is_of_data_and_names_but_not_of_provenance(tmp_path: Path) -> None:
    first = store(tmp_path / "a.zarr", [1.0, 2.0], {"code_digest": "1"})
    assert store(tmp_path / "b.zarr", [1.0, 2.0], {"code_digest": "2"}) == first
    assert store(tmp_path / "c.zarr", [1.0, 2.5], {"code_digest": "1"}) != first
    assert store(tmp_path / "d.zarr", [1.0, 2.0], {"code_digest": "1"}, dim="y") != first
    (tmp_path / "a.zarr" / ".snakemake_timestamp").touch()
    assert data_digest(tmp_path / "a.zarr") == first
    assert read_digest(tmp_path / "a.zarr") == first


def test_a_digest_is_of_what_later_stages_compute_from(tmp_path: Path) -> None:
    first = store(tmp_path / "a.zarr", [1.0], {"flags": "[]", "window": "none"})
    assert store(tmp_path / "b.zarr", [1.0], {"window": "none", "flags": "[]"}) == first
    for number, attrs in enumerate(({"flags": '["x"]', "window": "none"}, {"flags": "[]"})):
        assert store(tmp_path / f"{number}.zarr", [1.0], attrs) != first

    def of_array(name: str, attrs: dict[str, object]) -> str:
        write_store(tmp_path / name, {"a": Variable(("x",), np.zeros(1), attrs)}, {}, {})
        return data_digest(tmp_path / name)

    route = of_array("c.zarr", {"prefix_route": "none", "units": "logits"})
    assert of_array("d.zarr", {"prefix_route": "none", "units": "1", "long_name": "x"}) == route
    assert of_array("e.zarr", {"prefix_route": "total", "units": "logits"}) != route


def test_digests_of_an_earlier_version_are_told_from_others(tmp_path: Path) -> None:
    path = tmp_path / "a.zarr"
    digest = store(path, [1.0], {})
    record = json.loads(digest_path(path).read_text())
    assert record == {"sha256": digest, "version": VERSION}
    assert not is_of_another_version(path)
    for earlier in ({"sha256": digest}, {"sha256": digest, "version": VERSION - 1}):
        digest_path(path).write_text(json.dumps(earlier))
        assert is_of_another_version(path)
    digest_path(path).write_text("[")
    assert not is_of_another_version(path)
    # Digests of files have no version: they have always been those of their bytes.
    file = tmp_path / "a.txt"
    file.write_bytes(b"text")
    write_digest(file)
    assert not is_of_another_version(file)
    assert not is_of_another_version(tmp_path / "missing")


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"text")
    assert write_digest(path) == hashlib.sha256(b"text").hexdigest() == read_digest(path)
    assert json.loads((tmp_path / "a.txt.digest.json").read_text()) == {"sha256": read_digest(path)}


@pytest.mark.parametrize("content", [None, "", "[]", "{}", "no JSON"])
def test_a_digest_that_cannot_be_read_is_an_error(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        digest_path(tmp_path / "a.txt").write_text(content)
    with pytest.raises(StoreError, match="its digest cannot be read"):
        read_digest(tmp_path / "a.txt")


def test_a_file_that_was_changed_loses_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"text")
    require_digest(path)
    write_digest(path)
    require_digest(path)
    path.write_bytes(b"tent")
    with pytest.raises(StoreError, match="damaged on disk"):
        require_digest(path)
    assert digest_path(path).exists(), "whatever only looks changes nothing"
    with pytest.raises(StoreError, match="damaged on disk"), withdrawing():
        require_digest(path)
    assert not digest_path(path).exists()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"files": 1}', "no JSON"])
def test_digests_that_were_not_kept_are_none(tmp_path: Path, content: str) -> None:
    digest_path(tmp_path / "a.zarr").write_text(content)
    assert kept_digests(tmp_path / "a.zarr") == {}
    assert kept_digests(tmp_path / "b.zarr") == {}
