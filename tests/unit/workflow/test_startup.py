"""Results from the future."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bandprobe.workflow.startup import STAMP, none_later_than_now


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
