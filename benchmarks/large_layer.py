"""One layer of a large study through everything after extraction: time and memory of each job.

10,000 images of 1,000 classes, maps of 256 x 28 x 28, half of the images to train the readouts;
readouts, modes, bands, controls and statistics are those of the default study. The maps are made
up; the jobs are the workflow's own, one after the other.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bandprobe.commands import HOME
from bandprobe.config import load_config
from bandprobe.files import write_json
from benchmarks.machine import describe, machine
from benchmarks.made_up import Layer, plan_jobs, run_job, study_of, write_layer

LARGE = Layer(train=5000, evaluation=5000, channels=256, side=28, classes=1000, bands=7)
SMALLEST = Layer(train=60, evaluation=60, channels=8, side=14, classes=6, bands=7)
GIB = 2**30


def measure(folder: Path, layer: Layer, threads: int) -> list[dict[str, Any]]:
    """Write the layer and run all jobs; one row a job, printed as it ends."""
    config = load_config(HOME / "config.yaml")
    jobs = plan_jobs(folder, study_of(config, layer, config["bands"]))
    start = time.perf_counter()
    write_layer(folder, layer)
    print(f"features written in {time.perf_counter() - start:.0f} s", flush=True)
    print("| job | wall s | processor s | peak GiB |\n| --- | --- | --- | --- |", flush=True)
    rows = []
    for job in jobs:
        taken = run_job(folder, job, threads)
        name = job.rule if job.rule != "intervene_random" else f"{job.rule} {job.log.stem}"
        rows.append({"job": name, **dataclasses.asdict(taken)})
        print(_row(rows[-1]), flush=True)
    total = {
        "job": "all",
        "wall_s": sum(row["wall_s"] for row in rows),
        "processor_s": sum(row["processor_s"] for row in rows),
        "peak_bytes": max(row["peak_bytes"] for row in rows),
    }
    print(_row(total), flush=True)
    return [*rows, total]


def _row(row: dict[str, Any]) -> str:
    return (
        f"| `{row['job']}` | {row['wall_s']:.1f} | {row['processor_s']:.1f} "
        f"| {row['peak_bytes'] / GIB:.2f} |"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="a few maps, to try it")
    parser.add_argument("--images", type=int, help="of each split, instead of 5,000")
    parser.add_argument("--classes", type=int, help="instead of 1,000")
    parser.add_argument("--channels", type=int, help="instead of 256")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="where the study goes, and stays")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/large_layer.json"))
    arguments = parser.parse_args()
    layer = SMALLEST if arguments.smallest else LARGE
    images = arguments.images or layer.train
    layer = dataclasses.replace(
        layer,
        train=images,
        evaluation=images,
        classes=arguments.classes or layer.classes,
        channels=arguments.channels or layer.channels,
    )
    facts = machine()
    print(f"{describe(facts)}; {arguments.threads} threads\n{layer}", flush=True)
    folder = (arguments.folder or Path(tempfile.mkdtemp())).resolve()
    try:
        rows = measure(folder, layer, arguments.threads)
    finally:
        if arguments.folder is None:
            shutil.rmtree(folder)
    found = {"machine": facts, "threads": arguments.threads, "layer": dataclasses.asdict(layer)}
    write_json(arguments.output, found | {"jobs": rows})


if __name__ == "__main__":
    main()
