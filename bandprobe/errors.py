"""Errors that a user can cause; each names the problem, what was expected, and a way out."""

from __future__ import annotations

import difflib
import re
import traceback
from collections.abc import Iterable, Sequence
from pathlib import Path

# More names than this are not all listed.
MOST_NAMES, SOME_NAMES = 60, 12


class BandprobeError(Exception):
    """Base of every error whose cause lies in the input and not in the code.

    Parameters
    ----------
    what : str
        What is wrong, by name.
    expected, found : object, optional
        What should have been there, and what was there instead.
    hint : str, optional
        What the user can do next.
    """

    def __init__(
        self,
        what: str,
        *,
        expected: object = None,
        found: object = None,
        hint: str | None = None,
    ) -> None:
        self.found = found
        lines = [what]
        if expected is not None:
            lines.append(f"  expected: {expected}")
        if found is not None:
            lines.append(f"  found:    {found}")
        if hint is not None:
            lines.append(f"  Hint: {hint}")
        super().__init__("\n".join(lines))


class ConfigError(BandprobeError):
    """The study's configuration cannot be used."""


class AssetError(BandprobeError):
    """A downloaded file is missing, or is not the file that was pinned."""


class DatasetError(BandprobeError):
    """Images or labels cannot make the data set that was asked for."""


class PackageError(BandprobeError):
    """An optional package is needed and not installed."""


class ModelError(BandprobeError):
    """A backbone, its weights or one of its layers cannot be used."""


class DeviceError(BandprobeError):
    """A device to compute on is missing or cannot be used."""


class GridMismatchError(BandprobeError):
    """Maps and a band partition belong to different grids."""


class StoreError(BandprobeError):
    """A stored result is missing, incomplete or not what was expected."""


def unknown_name(kind: str, name: str, valid: Iterable[str]) -> str:
    """A message that a name is unknown, with the valid ones: of many, those that are nearest."""
    names = list(valid)
    close = closest(name, names)
    guess = f" Did you mean {close!r}?" if close else ""
    if len(names) > MOST_NAMES:
        near = difflib.get_close_matches(name, names, n=SOME_NAMES, cutoff=0)
        listed = f"{', '.join(near)}, and {len(names) - len(near)} more"
    else:
        listed = ", ".join(names)
    return f"unknown {kind} {name!r}.{guess} Valid: {listed}"


def closest(name: str, valid: Sequence[str]) -> str | None:
    """The valid name that was probably meant, or None if nothing is near.

    Of names that are equally near, one of the same family is meant: the same letters, with another
    number. `resnet81` is `resnet18` rather than `resnest14`.
    """
    near = difflib.get_close_matches(name, valid, n=len(valid) or 1)
    family = [one for one in near if _letters(one) == _letters(name)]
    same_digits = [one for one in family if sorted(one) == sorted(name)]
    return next(iter([*same_digits, *family, *near]), None)


def _letters(name: str) -> str:
    return re.sub(r"\d+", "0", name.lower())


def where_raised(error: BaseException) -> str:
    """Kind and source line of an error, for those without a text."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    file = Path(last.filename).name
    return f"{type(error).__name__} at line {last.lineno} of {file}: {last.line}"
