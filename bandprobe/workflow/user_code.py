"""Source files of a `python/` architecture, found without importing them."""

from __future__ import annotations

import hashlib
import importlib.machinery
import sys
from pathlib import Path


def source_digest(architecture: str) -> str | None:
    """SHA-256 of the code behind `python/package.module:function`, so that an edit is seen.

    In the working directory all modules of the top-level package count, elsewhere the named module
    alone. None where there is no such module, which is an error once it is imported.
    """
    files = source_files(architecture)
    if not files:
        return None
    total = hashlib.sha256()
    for file in files:
        total.update(file.name.encode())
        total.update(file.read_bytes())
    return total.hexdigest()


def source_files(architecture: str) -> list[Path]:
    """The files behind an architecture, in a fixed order; the working directory comes last."""
    parts = architecture.removeprefix("python/").partition(":")[0].split(".")
    top = importlib.machinery.PathFinder.find_spec(parts[0], [*sys.path, str(Path.cwd())])
    if top is None:
        return []
    if not top.submodule_search_locations:
        return [Path(top.origin)] if top.origin else []
    folder = Path(next(iter(top.submodule_search_locations)))
    if folder.parent.resolve() == Path.cwd().resolve():
        return sorted(folder.rglob("*.py"))
    inside = folder.joinpath(*parts[1:])
    return [file for file in (inside.with_suffix(".py"), inside / "__init__.py") if file.is_file()]
