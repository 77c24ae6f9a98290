"""Source files of a user's function, and all that they import, found without importing them."""

from __future__ import annotations

import ast
import functools
import hashlib
import importlib.machinery
import sys
import sysconfig
from collections.abc import Iterator, Sequence
from pathlib import Path

# Installed packages have versions, which every result records; their files are not followed.
INSTALLED = ("site-packages", "dist-packages")
STANDARD = tuple(Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib"))


def source_digest(architecture: str) -> str | None:
    """SHA-256 of the code behind `package.module:function`, so that an edit is seen.

    `python/` may stand before it.

    None where there is no such module, which is an error once it is imported.
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
    """The files behind an architecture, in a fixed order.

    They are the named module and all that it imports, directly or not, from anywhere but the
    standard library, installed packages and this package. Of a package in the working directory all
    modules count, however they are imported; of an installed package the named module alone.
    """
    module = architecture.removeprefix("python/").partition(":")[0]
    names = {path: name for name, path in _files_of(module).items()}
    names |= {path: name for name, path in _modules_here(module.partition(".")[0]).items()}
    if all(map(_is_installed, names)):
        last = module.rpartition(".")[2]
        return [path for path, name in names.items() if name.rpartition(".")[2] == last]
    waiting = list(names)
    while waiting:
        path = waiting.pop()
        for name in _imported(path, names[path], path.stat().st_mtime_ns):
            for inner, file in _files_of(name).items():
                if file not in names and not _is_installed(file):
                    names[file] = inner
                    waiting.append(file)
    return sorted(names, key=lambda path: (names[path], str(path)))


def _search_path() -> list[str]:
    """Where modules are looked for; the working directory comes last."""
    return [*sys.path, str(Path.cwd())]


def _find(name: str, path: Sequence[str]) -> importlib.machinery.ModuleSpec | None:
    try:
        return importlib.machinery.PathFinder.find_spec(name, list(path))
    except (ImportError, ValueError):
        return None


def _files_of(module: str) -> dict[str, Path]:
    """The files that importing a module runs, by name: those of its packages, then its own.

    Empty for what is built in, of the standard library or of this package; of a name that is none
    of a module, such as a function, the files of the packages before it.
    """
    parts = module.split(".")
    if parts[0] in sys.stdlib_module_names or parts[0] == "bandprobe":
        return {}
    path: Sequence[str] = _search_path()
    found: dict[str, Path] = {}
    for depth in range(1, len(parts) + 1):
        name = ".".join(parts[:depth])
        spec = _find(name, path)
        if spec is None:
            break
        if spec.origin and Path(spec.origin).is_file():
            found[name] = Path(spec.origin)
        path = list(spec.submodule_search_locations or ())
        if not path:
            break
    return found


def _modules_here(package: str) -> dict[str, Path]:
    """All modules of a package in the working directory, by name."""
    spec = _find(package, _search_path())
    folders = spec.submodule_search_locations if spec else None
    folder = Path(next(iter(folders))) if folders else None
    if folder is None or folder.parent.resolve() != Path.cwd().resolve():
        return {}
    found = {}
    for path in folder.rglob("*.py"):
        parts = path.relative_to(folder.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def _is_installed(path: Path) -> bool:
    """Whether a file belongs to an installed package or to the standard library."""
    resolved = path.resolve()
    return any(part in INSTALLED for part in path.parts + resolved.parts) or any(
        resolved.is_relative_to(folder) for folder in STANDARD
    )


@functools.cache
def _imported(path: Path, name: str, _changed: int) -> tuple[str, ...]:
    """Names that a file imports, absolute, whether they are modules or what is in them."""
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return ()  # the import itself will say so
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    return tuple(dict.fromkeys(_names(tree, package)))


def _names(tree: ast.AST, package: str) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute(node, package)
            if base:
                yield base
                yield from (f"{base}.{alias.name}" for alias in node.names)


def _absolute(node: ast.ImportFrom, package: str) -> str:
    """The module that `from ... import` names, without its dots."""
    if not node.level:
        return node.module or ""
    parts = package.split(".") if package else []
    above = parts[: len(parts) - (node.level - 1)]
    return ".".join([*above, *filter(None, [node.module])])
