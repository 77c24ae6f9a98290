"""Files and folders get their name only once they are complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bandprobe.base.files import fresh_partial, remove, replacing, write_json, write_text


def test_a_file_that_was_not_finished_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "new" / "a.txt"
    write_text(path, "first")

    def fail(path: Path) -> None:
        with replacing(path) as partial:
            partial.write_text("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail(path)
    assert path.read_text() == "first"
    assert list(path.parent.iterdir()) == [path]


def test_json_has_no_values_that_other_readers_refuse(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": [1, None]})
    assert json.loads((tmp_path / "a.json").read_text()) == {"x": [1, None]}
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "b.json", {"x": float("nan")})
    assert not (tmp_path / "b.json").exists()


def test_leftovers_of_killed_processes_go_and_other_files_stay(tmp_path: Path) -> None:
    leftovers = [".a.zarr.12.partial", ".a.zarr.0af3.old.partial", ".a.zarr.partial"]
    others = [".b.zarr.12.partial", "a.zarr", ".a.zarr.x.partial"]
    for name in leftovers + others:
        (tmp_path / name).mkdir()
    partial = fresh_partial(tmp_path / "a.zarr")
    assert fresh_partial(tmp_path / "a.zarr") != partial, "not even in one process"
    partial.mkdir()
    fresh_partial(tmp_path / "a.zarr")
    assert {item.name for item in tmp_path.iterdir()} == set(others)


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "folder")
    remove(tmp_path / "link")
    remove(tmp_path / "nothing")
    assert [item.name for item in tmp_path.iterdir()] == ["folder"]
