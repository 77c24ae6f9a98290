"""SHA-256 digests of stores, folders and files, and the files they are kept in."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

from bandprobe.base.files import write_json
from bandprobe.store.attributes import counted_metadata
from bandprobe.store.chunks import damaged, readable
from bandprobe.store.withdrawal import withdraw

# Of what the digest of a store counts. 1, which was not written down, left out all attributes.
VERSION = 2


def data_digest(path: Path, known: Mapping[str, str] | None = None) -> str:
    """SHA-256 over the data of a store or the files of a folder.

    Of a store, its chunks and what `bandprobe.store.attributes` counts of its metadata.

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
            total.update(json.dumps(counted_metadata(metadata), sort_keys=True).encode())
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


def write_digest(
    path: str | Path, known: Mapping[str, str] | None = None, *, keep_known: bool = False
) -> str:
    """Write the digest of a store, file or folder beside it, and return it.

    Parameters
    ----------
    path : str or Path
    known : mapping of str to str, optional
        As for `data_digest`.
    keep_known : bool
        Whether `known` is written too, for `kept_digests`.
    """
    path = Path(path)
    value = data_digest(path, known) if path.is_dir() else file_digest(path)
    record: dict[str, object] = {"sha256": value}
    if _is_store(path):
        record["version"] = VERSION
    if keep_known:
        record["files"] = dict(known or {})
    write_json(digest_path(path), record)
    return value


def kept_digests(path: Path) -> dict[str, str]:
    """SHA-256 of a store's files by their names in it, as far as they were kept with its digest."""
    try:
        files = json.loads(digest_path(path).read_bytes()).get("files", {})
        return {str(name): str(digest) for name, digest in files.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def _is_store(path: Path) -> bool:
    return (path / "zarr.json").is_file()


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


def is_of_another_version(path: Path) -> bool:
    """Whether the digest of a store counts other things than `data_digest` does now.

    It says nothing of the data then. Digests of files and folders have always been what they are.
    """
    try:
        record = json.loads(digest_path(path).read_text(encoding="utf-8"))
        return _is_store(path) and record.get("version", 1) != VERSION
    except (OSError, ValueError, AttributeError):
        return False


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
