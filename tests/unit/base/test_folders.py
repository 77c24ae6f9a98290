"""A folder takes its name when all its files are there; no name leads out of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bandprobe.base.folders import inside, replace_folder
from bandprobe.errors import StoreError


def test_a_folder_is_replaced_with_all_its_files_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "photos"
    replace_folder(path, [("a/b.txt", b"1"), ("c.txt", b"2")])
    replace_folder(path, [("d.txt", b"3")])
    assert [item.name for item in path.iterdir()] == ["d.txt"]
    with pytest.raises(StoreError, match="leads out of the folder"):
        replace_folder(path, [("e.txt", b"4"), ("../out.txt", b"5")])
    assert [item.name for item in path.iterdir()] == ["d.txt"]
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["../a", "/a", "b/../../a", "", "a\0b"])
def test_names_that_lead_out_of_a_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="leads out of the folder"):
        inside(tmp_path, name)


def test_names_within_a_folder_are_taken(tmp_path: Path) -> None:
    assert inside(tmp_path, "a/..b") == tmp_path / "a" / "..b"
