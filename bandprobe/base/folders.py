"""Folders of files that take their name only when all files are there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bandprobe.base.files import fresh_partial, remove, replace_tree
from bandprobe.errors import StoreError


def inside(folder: Path, name: str) -> Path:
    """The file of that name below a folder.

    Raises
    ------
    StoreError
        If the name leads out of the folder, as names in an archive or a list of classes can.
    """
    parts = Path(name).parts
    if not parts or Path(name).is_absolute() or ".." in parts or "\0" in name:
        raise StoreError(f"{name!r} leads out of the folder {folder}", expected="a name below it")
    return folder / name


def replace_folder(path: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write files, by names relative to a folder that takes its name when all are there.

    Raises
    ------
    StoreError
        If a name leads out of the folder.
    """
    partial = fresh_partial(path)
    try:
        partial.mkdir()
        for name, content in files:
            file = inside(partial, name)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
        replace_tree(partial, path)
    finally:
        remove(partial)
