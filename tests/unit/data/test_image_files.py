"""A user's files are known by what they contain; times only say where to look."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from bandprobe.data import image_files
from bandprobe.data.image_files import (
    keep_times,
    list_files,
    read_contents,
    read_record,
    state_now,
    write_record,
)
from bandprobe.data.images import SUFFIXES

SECOND = 10**9


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two classes of two images, and a file that is none."""
    for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png", "b/notes.txt"):
        file = tmp_path / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(name.encode())
    return tmp_path / "images"


@pytest.fixture
def record(tmp_path: Path, folder: Path) -> Path:
    """Made from the folder, whose image `b/1.png` no split uses."""
    used = [folder / name for name in ("a/0.png", "a/1.png", "b/0.png")]
    contents = dict(zip(used, read_contents(used), strict=True))
    record = tmp_path / "record.parquet"
    write_record(record, "known", list_files([folder], SUFFIXES), [folder], contents)
    return record


def now(folder: Path, record: Path) -> str:
    return state_now([folder], SUFFIXES, record)


def later(file: Path) -> None:
    status = file.stat()
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + SECOND))


def test_without_a_record_names_sizes_and_times_count(folder: Path, tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.parquet"
    before = now(folder, nothing)
    (folder / "b" / "notes.txt").write_text("other words")
    assert now(folder, nothing) == before
    later(folder / "a" / "0.png")
    assert now(folder, nothing) != before
    assert now(tmp_path / "missing", nothing) == now(tmp_path / "missing too", nothing)


@pytest.mark.parametrize(
    "same",
    [
        lambda folder: None,
        lambda folder: later(folder / "a" / "0.png"),
        lambda folder: (folder / "a" / "new.txt").write_text("no image"),
        lambda folder: (folder / "b" / "1.png").write_bytes(b"not used"),
        lambda folder: shutil.copy(folder / "a/0.png", folder / "c").replace(folder / "a/0.png"),
    ],
    ids=["nothing", "touched", "no image", "not used", "put in its place again"],
)
def test_the_same_data_are_known(
    folder: Path, record: Path, same: Callable[[Path], object]
) -> None:
    same(folder)
    assert now(folder, record) == "known"


def test_a_copy_under_another_name_is_known(folder: Path, record: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    later(tmp_path / "copy" / "a" / "1.png")
    assert now(tmp_path / "copy", record) == "known"


def older_of_equal_size(folder: Path) -> None:
    """Another image of the same size and time, moved to the place of one."""
    file, other = folder / "a" / "0.png", folder / "other"
    status = file.stat()
    other.write_bytes(b"A/0.png")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    os.replace(other, file)
    assert (file.stat().st_size, file.stat().st_mtime_ns) == (status.st_size, status.st_mtime_ns)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "a" / "0.png").write_bytes(b"A/0.png"),
        lambda folder: (folder / "a" / "2.png").write_bytes(b"new"),
        lambda folder: (folder / "b" / "1.png").unlink(),
        lambda folder: (folder / "b" / "0.png").rename(folder / "b" / "3.png"),
        older_of_equal_size,
    ],
    ids=["content", "new", "gone, though not used", "renamed", "swapped, same size and time"],
)
def test_other_data_are_not(folder: Path, record: Path, change: Callable[[Path], object]) -> None:
    change(folder)
    first = now(folder, record)
    assert first != "known"
    assert now(folder, record) == first, "the plan and its job agree"


def test_only_files_of_other_times_are_read(
    folder: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def spy(path: Path) -> str:
        read.append(path.name)
        return "other"

    monkeypatch.setattr(image_files, "file_digest", spy)
    assert now(folder, record) == "known"
    assert read == []
    later(folder / "a" / "1.png")
    later(folder / "b" / "1.png")
    assert now(folder, record) != "known"
    assert read == ["1.png"]


def test_new_times_are_kept_when_a_run_starts(
    folder: Path, record: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = record.read_bytes()
    later(folder / "a" / "0.png")
    assert now(folder, record) == "known"
    assert record.read_bytes() == before, "a plan writes nothing"
    keep_times()
    monkeypatch.setattr(image_files, "file_digest", lambda path: pytest.fail(f"{path} was read"))
    assert now(folder, record) == "known"
    known = read_record(record)
    assert known
    assert set(known.contents) == {"0/a/0.png", "0/a/1.png", "0/b/0.png"}


def test_a_damaged_record_is_none(folder: Path, record: Path) -> None:
    record.write_bytes(record.read_bytes()[:-20])
    assert now(folder, record) == now(folder, record.with_name("nothing.parquet"))
