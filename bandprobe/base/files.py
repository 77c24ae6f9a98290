"""Files and folders that take their name only when they are whole."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def fresh_partial(path: Path) -> Path:
    """Where to write what will be called `path`, in the same folder; leftovers of others go.

    A process whose Snakemake was killed may still be writing: the name is this process's own, so
    that the two never mix, and the other finds its own gone when it ends.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    leftover = re.compile(rf"\.{re.escape(path.name)}\.([0-9]+\.(old\.)?)?partial")
    for item in list(path.parent.iterdir()):
        if leftover.fullmatch(item.name):
            remove(item)
    return path.with_name(f".{path.name}.{os.getpid()}.partial")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A file to be written, which takes the name `path` when the block ends without an error."""
    path = Path(path)
    partial = fresh_partial(path)
    try:
        yield partial
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


def replace_tree(partial: Path, path: Path) -> None:
    """Give a whole folder its name; what had it before is gone at once, never half of it."""
    if path.exists():
        old = path.with_name(f".{path.name}.{os.getpid()}.old.partial")
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
