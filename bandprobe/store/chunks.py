"""What is on disk of a Zarr array: its chunks, each with a checksum, and what is wrong with them.

Zarr takes a chunk that is missing for zeros, and does not say which chunk has a wrong checksum. The
first would not be seen at all in the numbers that follow.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from bandprobe.errors import StoreError
from bandprobe.store.withdrawal import withdraw

# Of the metadata itself, kept among the attributes of the group.
METADATA_DIGEST = "metadata_sha256"
# What stores are written with. Others of Zarr's codecs, and those that packages add, are not run.
CODECS = {"bytes", "vlen-utf8", "zstd", "blosc", "crc32c"}
NAMED = 5
NOT_A_FILE = (FileNotFoundError, NotADirectoryError, IsADirectoryError)


def repair(store: Path) -> str:
    """The command that makes a store again, for a message."""
    return (
        f"make it again: snakemake --cores all --force {store}.digest.json (with the --configfile "
        "and --directory of your study), then go on with snakemake --cores all"
    )


class DamagedStoreError(StoreError):
    """What is on disk is not what was written."""


class UnreadableStoreError(StoreError):
    """The system does not let a store be read now, which says nothing about what is on disk."""


@contextmanager
def readable(store: Path) -> Iterator[None]:
    """A block in which errors of the system are no damage: too many open files, no permission.

    Raises
    ------
    UnreadableStoreError
        In place of an OSError, but for files that are missing or something else than files.
    """
    try:
        yield
    except NOT_A_FILE:
        raise
    except OSError as error:
        raise UnreadableStoreError(
            f"{store} cannot be read now; it is left as it is",
            found=_reason(error),
            hint="remove the cause and run again; if the disk itself is at fault, " + repair(store),
        ) from error


def damaged(
    store: Path, what: str, *, expected: object = None, found: object = None
) -> DamagedStoreError:
    """An error that says what is wrong with a store on disk, and how it is made again."""
    return DamagedStoreError(f"{store}: {what}", expected=expected, found=found, hint=repair(store))


class StoredArray:
    """An array of a store that is read when it is sliced, and never in part by mistake.

    Attributes
    ----------
    ndim : int
    shape, chunks : tuple of int
    dtype : numpy.dtype
    dims : tuple of str
    attrs : mapping
    """

    def __init__(self, store: Path, name: str, array: zarr.Array[Any]) -> None:
        self._store, self._name, self._array = store, name, array
        self._counted = False
        self.ndim: int = array.ndim
        self.shape: tuple[int, ...] = array.shape
        self.chunks: tuple[int, ...] = array.chunks
        self.dtype: np.dtype[Any] = array.dtype
        self.dims = tuple(
            str(dim) for dim in getattr(array.metadata, "dimension_names", None) or ()
        )
        self.attrs: Mapping[str, Any] = array.attrs.asdict()

    def __getitem__(self, part: Any) -> NDArray[Any]:
        """Some values, in memory.

        Raises
        ------
        StoreError
            If a chunk is missing or does not have its checksum, naming the chunks. The store's
            digest is then withdrawn, so that the workflow makes the store again.
        """
        with readable(self._store):
            self._count()
            try:
                return np.asarray(self._array[part])
            except (OSError, MemoryError):
                raise
            except Exception:
                self._refuse_damage()
                raise

    def _count(self) -> None:
        if not self._counted and not is_whole(self._store, self._name, self._array):
            self._refuse_damage()
        self._counted = True

    def _refuse_damage(self) -> None:
        found = list(itertools.islice(damage(self._store, self._name, self._array), NAMED + 1))
        if not found:
            return
        withdraw(self._store)
        more = [] if len(found) <= NAMED else ["and more"]
        raise damaged(
            self._store,
            f"the array {self._name!r} is damaged on disk",
            expected=f"{n_chunks(self.shape, self.chunks)} chunks, each with its checksum",
            found="; ".join(found[:NAMED] + more),
        )


def n_chunks(shape: Sequence[int], chunks: Sequence[int]) -> int:
    """How many chunks an array has; none if it holds no value."""
    return math.prod(-(-size // chunk) for size, chunk in zip(shape, chunks, strict=True))


def is_whole(store: Path, name: str, array: zarr.Array[Any]) -> bool:
    """Whether as many chunks are there as the array has; they are not read."""
    found = sum(len(files) for _, _, files in os.walk(store / name / "c", onerror=_raise_unread))
    if not array.shape:
        found = int((store / name / "c").is_file())
    return found == n_chunks(array.shape, array.chunks)


def _raise_unread(error: OSError) -> None:
    """A folder that is not there has no files; one that cannot be listed may have any."""
    if not isinstance(error, NOT_A_FILE):
        raise error


def damage(store: Path, name: str, array: zarr.Array[Any]) -> Iterator[str]:
    """Every chunk that is missing or cannot be decoded, and why; all are read, one at a time."""
    counts = [-(-size // chunk) for size, chunk in zip(array.shape, array.chunks, strict=True)]
    for place in itertools.product(*map(range, counts)):
        key = "/".join(["c", *map(str, place)])
        file = store / name / key
        if not file.is_file():
            yield f"{name}/{key} is missing"
            continue
        try:
            part = tuple(
                slice(at * chunk, (at + 1) * chunk)
                for at, chunk in zip(place, array.chunks, strict=True)
            )
            array[part]
        except (OSError, MemoryError):
            raise
        except Exception as error:  # whatever a codec makes of rotten bytes
            yield f"{name}/{key} ({file.stat().st_size} bytes): {_reason(error)}"


def _reason(error: Exception) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return "its checksum does not match" if "checksum" in text else text[:120]


def read_metadata(store: Path) -> dict[str, Any]:
    """The metadata of a whole store, after its own checksum and its codecs were looked at.

    Raises
    ------
    StoreError
        If it is missing, damaged, or asks for a codec that no store is written with.
    """
    file = store / "zarr.json"
    try:
        with readable(store):
            content = json.loads(file.read_bytes())
        members = dict(content["consolidated_metadata"]["metadata"])
        attributes = dict(content["attributes"])
        codecs = {str(codec["name"]) for one in members.values() for codec in one["codecs"]}
        for name, member in members.items():
            _check_member(name, member)
    except FileNotFoundError as error:
        raise StoreError(
            f"{store} is not a complete store",
            expected="a Zarr group",
            hint="let the workflow make it: snakemake --cores all",
        ) from error
    except (OSError, ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise damaged(store, "zarr.json is damaged on disk", found=_reason(error)) from error
    given = attributes.get(METADATA_DIGEST)
    if given is not None and given != metadata_digest(content):
        raise damaged(
            store,
            "zarr.json is damaged on disk",
            expected=f"content with the SHA-256 {given}, which it says itself",
            found=metadata_digest(content),
        )
    if not codecs <= CODECS:
        raise StoreError(
            f"{store} is written with codecs that are not run",
            expected=f"only {', '.join(sorted(CODECS))}",
            found=", ".join(sorted(codecs - CODECS)),
        )
    return dict(content)


def _check_member(name: str, member: Mapping[str, Any]) -> None:
    """Zarr opens arrays whose metadata it cannot use later; ValueError says what is wrong."""
    shape = member["shape"]
    chunks = member["chunk_grid"]["configuration"]["chunk_shape"]
    dims = member.get("dimension_names")
    for sizes, least, what in ((shape, 0, "shape"), (chunks, 1, "chunk_shape")):
        if not isinstance(sizes, list) or any(type(n) is not int or n < least for n in sizes):
            raise ValueError(f"{name} has the {what} {sizes!r}")
    if len(chunks) != len(shape):
        raise ValueError(f"{name} has the shape {shape} and the chunk_shape {chunks}")
    if dims is not None and (not isinstance(dims, list) or len(dims) != len(shape)):
        raise ValueError(f"{name} has the shape {shape} and the dimension_names {dims!r}")
    if not isinstance(member.get("attributes", {}), dict):
        raise ValueError(f"{name} has the attributes {member['attributes']!r}")


def metadata_digest(content: Mapping[str, Any]) -> str:
    """SHA-256 of a store's metadata, leaving out where it is kept itself."""
    attributes = {k: v for k, v in content["attributes"].items() if k != METADATA_DIGEST}
    text = json.dumps({**content, "attributes": attributes}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def sign_metadata(store: Path) -> None:
    """Write the checksum of a store's metadata into it."""
    file = store / "zarr.json"
    content = json.loads(file.read_text(encoding="utf-8"))
    content["attributes"][METADATA_DIGEST] = metadata_digest(content)
    file.write_text(json.dumps(content, indent=1), encoding="utf-8")
