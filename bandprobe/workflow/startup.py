"""What has to hold before a run starts: results can be written, and none is from the future."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bandprobe.errors import BandprobeError
from bandprobe.study.paths import RESOURCES, RESULTS

# Snakemake keeps the time of a folder in this file.
STAMP = ".snakemake_timestamp"


def prepare_results(directory: Path) -> None:
    """Make sure that results can be written, and mend the times of files after a clock set back.

    Raises
    ------
    BandprobeError
        If the folder of the results is there and cannot be written; then nothing is touched.
    """
    results = directory / RESULTS
    if results.exists() and not os.access(results, os.W_OK):
        raise BandprobeError(
            f"{RESULTS}/ cannot be written in {directory}",
            hint="give yourself the right to write there, mount it for writing, or take another"
            " --directory",
        )
    for folder in (results, directory / RESOURCES):
        none_later_than_now(folder)


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
