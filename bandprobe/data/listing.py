"""Which image files lie below a folder; each folder is listed once."""

from __future__ import annotations

import logging
import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bandprobe.data.images import SUFFIXES
from bandprobe.errors import DatasetError


@dataclass(frozen=True)
class Listing:
    """What lies below a folder.

    Attributes
    ----------
    images : list of Path
        Sorted.
    others : Counter
        Number of files that are not images, by lower-case suffix.
    """

    images: list[Path]
    others: Counter[str] = field(default_factory=Counter)


def list_images(folder: Path) -> list[Path]:
    """Image files directly in a folder, by name.

    Raises
    ------
    DatasetError
        If a name is not UTF-8.
    """
    found = sorted(
        item
        for item in folder.iterdir()
        if item.suffix.lower() in SUFFIXES and not item.name.startswith(".")
    )
    for item in found:
        require_utf8(str(item))
    return found


def require_utf8(name: str) -> None:
    """Raise `DatasetError` for a file name that is not UTF-8, which no table can keep."""
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise DatasetError(
            "the name of an image file is not UTF-8",
            expected="names in UTF-8, with those of the folders above",
            found=repr(os.fsencode(name)),
            hint="rename it; names from an older system: convmv -f latin1 -t utf8 -r --notest "
            "FOLDER",
        ) from error


def list_tree(folder: Path, suffixes: Collection[str] = SUFFIXES) -> Listing:
    """Image files in a folder and all its sub-folders, as torchvision's `ImageFolder` takes them.

    Links to folders are followed. Each folder is read once, whichever links lead to it, and a link
    to a folder above is not followed, so links that lead in circles come to an end. Names that
    begin with a dot are left out.

    Parameters
    ----------
    folder : Path
    suffixes : collection of str
        Of image files, in lower case.

    Raises
    ------
    DatasetError
        If a folder cannot be listed, or the name of an image is not UTF-8.
    """
    images: list[Path] = []
    others: Counter[str] = Counter()
    for entry in walk_files(folder):
        suffix = Path(entry.name).suffix.lower()
        if suffix in suffixes:
            require_utf8(entry.path)
            images.append(Path(entry.path))
        else:
            others[suffix or "no suffix"] += 1
    return Listing(sorted(images), others)


def walk_files(folder: Path) -> Iterator[os.DirEntry[str]]:
    """Files in a folder and all its sub-folders, as of `list_tree`.

    Raises
    ------
    DatasetError
        If a folder cannot be listed.
    """
    seen = _folders_above(folder)
    waiting = [folder]
    while waiting:
        here = waiting.pop()
        try:
            identity = _identity(here)
            if identity in seen:
                continue
            seen.add(identity)
            entries = sorted(os.scandir(here), key=lambda entry: entry.name)
        except OSError as error:
            raise DatasetError(f"cannot list {here}", found=error.strerror) from error
        below = []
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if entry.is_dir():
                below.append(Path(entry.path))
            else:
                yield entry
        waiting += reversed(below)


def _identity(folder: Path) -> tuple[int, int]:
    """Device and inode: the same for all links to a folder."""
    status = folder.stat()
    return status.st_dev, status.st_ino


def _folders_above(folder: Path) -> set[tuple[int, int]]:
    """Folders that a link must not lead back to, on the way by name and on the real one."""
    above = {*folder.resolve().parents, *folder.parent.resolve().parents, folder.parent.resolve()}
    return {_identity(item) for item in above}


def class_images(
    roots: Sequence[Path],
    on_empty_class: str = "fail",
    suffixes: Collection[str] = SUFFIXES,
) -> list[dict[str, list[Path]]]:
    """Images of each class folder of one directory, or of the directory of each split.

    Parameters
    ----------
    roots : sequence of Path
    on_empty_class : {"fail", "skip"}
        Whether a class folder without images is an error, or the class is left out everywhere.
    suffixes : collection of str
        Of image files, in lower case.

    Returns
    -------
    list of dict
        For each directory the images by class; both are sorted.

    Raises
    ------
    DatasetError
        If a directory is missing, has no folder, one of them has no image, or no class is left.
    """
    found = [_class_images(root, suffixes) for root in roots]
    empty = [{name for name, files in classes.items() if not files} for classes in found]
    for root, names in zip(roots, empty, strict=True):
        if names and on_empty_class == "fail":
            raise DatasetError(
                f"{root}: class folders without images",
                expected=f"files ending in {' '.join(suffixes)}, in the folder or below it",
                found=", ".join(sorted(names)),
                hint="fill or remove these folders, or leave them out with on_empty_class: skip",
            )
        if names:
            named = ", ".join(sorted(names))
            logging.warning("%s: classes without images are left out: %s", root, named)
    left_out = set().union(*empty)
    kept = [
        {name: files for name, files in classes.items() if name not in left_out}
        for classes in found
    ]
    for root, classes in zip(roots, kept, strict=True):
        if not classes:
            raise DatasetError(f"{root}: no class has images", found=", ".join(sorted(left_out)))
    return kept


def _class_images(root: Path, suffixes: Collection[str]) -> dict[str, list[Path]]:
    if not root.is_dir():
        raise DatasetError(f"{root} is not a directory", expected="one folder of images per class")
    folders = sorted(
        item for item in root.iterdir() if item.is_dir() and not item.name.startswith(".")
    )
    if not folders:
        raise DatasetError(
            f"{root} has no class folders",
            expected="one folder of images per class",
            found=f"{len(list_images(root))} images and no folder",
            hint=f"move the images of each class into {root}/CLASS/",
        )
    listings = {folder.name: list_tree(folder, suffixes) for folder in folders}
    log_others(root, listings.values())
    return {name: listing.images for name, listing in listings.items()}


def log_others(root: Path, listings: Iterable[Listing]) -> None:
    """Say how many files were skipped because they are not images."""
    total: Counter[str] = Counter()
    for listing in listings:
        total += listing.others
    if total:
        kinds = ", ".join(f"{count} {suffix}" for suffix, count in total.most_common(8))
        logging.info("%s: skipped %d files that are not images: %s", root, total.total(), kinds)
