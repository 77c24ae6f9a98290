"""Digests are of data, not of provenance, and are checked against what is on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import StoreError
from bandprobe.store.digests import (
    data_digest,
    digest_path,
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
    first = store(tmp_path / "a.zarr", [1.0, 2.0], {"code": "1"})
    assert store(tmp_path / "b.zarr", [1.0, 2.0], {"code": "2"}) == first
    assert store(tmp_path / "c.zarr", [1.0, 2.5], {"code": "1"}) != first
    assert store(tmp_path / "d.zarr", [1.0, 2.0], {"code": "1"}, dim="y") != first
    (tmp_path / "a.zarr" / ".snakemake_timestamp").touch()
    assert data_digest(tmp_path / "a.zarr") == first
    assert read_digest(tmp_path / "a.zarr") == first


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
