"""Damaged results lose their digests in jobs, so that the workflow makes them again.

Whatever only looks at results changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# Of the process, not of a thread: a job reads with several.
_allowed = False


@contextmanager
def withdrawing() -> Iterator[None]:
    """A block that makes results: digests of those that turn out damaged are taken away."""
    global _allowed
    before, _allowed = _allowed, True
    try:
        yield
    finally:
        _allowed = before


def withdraw(path: Path) -> None:
    """Take away the digest of a damaged result: to the workflow it then is not made yet."""
    if not _allowed:
        return
    try:
        Path(f"{path}.digest.json").unlink(missing_ok=True)
    except OSError:  # where nothing can be written the message has to do
        return
