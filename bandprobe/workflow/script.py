"""What every workflow script shares: arguments, clear endings, seeds, provenance."""

from __future__ import annotations

import argparse
import errno
import logging
import os
import sys
from collections.abc import Callable

from bandprobe.errors import BandprobeError
from bandprobe.store.withdrawal import withdrawing

# The C library's allocator gives large blocks back to the system at once, and each activation or
# temporary array then faults its pages in anew. Kept, a CNN's forward pass takes half the time.
KEEP_MEMORY = {
    "MALLOC_MMAP_THRESHOLD_": "4294967296",
    "MALLOC_TRIM_THRESHOLD_": "4294967296",
    "MALLOC_TOP_PAD_": "67108864",
}
ROOM = "make room on the disk, or raise the limit, and give the same command again"
LEAVE = "give yourself the right to write there, or take another --directory"
DISK = {
    errno.ENOSPC: ROOM,
    errno.EDQUOT: ROOM,
    errno.EFBIG: ROOM,
    errno.EROFS: LEAVE,
    errno.EACCES: LEAVE,
}


def run(main: Callable[[], None]) -> None:
    """Run a script's main function; a user's mistake ends it with a message, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
        with withdrawing():
            main()
    except BandprobeError as error:
        print(f"Error: {error}", file=sys.stderr)
        sys.exit(1)
    except Exception as error:
        message = _refused_by_disk(error)
        if message is None:
            raise
        print(f"Error: {message}", file=sys.stderr)
        sys.exit(1)


def _refused_by_disk(error: Exception) -> BandprobeError | None:
    """What to say of an error that the disk has made, whichever library has wrapped it."""
    text = " ".join(str(error).split())
    for number, hint in DISK.items():
        if getattr(error, "errno", None) == number or os.strerror(number) in text:
            return BandprobeError(
                f"cannot write: {os.strerror(number)}",
                found=getattr(error, "filename", None) or text[:200],
                hint=hint
                + "; nothing unfinished was kept, and what is finished will not run again",
            )
    return None


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option that all scripts share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--code", default="by hand", help="digest of the code, for provenance")
    return parser
