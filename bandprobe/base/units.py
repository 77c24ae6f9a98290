"""Bytes and times in suitable units."""

from __future__ import annotations

UNITS = ("B", "kB", "MB", "GB", "TB")


def in_bytes(count: float) -> str:
    """Bytes in a suitable unit, in powers of 1000."""
    unit = 0
    while count >= 1000 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {UNITS[unit]}"


def in_time(seconds: float) -> str:
    """Seconds as text in a suitable unit."""
    if seconds < 90:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"
