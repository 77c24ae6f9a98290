"""Files are read once, and again only when they may have changed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bandprobe.store.digests import file_digest
from bandprobe.workflow import kept_digests
from bandprobe.workflow.kept_digests import KeptDigests


def test_a_file_is_read_once_and_after_a_swap(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = []

    def spy(path: Path) -> str:
        read.append(path.name)
        return file_digest(path)

    monkeypatch.setattr(kept_digests, "file_digest", spy)
    weights, other, kept = (tmp_path / name for name in ("w.pth", "other.pth", "kept.json"))
    weights.write_bytes(b"one")
    other.write_bytes(b"two")
    os.utime(other, ns=(0, weights.stat().st_mtime_ns))
    first = KeptDigests(kept)
    assert first.of(weights) == first.of(weights) == file_digest(weights)
    first.save()
    again = KeptDigests(kept)
    assert again.of(weights) == file_digest(weights)
    assert read == ["w.pth"]
    # Of the same size and time: `mv` keeps it.
    os.replace(other, weights)
    assert again.of(weights) == file_digest(weights)
    assert read == ["w.pth", "w.pth"]


def test_nothing_is_kept_where_nothing_can_be_written(tmp_path: Path) -> None:
    file = tmp_path / "w.pth"
    file.write_bytes(b"one")
    digests = KeptDigests(tmp_path / "missing" / "kept.json")
    assert digests.of(file) == file_digest(file)
    digests.save()
    assert not (tmp_path / "missing").exists()


@pytest.mark.parametrize("content", ["", "[]", '{"x": 1}', '{"x": {"state": 1}}'])
def test_damaged_digests_are_read_anew(tmp_path: Path, content: str) -> None:
    file, kept = tmp_path / "w.pth", tmp_path / "kept.json"
    file.write_bytes(b"one")
    kept.write_text(content)
    assert KeptDigests(kept).of(file) == file_digest(file)
