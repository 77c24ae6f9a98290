"""What has to hold before a run starts: results can be written, and none is from the future."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from bandprobe.errors import BandprobeError
from bandprobe.study.paths import RESOURCES, RESULTS

# Snakemake keeps the time of a folder in this file.
STAMP = ".snakemake_timestamp"


def prepare_results(directory: Path, folders: Iterable[str] = (RESULTS, RESOURCES)) -> None:
    """Make sure that the folders of a study can be written, and mend times after a clock set back.

    Raises
    ------
    BandprobeError
        If a folder is there and cannot be written; then nothing is touched.
    """
    paths = [directory / folder for folder in folders]
    for path in paths:
        if path.exists() and not os.access(path, os.W_OK):
            raise BandprobeError(
                f"{path.name}/ cannot be written in {directory}",
                hint="give yourself the right to write there, mount it for writing, or take another"
                " --directory",
            )
    for path in paths:
        none_later_than_now(path)


def none_later_than_now(root: str | Path) -> int:
    """Give files below a folder that bear a future time the present time; return how many.

    Snakemake refuses a new result that looks older than what it was made from. All get the same
    time, so that none of them looks newer than what was made from it. What lies within a store
    does not count and is left alone.
    """
    now, count = time.time(), 0
    for folder, below, names in os.walk(root):
        if folder.endswith(".zarr"):
            below.clear()
            names = [STAMP] if STAMP in names else []
        for name in names:
            path = Path(folder, name)
            if path.lstat().st_mtime > now:
                os.utime(path, (now, now), follow_symlinks=False)
                count += 1
    return count
