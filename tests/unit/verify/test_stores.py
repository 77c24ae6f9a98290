"""What verification says of a store's digest."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import BandprobeError
from bandprobe.store.digests import digest_path
from bandprobe.store.zarr_store import Variable, write_store
from bandprobe.verify.stores import Expected, store_problems
from bandprobe.verify.study import Stage, require_intact


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "a.zarr"
    write_store(path, {"a": Variable(("x",), np.arange(3.0))}, {}, {"flags": "[]"})
    return path


def test_an_intact_store_has_no_problem(store: Path) -> None:
    assert list(store_problems(store, Expected())) == []


def test_a_digest_of_an_earlier_version_is_no_damage(store: Path) -> None:
    digest_path(store).write_text(json.dumps({"sha256": "0" * 64}))
    stage = Stage("mine", "probes", "stores")
    stage.check(str(store), f"{store}.digest.json", store_problems(store, Expected()))
    with pytest.raises(BandprobeError) as caught:
        require_intact([stage])
    assert f"{store}: has a digest of an earlier version, which says" in str(caught.value)
    assert f"make it again: snakemake --cores all --force {store}.digest.json" in str(caught.value)


def test_another_digest_of_this_version_is_damage(store: Path) -> None:
    record = json.loads(digest_path(store).read_text())
    digest_path(store).write_text(json.dumps(record | {"sha256": "0" * 64}))
    (problem,) = store_problems(store, Expected())
    assert problem.startswith("does not match its digest: SHA-256 000")
