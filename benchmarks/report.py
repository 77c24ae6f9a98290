"""Seconds and megabytes of the report of a large study, made from made-up results.

The script of the rule runs as a job does, in a process of its own, on files in a temporary folder.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bandprobe.cli.shared import HOME
from benchmarks.synthetic import BANDS, MODES, READOUTS, Shape, study_results, write_study

SCRIPT = HOME / "workflow" / "scripts" / "write_report.py"
PER_LAYER = len(READOUTS) * len(MODES) * len(BANDS)


def large_study(targets: int, models: int) -> Shape:
    """Models with as many layers as it takes, grids from 56 down to 7."""
    depth = -(-targets // (models * PER_LAYER))
    sizes = (56, 28, 14, 7)
    layers = {f"layer{n}": sizes[n * len(sizes) // depth] for n in range(depth)}
    return Shape({f"net{number}": layers for number in range(models)})


def main() -> None:
    """Print what it takes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=5000, help="at least so many")
    parser.add_argument("--models", type=int, default=3)
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    results = study_results(large_study(arguments.targets, arguments.models))
    count = sum(map(len, results.layers.values())) * PER_LAYER
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_study(folder, results)
        page = folder / "report.html"
        command = [sys.executable, str(SCRIPT), "--results", name, "--output", str(page)]
        command += ["--tables", "interventions", "spectra", "probes", "shapley"]
        for _ in range(arguments.repeats):
            start = time.perf_counter()
            subprocess.run([*command, "--figures", *results.figures], check=True)
            seconds = time.perf_counter() - start
            print(f"{count} targets: {seconds:.1f} s, {page.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
