"""One layer of a large study through everything after extraction: time and memory of each job.

10,000 training and 10,000 evaluation maps of 256 x 28 x 28, 1,000 classes; readouts, modes, bands,
controls and statistics are those of the default study. The maps are made up; the jobs are the
workflow's own, one after the other. With `--against` another checkout's jobs run on the same maps,
by its own interpreter, each job right after this one's.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import shutil
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bandprobe.study.config import load_config
from benchmarks.made_up import (
    DATASET,
    HERE,
    STAGES,
    Build,
    Job,
    Layer,
    plan_jobs,
    run_job,
    study_of,
    write_layer,
)
from benchmarks.tables import markdown, publish

LARGE = Layer(train=10_000, evaluation=10_000, channels=256, side=28, classes=1000, bands=7)
SMALLEST = Layer(train=60, evaluation=60, channels=8, side=14, classes=4, bands=7)
TAKEN = ("wall_s", "processor_s", "peak_bytes")
GIB = 2**30
Row = dict[str, Any]


def measure(
    folder: Path,
    layer: Layer,
    builds: Sequence[Build],
    threads: int,
    readouts: Sequence[str] = (),
    stages: Sequence[str] = STAGES,
    limit: int | None = None,
) -> list[Row]:
    """Write a layer and run all jobs of each build on it; each is printed as it ends.

    Parameters
    ----------
    folder : Path
    layer : Layer
    builds : sequence of Build
        The study is that of the last one's `config.yaml`, which all have to understand.
    threads : int
        Of each job; jobs run one after the other.
    readouts : sequence of str
        Those of the configuration, if none are given.
    stages : sequence of str
        Rules, in an order in which they can run.
    limit : int, optional
        Bytes of data that each job may have.

    Returns
    -------
    list of dict
        A row a job, with what each build took; the last has the sums, and the highest peak.
    """
    config = load_config(builds[-1].home / "config.yaml")
    study = study_of(config, layer, config["bands"])
    study |= {"readouts": list(readouts)} if readouts else {}
    places = [folder / f"build-{number}" for number in range(len(builds))]
    planned = [
        {job.name: job for job in plan_jobs(place, study, stages, build)}
        for place, build in zip(places, builds, strict=True)
    ]
    start = time.perf_counter()
    write_layer(places[0], layer)
    for place in places[1:]:
        results = place / "results" / DATASET
        shutil.copytree(places[0] / "results" / DATASET, results, copy_function=os.link)
    print(f"{layer}: written in {time.perf_counter() - start:.0f} s", flush=True)
    if limit is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    rows = []
    for name in planned[0]:
        taken = [
            _taken(place, jobs.get(name), threads, build)
            for place, jobs, build in zip(places, planned, builds, strict=True)
        ]
        rows.append({"job": name, "builds": taken})
        print(*_cells(rows[-1]), flush=True)
    return [*rows, _total(rows)]


def _taken(folder: Path, job: Job | None, threads: int, build: Build) -> dict[str, float] | None:
    """What a job took; None where a build does not have it."""
    return None if job is None else dataclasses.asdict(run_job(folder, job, threads, build))


def _total(rows: Sequence[Row]) -> Row:
    found = []
    for number in range(len(rows[0]["builds"])):
        taken = [row["builds"][number] for row in rows if row["builds"][number] is not None]
        total = {name: sum(one[name] for one in taken) for name in TAKEN[:2]}
        found.append(total | {"peak_bytes": max(one["peak_bytes"] for one in taken)})
    return {"job": "all", "builds": found}


def table(found: Row) -> str:
    """What each job took, in Markdown; beside another build its numbers, and the ratios."""
    layer = Layer(**found["layer"])
    head = ["job", "wall s", "processor s", "peak GiB"]
    if found["against"]:
        own, other = head[1:], [f"{name}, {found['against']}" for name in head[1:]]
        ratios = ["time", "memory"]
        head = [head[0], *own, *other, *(f"{name}, times less" for name in ratios)]
    text = (
        f"{layer.train} training and {layer.evaluation} evaluation maps of "
        f"{layer.channels} x {layer.side} x {layer.side}, {layer.classes} classes, "
        f"{layer.bands} bands; readouts {', '.join(found['readouts'])}; "
        f"{found['threads']} threads, one job at a time."
    )
    if found["limit"]:
        text += f" No job could have more than {found['limit'] / GIB:.1f} GiB of data."
    return markdown(head, map(_cells, found["jobs"])) + "\n\n" + text


def _cells(row: Row) -> list[str]:
    cells = [f"`{row['job']}`"]
    for taken in row["builds"]:
        if taken is None:
            cells += ["-"] * len(TAKEN)
            continue
        cells += [f"{taken[name]:.1f}" for name in TAKEN[:2]]
        cells += [f"{taken['peak_bytes'] / GIB:.2f}"]
    if len(row["builds"]) > 1:
        own, other = row["builds"]
        names = ("wall_s", "peak_bytes")
        known = other is not None
        cells += [f"{other[name] / own[name]:.2f}" if known else "-" for name in names]
    return cells


def commit_of(build: Build) -> str:
    """The first digits of a checkout's commit, or the name of its folder."""
    command = ["git", "-C", str(build.home), "rev-parse", "--short=7", "HEAD"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout.strip() if not done.returncode else build.home.name


def parse_layer(text: str) -> tuple[int, int]:
    """Channels and side of maps, from C,H,W."""
    sizes = [int(part) for part in text.split(",")]
    if len(sizes) != 3 or sizes[1] != sizes[2] or min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected C,H,W with H equal to W: 256,28,28")
    return sizes[0], sizes[1]


def checkout(text: str) -> Build:
    """The build of a checkout, run by the interpreter of its own `.venv`."""
    home = Path(text).resolve()
    python = home / ".venv" / "bin" / "python"
    if not (home / "Snakefile").is_file() or not python.is_file():
        raise argparse.ArgumentTypeError(f"{text}: expected a checkout in which `make study` ran")
    return Build(home, python)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="to try it")
    parser.add_argument("--images", type=int, help=f"of each split; {LARGE.train} if not given")
    parser.add_argument("--layer", type=parse_layer, metavar="C,H,W", help="256,28,28 if not given")
    parser.add_argument("--classes", type=int)
    parser.add_argument("--readouts", nargs="+", default=[], help="in place of the default study's")
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--against", type=checkout, metavar="CHECKOUT", help="another build")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--limit", type=float, metavar="GB", help="of data that a job may have")
    parser.add_argument("--folder", type=Path, help="where the files go, and stay")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/scale.json"))
    arguments = parser.parse_args()
    layer = SMALLEST if arguments.smallest else LARGE
    images = arguments.images or layer.train
    channels, side = arguments.layer or (layer.channels, layer.side)
    layer = dataclasses.replace(
        layer,
        train=images,
        evaluation=images,
        channels=channels,
        side=side,
        classes=arguments.classes or layer.classes,
    )
    builds = [HERE, *([arguments.against] if arguments.against else [])]
    limit = round(arguments.limit * 1e9) if arguments.limit else None
    place = Path(arguments.folder or tempfile.mkdtemp()).resolve()
    # Folds are assigned in any case: everything after them needs them.
    stages = [stage for stage in STAGES if stage in {"assign_folds", *arguments.stages}]
    try:
        rows = measure(place, layer, builds, arguments.threads, arguments.readouts, stages, limit)
    finally:
        if arguments.folder is None:
            shutil.rmtree(place)
    found = {
        "layer": dataclasses.asdict(layer),
        "threads": arguments.threads,
        "readouts": arguments.readouts or load_config(builds[-1].home / "config.yaml")["readouts"],
        "limit": limit,
        "against": commit_of(builds[-1]) if arguments.against else None,
        "jobs": rows,
    }
    publish(arguments.output, found, table(found))


if __name__ == "__main__":
    main()
