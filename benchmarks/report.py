"""What the report takes: seconds to write it, its size, and seconds until a reader sees something.

Measured are the report of a study, as it is, and that of a large made-up study, which the script of
the rule writes as a job does, in a process of its own. A Chromium without a window opens both on a
processor that is slowed down.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bandprobe.cli.shared import HOME
from bandprobe.study.paths import Paths
from benchmarks.browser import SHOWN, seconds_until_shown
from benchmarks.synthetic import BANDS, MODES, READOUTS, Shape, study_results, write_study
from benchmarks.tables import markdown, publish

SCRIPT = HOME / "workflow" / "scripts" / "write_report.py"
PER_LAYER = len(READOUTS) * len(MODES) * len(BANDS)
IMAGES = re.compile(r'<script type="application/json" id="explorer">.*?</script>', re.DOTALL)


@dataclass(frozen=True)
class Taken:
    """What one report takes; times are None where they are not measured."""

    name: str
    megabytes: float
    megabytes_without_images: float
    written_s: float | None
    shown_s: dict[str, float] | None


def large_study(targets: int, models: int) -> Shape:
    """Models with as many layers as it takes, grids from 56 down to 7."""
    depth = -(-targets // (models * PER_LAYER))
    sizes = (56, 28, 14, 7)
    layers = {f"layer{n}": sizes[n * len(sizes) // depth] for n in range(depth)}
    return Shape({f"net{number}": layers for number in range(models)})


def measure(
    name: str, page: Path, slowed: float, repeats: int, written: float | None = None
) -> Taken:
    """Size of a page, and seconds until parts of it are shown."""
    text = page.read_text(encoding="utf-8")
    without = len(IMAGES.sub("", text).encode()) / 1e6
    shown = seconds_until_shown(page, slowed, repeats)
    return Taken(name, page.stat().st_size / 1e6, without, written, shown)


def large_report(targets: int, models: int, slowed: float, repeats: int) -> Taken:
    """The report of a made-up study."""
    results = study_results(large_study(targets, models))
    count = sum(map(len, results.layers.values())) * PER_LAYER
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(folder, results)
        page = folder / "report.html"
        command = [sys.executable, str(SCRIPT), "--results", name, "--output", str(page)]
        command += ["--tables", "interventions", "spectra", "probes", "shapley"]
        seconds = []
        for _ in range(repeats):
            start = time.perf_counter()
            subprocess.run([*command, "--figures", *results.figures], check=True)
            seconds.append(time.perf_counter() - start)
        return measure(f"{count} made-up targets", page, slowed, repeats, median(seconds))


def table(found: list[Taken], slowed: float, repeats: int) -> str:
    """What was measured, in Markdown."""
    head = ["report", "MB", "MB without images", "written, s", *(f"{name}, s" for name in SHOWN)]
    rows = [
        (
            one.name,
            f"{one.megabytes:.2f}",
            f"{one.megabytes_without_images:.2f}",
            "" if one.written_s is None else f"{one.written_s:.1f}",
            *("" if one.shown_s is None else f"{one.shown_s[name]:.2f}" for name in SHOWN),
        )
        for one in found
    ]
    places = ", ".join(f"{name} at {where or 'the top'}" for name, (where, _) in SHOWN.items())
    return (
        f"{markdown(head, rows)}\n\nMedians of {repeats}. The last columns: seconds from opening "
        f"the page until it shows something, on a processor slowed down to a "
        f"{slowed:g}th of its speed ({places})."
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="a small study, to try it")
    parser.add_argument("--page", type=Path, help="report of a study (default: photos)")
    parser.add_argument("--targets", type=int, default=5000, help="at least so many")
    parser.add_argument("--models", type=int, default=3)
    parser.add_argument("--slowed", type=float, default=6, help="times slower (default: 6)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/report.json"))
    arguments = parser.parse_args()
    targets, repeats = arguments.targets, arguments.repeats
    if arguments.smallest:
        targets, repeats = 1, 1
    page = arguments.page or HOME / Paths.REPORT.format(dataset="photos")
    found = [measure(page.parent.name, page, arguments.slowed, repeats)]
    found.append(large_report(targets, arguments.models, arguments.slowed, repeats))
    publish(
        arguments.output,
        {"slowed": arguments.slowed, "repeats": repeats, "reports": [asdict(one) for one in found]},
        table(found, arguments.slowed, repeats),
    )


if __name__ == "__main__":
    main()
