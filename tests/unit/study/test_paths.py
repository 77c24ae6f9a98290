"""Patterns of paths, and their wildcards."""

from __future__ import annotations

from bandprobe.store.digests import digest_path
from bandprobe.study.paths import Paths, fill


def test_some_wildcards_are_filled_in_and_the_last_varies_fastest() -> None:
    assert fill("{a}/{b}/{c}.zarr", a="x", b=["1", "2"]) == ["x/1/{c}.zarr", "x/2/{c}.zarr"]
    assert fill("{a}{b}", a=["x", "y"], b=("1", "2")) == ["x1", "x2", "y1", "y2"]
    assert fill("{a}{b}", b=("1", "2"), a=["x", "y"]) == ["x1", "y1", "x2", "y2"]
    assert fill("{a}") == ["{a}"]
    assert fill("{a}", a=[]) == []


def test_a_wildcard_can_stand_for_itself() -> None:
    assert fill("{a}/{b}", a="{a}", b="1") == ["{a}/1"]


def test_digests_lie_where_stores_write_them() -> None:
    for path in (Paths.SPECTRA, Paths.MANIFEST, Paths.IMAGES):
        assert Paths.digest(path) == str(digest_path(path))
    assert Paths.digests(["a", "b"]) == [Paths.digest("a"), Paths.digest("b")]
