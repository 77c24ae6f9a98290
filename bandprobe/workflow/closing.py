"""What a run says at its end."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

from bandprobe.scoring.flags import FLAG_MEANINGS


def flag_lines(path: Path) -> list[str]:
    """How many targets carry each flag of a table of flags, and what it means."""
    with path.open(encoding="utf-8", newline="") as stream:
        counts = Counter(row["flag"] for row in csv.DictReader(stream))
    lines = [f"{sum(counts.values())} flags in {path}:"] if counts else [f"no flags in {path}"]
    return lines + [
        f"  {count:>5} {flag}: {FLAG_MEANINGS.get(flag, '')}"
        for flag, count in counts.most_common()
    ]
