"""What every workflow script shares: arguments, clear endings, seeds, provenance."""

from __future__ import annotations

import argparse
import ast
import errno
import functools
import hashlib
import importlib.metadata
import json
import logging
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import bandprobe
from bandprobe.errors import BandprobeError

PACKAGE = Path(bandprobe.__file__).parent
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
VERSIONED = ("numpy", "scipy", "zarr", "torch", "torchvision", "timm", "pillow", "scikit-learn")


def run(main: Callable[[], None]) -> None:
    """Run a script's main function; a user's mistake ends it with a message, not a traceback."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    try:
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


def json_argument(text: str) -> Any:
    """An argument given as JSON."""
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise argparse.ArgumentTypeError(f"not JSON: {error}") from error


def argument_parser(description: str | None) -> argparse.ArgumentParser:
    """A parser with the option that all scripts share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--code", default="by hand", help="digest of the code, for provenance")
    return parser


def provenance(code: str, config: Mapping[str, Any], **facts: str) -> dict[str, str]:
    """Attributes of a result: its stage's resolved configuration, versions, the code's digest.

    Values are JSON or plain text, so that every format can hold them.
    """
    return {
        "bandprobe_version": bandprobe.__version__,
        "config": json.dumps(config, sort_keys=True),
        "versions": json.dumps(library_versions()),
        "code_digest": code,
        **facts,
    }


@functools.cache
def library_versions() -> dict[str, str]:
    """Versions of the libraries that results depend on."""
    found = {"python": sys.version.split()[0]}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def code_digest(script: Path) -> str:
    """SHA-256 of what a script does, with the modules of this package that it imports.

    Comments, docstrings and layout do not count: an edited formula changes it, a touched file does
    not.
    """
    total = hashlib.sha256()
    for path in sorted(_closure(script), key=lambda path: (path.name, path.parent.name)):
        total.update(path.name.encode())
        total.update(_meaning(path, path.stat().st_mtime_ns).encode())
    return total.hexdigest()


def files_digest(root: Path) -> str:
    """SHA-256 of the names and bytes of all files in a folder, as of templates, or of one file."""
    total = hashlib.sha256()
    files = root.rglob("*") if root.is_dir() else [root]
    for path in sorted(path for path in files if path.is_file()):
        total.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return total.hexdigest()


def _closure(script: Path) -> set[Path]:
    found: set[Path] = set()
    waiting = [script]
    while waiting:
        path = waiting.pop()
        if path not in found:
            found.add(path)
            waiting += _imports(path, path.stat().st_mtime_ns)
    return found


@functools.cache
def _imports(path: Path, _changed: int) -> list[Path]:
    modules: list[Path] = []
    for node in ast.walk(ast.parse(path.read_bytes())):
        names: list[str] = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            file = PACKAGE.parent / Path(*name.split(".")).with_suffix(".py")
            # Errors, logging and provenance cannot change a number.
            ignored = file.stem in {"errors", "scripting", "progress"}
            if name.startswith("bandprobe.") and file.is_file() and not ignored:
                modules.append(file)
    return modules


@functools.cache
def _meaning(path: Path, _changed: int) -> str:
    tree = ast.parse(path.read_bytes())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if (
            isinstance(body, list)
            and body
            and isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        ):
            first = body[0]
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                node.body = body[1:]
    return ast.dump(tree)
