"""Bytes and times in suitable units."""

from __future__ import annotations

import re

from bandprobe.errors import BandprobeError

UNITS = ("B", "kB", "MB", "GB", "TB")
# Of sizes that are read: powers of 1000, and of 1024 with an i.
SIZES = {
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}


def in_bytes(count: float) -> str:
    """Bytes in a suitable unit, in powers of 1000."""
    unit = 0
    while count >= 1000 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {UNITS[unit]}"


def from_text(text: str, name: str) -> int:
    """Bytes of a size such as 16GB, 12 GiB or 800MB.

    Parameters
    ----------
    text : str
    name : str
        What has that size, for the message.

    Raises
    ------
    BandprobeError
        If it is no size, or none at all.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([A-Za-z]+)\s*", text)
    units = {unit.lower(): size for unit, size in SIZES.items()}
    size = units.get(found[2].lower()) if found else None
    if found is None or size is None or not float(found[1]):
        raise BandprobeError(
            f"{name}: not a size",
            expected=f"a number with one of {', '.join(SIZES)}, such as 16GB",
            found=text,
        )
    return round(float(found[1]) * size)


def in_time(seconds: float) -> str:
    """Seconds as text in a suitable unit."""
    if seconds < 90:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"
