"""One layer of a large study through everything after extraction: time and memory of each job.

10,000 images of 1,000 classes, maps of 256 x 28 x 28, half of the images to train the readouts;
readouts, modes, bands, controls and statistics are those of the default study. The maps are made
up; the jobs are the workflow's own, one after the other.
"""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
import time
from pathlib import Path
from typing import Any

from bandprobe.cli.shared import HOME
from bandprobe.study.config import load_config
from benchmarks.made_up import Layer, plan_jobs, run_job, study_of, write_layer
from benchmarks.tables import markdown

LARGE = Layer(train=5000, evaluation=5000, channels=256, side=28, classes=1000, bands=7)
HEAD = ("job", "wall s", "processor s", "peak GiB")
GIB = 2**30


def measure_layer(layer: Layer, threads: int, folder: Path | None = None) -> dict[str, Any]:
    """Write a layer and run all jobs; each is printed as it ends.

    Parameters
    ----------
    layer : Layer
    threads : int
        Of each job; jobs run one after the other.
    folder : Path, optional
        Where its files go, and stay; otherwise they are removed.
    """
    place = Path(tempfile.mkdtemp() if folder is None else folder).resolve()
    try:
        rows = _run(place, layer, threads)
    finally:
        if folder is None:
            shutil.rmtree(place)
    return {"threads": threads, "layer": dataclasses.asdict(layer), "jobs": rows}


def _run(folder: Path, layer: Layer, threads: int) -> list[dict[str, Any]]:
    config = load_config(HOME / "config.yaml")
    jobs = plan_jobs(folder, study_of(config, layer, config["bands"]))
    start = time.perf_counter()
    write_layer(folder, layer)
    print(f"{layer}: written in {time.perf_counter() - start:.0f} s", flush=True)
    rows = []
    for job in jobs:
        rows.append({"job": job.name, **dataclasses.asdict(run_job(folder, job, threads))})
        print(*_cells(rows[-1]), flush=True)
    total = {name: sum(row[name] for row in rows) for name in ("wall_s", "processor_s")}
    return [*rows, {"job": "all", **total, "peak_bytes": max(row["peak_bytes"] for row in rows)}]


def table(found: dict[str, Any]) -> str:
    """What each job took, in Markdown."""
    layer = Layer(**found["layer"])
    text = (
        f"{layer.train} training and {layer.evaluation} evaluation maps of "
        f"{layer.channels} x {layer.side} x {layer.side}, {layer.classes} classes, "
        f"{layer.bands} bands; {found['threads']} threads, one job at a time."
    )
    return markdown(HEAD, map(_cells, found["jobs"])) + "\n\n" + text


def _cells(row: dict[str, Any]) -> list[str]:
    times = [f"{row[name]:.1f}" for name in ("wall_s", "processor_s")]
    return [f"`{row['job']}`", *times, f"{row['peak_bytes'] / GIB:.2f}"]
