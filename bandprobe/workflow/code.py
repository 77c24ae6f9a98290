"""Digests of code: what a stage has to run again for."""

from __future__ import annotations

import ast
import functools
import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import bandprobe
from bandprobe.errors import BandprobeError
from bandprobe.workflow.meaning import meaning

PACKAGE = Path(bandprobe.__file__).parent
# Errors, logging, provenance and the strict reading of arguments cannot change a number: a
# value that is not read as it was written is refused.
IGNORED = {
    "bandprobe.errors",
    "bandprobe.base.progress",
    "bandprobe.store.provenance",
    "bandprobe.workflow.job_memory",
    "bandprobe.workflow.params",
    "bandprobe.workflow.script",
}


def code_digest(script: Path) -> str:
    """SHA-256 of what a script does, with the modules of this package that it imports.

    Comments, docstrings and layout do not count: an edited formula changes it, a touched file does
    not.
    """
    total = hashlib.sha256()
    for path in sorted(closure(script), key=_name):
        total.update(_name(path).encode())
        total.update(_module(path).meaning.encode())
    return total.hexdigest()


def digest_when_asked(script: Path) -> Callable[[object], str]:
    """`code_digest` as a function of a job's wildcards.

    Code is read once, when the first job asks for it: rules without jobs do not read theirs.
    """
    digest = functools.cache(lambda: code_digest(script))
    return lambda _wildcards: digest()


def files_digest(root: Path) -> str:
    """SHA-256 of the names and bytes of all files in a folder, as of templates, or of one file."""
    total = hashlib.sha256()
    files = root.rglob("*") if root.is_dir() else [root]
    for path in sorted(path for path in files if path.is_file()):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _name(path: Path) -> str:
    """A module by its place in the package, a script by its own name."""
    return path.relative_to(PACKAGE).as_posix() if path.is_relative_to(PACKAGE) else path.name


def closure(script: Path) -> set[Path]:
    """A script and all modules of this package that it reaches by its imports.

    The `__init__.py` of a package is not among them: it has a docstring and no code.

    Raises
    ------
    BandprobeError
        If a module has a relative import.
    """
    reached: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += _module(path).imports
    return reached


class _Module(NamedTuple):
    """What a file says, and the modules of this package that it imports."""

    meaning: str
    imports: list[Path]


def _module(path: Path) -> _Module:
    return _parsed(path, path.stat().st_mtime_ns)


@functools.cache
def _parsed(path: Path, _changed: int) -> _Module:
    tree = ast.parse(path.read_bytes())
    imports: list[Path] = []
    for node in _statements(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            imports += _imported(path, node)
        elif isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and node.body:
            first = node.body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                # A docstring.
                node.body = node.body[1:]
    return _Module(meaning(tree), imports)


def _statements(tree: ast.Module) -> Iterator[ast.AST]:
    """A module and all statements in it, with what holds some, as `except`; no expressions."""
    waiting: list[ast.AST] = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for name in ("body", "orelse", "finalbody", "handlers", "cases"):
            held = getattr(node, name, None)
            waiting += held if isinstance(held, list) else ()


def _imported(path: Path, node: ast.Import | ast.ImportFrom) -> list[Path]:
    """Modules of this package that an import may mean."""
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif node.level:
        raise BandprobeError(
            f"{path}: a relative import in line {node.lineno}",
            expected="from bandprobe.room.module import name",
            hint="the digest of a stage's code follows absolute imports",
        )
    else:
        names = [f"{node.module}.{alias.name}" for alias in node.names] + [str(node.module)]
    files = {
        name: PACKAGE.parent / Path(*name.split(".")).with_suffix(".py")
        for name in names
        if name.startswith("bandprobe.") and name not in IGNORED
    }
    return [file for file in files.values() if file.is_file()]
