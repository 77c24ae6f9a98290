"""What has to hold before a run starts."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from bandprobe.errors import BandprobeError
from bandprobe.workflow import startup
from bandprobe.workflow.startup import STAMP, none_later_than_now, prepare_results


def test_only_what_is_to_come_gets_the_present_time(tmp_path: Path) -> None:
    store = tmp_path / "stage" / "map.zarr"
    (store / "c").mkdir(parents=True)
    files = [tmp_path / "late", tmp_path / "early", store / STAMP, store / "c" / "0"]
    now = time.time()
    for path, shift in zip(files, (1000, -1000, 1000, 1000), strict=True):
        path.touch()
        os.utime(path, (now + shift, now + shift))
    assert none_later_than_now(tmp_path) == 2
    late, early, stamp, chunk = (path.stat().st_mtime for path in files)
    assert now <= late <= time.time()
    assert stamp == late
    assert early < now - 900
    assert chunk > now + 900, "what lies within a store counts for nothing"
    assert none_later_than_now(tmp_path) == 0
    assert none_later_than_now(tmp_path / "missing") == 0


def test_results_and_resources_from_the_future_get_the_present_time(tmp_path: Path) -> None:
    for folder in ("results", "resources", "elsewhere"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").touch()
        os.utime(tmp_path / folder / "file", (time.time() + 1000,) * 2)
    prepare_results(tmp_path)
    late = [path for path in tmp_path.glob("*/file") if path.stat().st_mtime > time.time()]
    assert late == [tmp_path / "elsewhere" / "file"]


def test_a_new_study_needs_no_folder(tmp_path: Path) -> None:
    prepare_results(tmp_path)
    assert not list(tmp_path.iterdir())


def test_results_that_cannot_be_written_end_the_run_and_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "results").mkdir()
    file = tmp_path / "results" / "file"
    file.touch()
    os.utime(file, (time.time() + 1000,) * 2)
    # The administrator may write everywhere.
    monkeypatch.setattr(startup.os, "access", lambda path, _mode: Path(path).name != "results")
    with pytest.raises(BandprobeError, match=r"results/ cannot be written(.|\n)*--directory"):
        prepare_results(tmp_path)
    assert file.stat().st_mtime > time.time() + 900
