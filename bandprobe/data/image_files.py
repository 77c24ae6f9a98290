"""What is known of a user's image files: names, sizes, times and, once they were read, contents.

At each start the workflow has to see whether a data set has changed, without reading its images.
Names, sizes and times say where nothing has. Where they differ from those that the manifest was
made from, the file's content decides: a folder that was copied, or an image that was touched, is
the same data. Contents of images that no split uses do not count; their names do, for they are
drawn from.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from bandprobe.base.files import replacing
from bandprobe.data.listing import require_utf8, walk_files
from bandprobe.store.digests import file_digest

STATE = b"bandprobe_state"
# Of a file that is used but could not be read: any later change of it counts.
UNREAD = "unread"
GONE = "gone"


class FileState(NamedTuple):
    """Size in bytes and times in nanoseconds; the second one changes with a rename, too."""

    size: int
    modified: int
    changed: int


@dataclass(frozen=True)
class ImageFiles:
    """The files that a manifest was made from.

    Attributes
    ----------
    state : str
        What the workflow knows them by.
    files : mapping of str to FileState
        By number of the folder and name below it, `0/rose/1.png`.
    contents : mapping of str to str
        SHA-256 of each file that is used, or `UNREAD`.
    """

    state: str
    files: Mapping[str, FileState]
    contents: Mapping[str, str]


# Records with times that are not written down yet.
_to_keep: dict[Path, ImageFiles] = {}


def list_files(folders: Sequence[Path], suffixes: Collection[str]) -> dict[str, FileState]:
    """States of all files with one of some suffixes below some folders; missing folders have none.

    Parameters
    ----------
    folders : sequence of Path
    suffixes : collection of str
        In lower case.

    Raises
    ------
    DatasetError
        If a folder cannot be listed, or a name is not UTF-8.
    """
    found = {}
    for number, folder in enumerate(item.absolute() for item in folders):
        if not folder.is_dir():
            continue
        start = len(str(folder).rstrip(os.sep)) + 1
        for entry in walk_files(folder):
            # A path object for each of a million files would take most of the time.
            if entry.name[entry.name.rfind(".") :].lower() not in suffixes:
                continue
            require_utf8(entry.path)
            try:
                status = entry.stat()
            except OSError:  # a link to nothing; the manifest names it
                continue
            state = FileState(status.st_size, status.st_mtime_ns, status.st_ctime_ns)
            found[f"{number}/{entry.path[start:]}"] = state
    return found


def fingerprint(files: Mapping[str, FileState]) -> str:
    """A digest of names, sizes and times, where nothing is known of contents yet."""
    return _digest(f"{name} {state.size} {state.modified}" for name, state in sorted(files.items()))


def state_now(folders: Sequence[Path], suffixes: Collection[str], record: Path) -> str:
    """What the workflow knows a user's files by: another text where their data are others.

    Parameters
    ----------
    folders : sequence of Path
    suffixes : collection of str
    record : Path
        Of the files that the manifest was made from; it need not exist.
    """
    files = list_files(folders, suffixes)
    known = read_record(record)
    if known is None:
        return fingerprint(files)
    differing = dict.fromkeys(known.files.keys() - files.keys(), GONE)
    suspect = []
    for name, state in files.items():
        if name not in known.files:
            differing[name] = f"{state.size} {state.modified}"
        elif state != known.files[name] and name in known.contents:
            suspect.append(name)
    contents = read_contents([path_of(folders, name) for name in suspect])
    for name, content in zip(suspect, contents, strict=True):
        if content == UNREAD or content != known.contents[name]:
            differing[name] = f"{content} {files[name].modified}" if content == UNREAD else content
    if not differing:
        if files != known.files:
            _to_keep[record.absolute()] = ImageFiles(known.state, files, known.contents)
        return known.state
    return _digest([known.state, *(f"{name} {what}" for name, what in sorted(differing.items()))])


def keep_times() -> None:
    """Write down the new times of files that turned out to be the same, so that none is read again.

    Plans themselves write nothing; where nothing can be written, files are read again.
    """
    while _to_keep:
        record, files = _to_keep.popitem()
        if os.access(record.parent, os.W_OK):
            _write(record, files)


def read_contents(paths: Sequence[Path]) -> list[str]:
    """SHA-256 of some files, or `UNREAD`."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(_content, paths))


def _content(path: Path) -> str:
    try:
        return file_digest(path)
    except OSError:
        return UNREAD


def write_record(
    record: Path,
    state: str,
    files: Mapping[str, FileState],
    folders: Sequence[Path],
    contents: Mapping[Path, str],
) -> None:
    """Write down what a manifest was made from.

    Parameters
    ----------
    record : Path
    state : str
        What the workflow knew the files by when it made the manifest.
    files : mapping
        As of `list_files`, from before the contents were read.
    folders : sequence of Path
    contents : mapping of Path to str
        SHA-256 of each file that is used, or `UNREAD`.
    """
    by_path = {os.path.normpath(path): content for path, content in contents.items()}
    found = {name: by_path.get(os.path.normpath(path_of(folders, name))) for name in files}
    used = {name: content for name, content in found.items() if content is not None}
    _write(record, ImageFiles(state, files, used))


def _write(record: Path, made_from: ImageFiles) -> None:
    import pyarrow as pa  # plans without files of a user do without it
    import pyarrow.parquet as pq

    states = made_from.files.values()
    columns = {
        "name": list(made_from.files),
        **{column: [getattr(one, column) for one in states] for column in FileState._fields},
        "sha256": [made_from.contents.get(name) for name in made_from.files],
    }
    table = pa.table(columns).replace_schema_metadata({STATE: made_from.state.encode()})
    with replacing(record) as partial:
        pq.write_table(table, partial)


def read_record(record: Path) -> ImageFiles | None:
    """What was written down, or None where that cannot be read."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        table = pq.read_table(record)
        state = table.schema.metadata[STATE].decode()
        columns = [table[name].to_pylist() for name in ("name", *FileState._fields)]
        files = {name: FileState(*rest) for name, *rest in zip(*columns, strict=True)}
        named = zip(columns[0], table["sha256"].to_pylist(), strict=True)
        contents = {name: content for name, content in named if content is not None}
    except (OSError, ValueError, KeyError, TypeError, pa.ArrowException):
        return None
    return ImageFiles(state, files, contents)


def path_of(folders: Sequence[Path], name: str) -> Path:
    """The file of a name as of `list_files`."""
    number, _, below = name.partition("/")
    return folders[int(number)] / below


def _digest(lines: Iterable[str]) -> str:
    total = hashlib.sha256()
    for line in lines:
        total.update(line.encode("utf-8", "surrogateescape") + b"\n")
    return total.hexdigest()
