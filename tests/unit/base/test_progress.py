"""Progress is legible in a log, and is a bar in a terminal."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandprobe.base import progress
from bandprobe.base.progress import NOTES, TERMINAL, Lines, tracked

LOOP = (
    "import logging, sys; from bandprobe.base.progress import tracked; "
    "logging.basicConfig(level=logging.INFO, format='%(message)s'); "
    "print(sum(tracked(range(5), 5, 'images', 'net/train')))"
)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def lines_of(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records]


def test_a_line_tells_share_rate_and_time_left(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    clock = Clock()
    lines = Lines(1000, "images", "net/train", clock)
    for _ in range(4):
        clock.now += 20
        lines.add(50)
    # Lines at 40 s and at 80 s: 30 s must have passed since the last.
    assert lines_of(caplog) == [
        "net/train: 100 of 1000 images (10 %), 2.5 images/s, 6 min left",
        "net/train: 200 of 1000 images (20 %), 2.5 images/s, 5 min left",
    ]
    caplog.clear()
    clock.now += 20
    lines.end()
    assert lines_of(caplog) == ["net/train: 200 of 1000 images in 2 min, 2 images/s"]


def test_items_pass_unchanged_and_are_counted_by_their_size(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    batches = [[1, 2, 3], [4, 5]]
    assert list(tracked(batches, 5, "images", "it", len)) == batches
    (line,) = lines_of(caplog)
    assert line.startswith("it: 5 of 5 images in ")


def test_what_went_wrong_inside_a_loop_is_raised() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise ValueError("inside")

    with pytest.raises(ValueError, match="inside"):
        list(tracked(broken(), 2, "images", "it"))


def test_the_terminal_of_the_workflow_gets_the_lines_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = tmp_path / "screen"
    monkeypatch.setenv(TERMINAL, str(screen))
    monkeypatch.setattr(progress, "INTERVAL_S", 0.0)
    assert sum(tracked(range(4), 4, "fits", "it")) == 6
    lines = screen.read_text().splitlines()
    assert [line.partition(" fits")[0] for line in lines] == [
        f"it: {count} of 4" for count in (1, 2, 3)
    ]


def test_a_terminal_that_is_gone_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(TERMINAL, str(tmp_path / "nowhere" / "tty"))
    monkeypatch.setattr(progress, "INTERVAL_S", 0.0)
    assert sum(tracked(range(4), 4, "fits", "it")) == 6


def test_a_status_line_gets_notes_of_the_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = tmp_path / "notes"
    monkeypatch.setenv(NOTES, str(notes))
    clock = Clock()
    lines = Lines(100, "images", "net/train", clock)
    for seconds, count in [(0.1, 10), (0.1, 10), (0.4, 10), (0.1, 20), (0.1, 50)]:
        clock.now += seconds
        lines.add(count)
    # Half a second after the last, and at the end.
    assert [json.loads(line) for line in notes.read_text().splitlines()] == [
        {"what": "net/train", "unit": "images", "done": done, "total": 100} for done in (30, 100)
    ]


def test_a_log_has_whole_lines_only() -> None:
    done = subprocess.run([sys.executable, "-c", LOOP], capture_output=True, check=True)
    assert b"\r" not in done.stderr
    assert done.stderr.startswith(b"net/train: 5 of 5 images in ")
    assert done.stdout == b"10\n"


def test_a_terminal_shows_a_bar() -> None:
    screen, end = pty.openpty()
    termios.tcsetwinsize(end, (25, 80))
    done = subprocess.run(
        [sys.executable, "-c", LOOP], stdout=subprocess.PIPE, stderr=end, check=True
    )
    os.close(end)
    shown = os.read(screen, 10_000)
    os.close(screen)
    assert done.stdout == b"10\n"
    assert b"\r" in shown
    assert b"5/5" in shown
