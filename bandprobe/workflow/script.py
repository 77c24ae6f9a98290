"""What every workflow script shares: arguments, clear endings, seeds, provenance."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

from bandprobe.errors import BandprobeError
from bandprobe.store.withdrawal import withdrawing
from bandprobe.workflow.job_memory import add_memory_options, out_of_memory

# The C library's allocator gives large blocks back to the system at once, and each activation or
# temporary array then faults its pages in anew. Kept, a CNN's forward pass takes half the time.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
}
ROOM = "make room on the disk, or raise the limit, and give the same command again"
LEAVE = "give yourself the right to write there, or take another --directory"
ENTER = "give yourself the right to read it, and to enter the folders above it"
KEPT = "nothing unfinished was kept, and what is finished will not run again"
DISK = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: ROOM,
    errno.EROFS: LEAVE,
}


def run(main: Callable[[], None]) -> None:
    """Run a script's main function; a user's mistake ends it with a message, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        with withdrawing():
            main()
    except Exception as error:
        message = out_of_memory(error) or _said(error)
        if message is None:
            raise
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(1)


def _said(error: Exception) -> BandprobeError | None:
    """What to say of an error that its reader can do something about."""
    return error if isinstance(error, BandprobeError) else _refused_by_disk(error)


def _refused_by_disk(error: Exception) -> BandprobeError | None:
    """What to say of an error that the disk has made, whichever library has wrapped it."""
    text = " ".join(str(error).split())
    for number in (*DISK, errno.EACCES):
        reason = os.strerror(number)
        if getattr(error, "errno", None) != number and reason not in text:
            continue
        named = getattr(error, "filename", None) or next(iter(_QUOTED.findall(text)), None)
        action = refused_action(named) if number == errno.EACCES else "write"
        hint = ENTER if action == "read" else DISK.get(number, LEAVE)
        return BandprobeError(
            f"cannot {action}: {reason}", found=named or text[:200], hint=f"{hint}; {KEPT}"
        )
    return None


_QUOTED = re.compile("'(/[^']+)'")


def refused_action(path: str | bytes | int | None) -> str:
    """What the system has refused to do with a path, from the rights that it gives now.

    Parameters
    ----------
    path : path, optional
        None where the error does not name it.

    Returns
    -------
    {"read", "write", "read or write"}
        The last one where rights say nothing: they allow both, or nothing is named.
    """
    if not isinstance(path, str | bytes):
        return "read or write"
    place = Path(os.fsdecode(path)).absolute()
    try:
        if place.exists():
            enter = os.X_OK if place.is_dir() else 0
            if not os.access(place, os.R_OK | enter):
                return "read"
            return "read or write" if os.access(place, os.W_OK) else "write"
        # What is not there was to be made, unless it only cannot be seen.
        above = next(folder for folder in place.parents if folder.exists())
    except PermissionError:
        return "read"
    return "write" if os.access(above, os.X_OK) else "read"


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option that all scripts share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--code", default="by hand", help="digest of the code, for provenance")
    add_memory_options(parser)
    return parser
