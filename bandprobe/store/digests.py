"""SHA-256 of stores, folders and files, and the files beside them that hold it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from bandprobe.base.files import write_json
from bandprobe.store.chunks import damaged, withdraw


def data_digest(path: Path) -> str:
    """SHA-256 over the data of a store or the files of a folder.

    Of a store, its chunks and each array's shape, type and dimensions; attributes, which hold
    provenance, are left out.
    """
    total = hashlib.sha256()
    for file in sorted(item for item in path.rglob("*") if item.is_file()):
        name = file.relative_to(path).as_posix()
        if name == ".snakemake_timestamp":
            continue
        total.update(name.encode())
        if file.name == "zarr.json":
            metadata = json.loads(file.read_text(encoding="utf-8"))
            kept = {key: metadata.get(key) for key in ("shape", "data_type", "dimension_names")}
            total.update(json.dumps(kept, sort_keys=True).encode())
        else:
            total.update(file_digest(file).encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_path(path: str | Path) -> Path:
    """Where the digest of a store, file or folder lies."""
    return Path(f"{path}.digest.json")


def write_digest(path: str | Path) -> str:
    """Write the digest of what lies at `path` beside it."""
    path = Path(path)
    value = data_digest(path) if path.is_dir() else file_digest(path)
    write_json(digest_path(path), {"sha256": value})
    return value


def read_digest(path: str | Path) -> str:
    """The digest that was written for `path`.

    Raises
    ------
    StoreError
        If it is missing, or is no digest.
    """
    try:
        return str(json.loads(digest_path(path).read_text(encoding="utf-8"))["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(Path(path), "its digest cannot be read", found=error) from error


def require_digest(path: Path) -> None:
    """Raise `StoreError` where a file has a digest and is not what was written.

    The digest is then withdrawn, so that the workflow makes the file again.
    """
    if not digest_path(path).is_file() or not path.is_file():
        return
    given, found = read_digest(path), file_digest(path)
    if given != found:
        withdraw(path)
        raise damaged(path, "damaged on disk", expected=f"SHA-256 {given}", found=found)
