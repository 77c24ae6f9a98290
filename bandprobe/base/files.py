"""Files and folders that appear under their final name only when they are complete."""

from __future__ import annotations

import json
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def fresh_partial(path: Path) -> Path:
    """Temporary name to write `path` under, in the same folder; removes what others left behind.

    A process whose Snakemake was killed may still be writing, here or on another machine, where its
    number may be the same: the name is this call's own, so that the two never mix, and the other
    finds its own gone when it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    leftover = re.compile(rf"\.{re.escape(path.name)}\.([0-9a-f]+\.(old\.)?)?partial")
    for item in list(path.parent.iterdir()):
        if leftover.fullmatch(item.name):
            remove(item)
    return _hidden(path, "partial")


def _hidden(path: Path, ending: str) -> Path:
    """A name that no other call gets."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex}.{ending}")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file to write, renamed to `path` when the block ends without an error."""
    path = Path(path)
    partial = fresh_partial(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_tree(partial: Path, path: Path) -> None:
    """Rename a complete folder; an older one of that name is replaced as a unit."""
    if path.exists():
        old = _hidden(path, "old.partial")
        os.replace(path, old)
        os.replace(partial, path)
        remove(old)
    else:
        os.replace(partial, path)


def write_json(path: str | Path, content: Any) -> None:
    """Write JSON under its final name only when it is complete."""
    write_text(path, json.dumps(content, indent=1, allow_nan=False) + "\n")


def write_text(path: str | Path, text: str) -> None:
    """Write a text under its final name only when it is complete."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8")
