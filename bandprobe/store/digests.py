"""SHA-256 digests of stores, folders and files, and the files they are kept in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from bandprobe.base.files import write_json
from bandprobe.store.chunks import damaged, readable
from bandprobe.store.withdrawal import withdraw


def data_digest(path: Path, known: Mapping[str, str] | None = None) -> str:
    """SHA-256 over the data of a store or the files of a folder.

    Of a store, its chunks and each array's shape, type and dimensions; attributes, which are
    provenance, are left out.

    Parameters
    ----------
    path : Path
    known : mapping of str to str, optional
        SHA-256 of files by their names in the folder, which are then not read.
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
            total.update(((known or {}).get(name) or file_digest(file)).encode())
    return total.hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest_path(path: str | Path) -> Path:
    """Path of the digest of a store, file or folder."""
    return Path(f"{path}.digest.json")


def write_digest(path: str | Path, known: Mapping[str, str] | None = None) -> str:
    """Write the digest of a store, file or folder beside it, and return it; `known` as there."""
    path = Path(path)
    value = data_digest(path, known) if path.is_dir() else file_digest(path)
    write_json(digest_path(path), {"sha256": value})
    return value


def read_digest(path: str | Path) -> str:
    """The digest that was written for `path`.

    Raises
    ------
    StoreError
        If it is missing or is not a digest.
    """
    try:
        with readable(Path(path)):
            return str(json.loads(digest_path(path).read_bytes())["sha256"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(Path(path), "its digest cannot be read", found=error) from error


def require_digest(path: Path) -> None:
    """Raise `StoreError` if a file has a digest and does not match it.

    In a job the digest is then withdrawn, so that the workflow makes the file again.
    """
    with readable(path):
        if not digest_path(path).is_file() or not path.is_file():
            return
        recorded, actual = read_digest(path), file_digest(path)
    if recorded != actual:
        withdraw(path)
        raise damaged(path, "damaged on disk", expected=f"SHA-256 {recorded}", found=actual)
