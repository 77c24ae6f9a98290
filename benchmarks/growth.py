"""How time and memory of the workflow's jobs grow with images, channels, classes and bands.

Features are made up; the jobs are the workflow's own, of the default study's readouts, modes,
controls and statistics. One size at a time goes up in steps of two to sixteen times its least.
"""

from __future__ import annotations

import argparse
import dataclasses
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from bandprobe.cli.shared import HOME
from bandprobe.study.config import load_config
from benchmarks.exponents import fit_exponent
from benchmarks.growth_figure import draw
from benchmarks.made_up import STAGES as ALL_STAGES
from benchmarks.made_up import Job, Layer, bands_of, plan_jobs, run_job, study_of, write_layer
from benchmarks.tables import markdown, publish

STEPS = (1, 2, 4, 8, 16)
# What is measured needs the folds, which scikit-learn deals out. Tables are not measured.
STAGES = tuple(stage for stage in ALL_STAGES if not stage.startswith("summarise"))
QUICK = STAGES[:4]
# The least of each axis; the others stay. All maps have more dimensions than there are images, so
# that readouts are fitted on Gram matrices; so have band energies where channels grow.
AXES = {
    "images": Layer(train=96, evaluation=96, channels=64, side=28, classes=32, bands=7),
    "channels": Layer(train=192, evaluation=192, channels=32, side=28, classes=8, bands=7),
    "classes": Layer(train=640, evaluation=640, channels=32, side=28, classes=16, bands=7),
    "bands": Layer(train=192, evaluation=192, channels=64, side=28, classes=8, bands=3),
}
SMALLEST = {"images": Layer(train=40, evaluation=40, channels=8, side=14, classes=4, bands=2)}
START = Layer(train=20, evaluation=20, channels=2, side=4, classes=2, bands=2)


@dataclass(frozen=True)
class Cost:
    """The method's own cost of a job: exponents by axis, of its time and of its memory."""

    formula: str
    time: dict[str, float]
    memory: dict[str, float]


def _exponents(images: float, channels: float, classes: float, bands: float) -> dict[str, float]:
    return {"images": images, "channels": channels, "classes": classes, "bands": bands}


# After docs/method.md, for n images, maps of p = c h w values, k classes, b bands. An axis that the
# formula does not name has 0.
COSTS = {
    "compute_spectra": Cost("FFT n p log(hw), energies n c b", _exponents(1, 1, 0, 1), {}),
    "fit_probes": Cost(
        "Gram n^2 p; a refit a band: eigenvectors n^3, path n^2 k; memory: Gram n^2 b, n k, n c b",
        _exponents(3, 1, 1, 1),
        _exponents(2, 1, 1, 1),
    ),
    "split_logits": Cost(
        "n p k, sums n k b; memory: W p k, logits n k b", _exponents(1, 1, 1, 1), {}
    ),
    "intervene_linear": Cost("outcomes n k b; Shapley values n k 2^b", _exponents(1, 0, 1, 1), {}),
    "intervene_random noise": Cost("n p k, sums n k b", _exponents(1, 1, 1, 1), {}),
    "intervene_random perturb": Cost("n p k, sums n k b", _exponents(1, 1, 1, 1), {}),
    "score_targets": Cost("sums over groups: n b", _exponents(1, 0, 0, 1), {}),
}
Row = dict[str, Any]


def grown(layer: Layer, axis: str, step: int) -> Layer:
    """The layer with a multiple of one of its sizes."""
    names = ("train", "evaluation") if axis == "images" else (axis,)
    return dataclasses.replace(layer, **{name: step * getattr(layer, name) for name in names})


def size_of(layer: Layer, axis: str) -> int:
    """Its size along an axis; images are those of each split."""
    return int(getattr(layer, "train" if axis == "images" else axis))


@dataclass(frozen=True)
class Settings:
    """What is measured, and how often."""

    steps: Sequence[int]
    stages: Sequence[str]
    repeats: int
    threads: int


@cache
def plan(bands: int, shapley: bool, stages: Sequence[str]) -> list[Job]:
    """The jobs of a study of a layer, whose size does not matter to them."""
    study = study_of(load_config(HOME / "config.yaml"), START, bands_of(bands))
    if not shapley:
        study["shapley"] = {"fill": "none"}
    with tempfile.TemporaryDirectory() as folder:
        return plan_jobs(Path(folder), study, stages)


@cache
def measure(layer: Layer, shapley: bool, settings: Settings) -> dict[str, Row]:
    """Medians of what each job takes on a layer."""
    print(f"{layer}", flush=True)
    found = {}
    repeats, threads = settings.repeats, settings.threads
    jobs = plan(layer.bands, shapley, settings.stages)
    folder = Path(tempfile.mkdtemp())
    try:
        write_layer(folder, layer)
        for job in jobs:
            taken = [dataclasses.asdict(run_job(folder, job, threads)) for _ in range(repeats)]
            found[job.name] = {name: median(one[name] for one in taken) for name in taken[0]}
    finally:
        shutil.rmtree(folder)
    return found


def sweep(axis: str, layer: Layer, settings: Settings) -> Row:
    """All sizes along one axis, and what the jobs take on almost no data.

    Where bands grow no Shapley values are taken: by their definition they go over 2^b subsets.
    """
    layers = [grown(layer, axis, step) for step in settings.steps]
    start, *points = (measure(one, axis != "bands", settings) for one in (START, *layers))
    sizes = [size_of(one, axis) for one in layers]
    jobs = {name: [point[name] for point in points] for name in COSTS if name in start}
    return {"sizes": sizes, "layer": dataclasses.asdict(layer), "start": start, "jobs": jobs}


def judge(axis: str, found: Row) -> list[Row]:
    """A row a job and quantity: its cost at both ends, exponent, bound, and whether it holds."""
    rows = []
    for job, points in found["jobs"].items():
        cost = COSTS[job]
        for quantity, key in (("time", "processor_s"), ("memory", "peak_bytes")):
            bounds = cost.time if quantity == "time" else cost.memory or cost.time
            costs = [point[key] for point in points]
            start = found["start"][job][key]
            exponent = fit_exponent(found["sizes"], costs, start)
            judged = {"bound": bounds[axis], "within": exponent.within(bounds[axis])}
            ends = {"start": start, "least": costs[0], "most": costs[-1]}
            names = {"axis": axis, "job": job, "quantity": quantity}
            rows.append(names | ends | dataclasses.asdict(exponent) | judged)
    return rows


def table(found: Row) -> str:
    """Exponents beside those of the method, in Markdown: a row a job, a column a size."""
    extents = {axis: one["sizes"] for axis, one in found["axes"].items()}
    head = [f"{axis} {sizes[0]} to {sizes[-1]}" for axis, sizes in extents.items()]
    by_job: dict[tuple[str, str], dict[str, Row]] = {}
    for row in found["rows"]:
        by_job.setdefault((row["job"], row["quantity"]), {})[row["axis"]] = row
    rows = [
        [f"`{job}`", quantity, *(_cell(of_axis.get(axis)) for axis in extents)]
        for (job, quantity), of_axis in by_job.items()
    ]
    wrong = sum(not row["within"] for row in found["rows"])
    costs = "; ".join(f"`{job}`: {cost.formula.replace('; ', ', ')}" for job, cost in COSTS.items())
    text = (
        f"Medians of {found['repeats']} repeats, {found['threads']} thread; time is processor "
        "seconds. Each cell has the exponent, the method's own after the slash, and the cost at "
        "the largest size. Exponents are slopes of the cost above that of the same job on almost "
        "no data; a dash: never a fifth above that. Bold would be an exponent that, two standard "
        "errors taken off, is more than a tenth above the method's. Where bands grow, Shapley "
        f"values are left out. Growing faster than the method: {wrong} of {len(found['rows'])}."
    )
    rule = f"The method's cost, for n images, maps of p values, k classes and b bands. {costs}."
    return "\n\n".join([markdown(("job", "quantity", *head), rows), text, rule])


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    scale, unit = (1.0, "s") if row["quantity"] == "time" else (2.0**20, "MiB")
    slope = "-" if row["slope"] is None else f"{row['slope']:.2f}"
    if not row["within"]:
        slope = f"**{slope}**"
    most = row["most"] / scale
    return f"{slope} / {row['bound']:g}; {most:,.{0 if most >= 100 else 1}f} {unit}"


def measure_growth(axes: dict[str, Layer], settings: Settings) -> Row:
    """All axes."""
    found = {axis: sweep(axis, layer, settings) for axis, layer in axes.items()}
    rows = [row for axis, one in found.items() for row in judge(axis, one)]
    facts = {"repeats": settings.repeats, "threads": settings.threads}
    costs = {job: cost.formula for job, cost in COSTS.items()}
    return facts | {"costs": costs, "axes": found, "rows": rows}


def main() -> None:
    """Measure, print and draw."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.growth", description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="one axis, few jobs: to try it")
    parser.add_argument("--axes", nargs="+", choices=tuple(AXES), default=list(AXES))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/growth.json"))
    arguments = parser.parse_args()
    settings = Settings(STEPS, STAGES, arguments.repeats, arguments.threads)
    axes = {axis: AXES[axis] for axis in arguments.axes}
    if arguments.smallest:
        axes, settings = SMALLEST, Settings((1, 4), QUICK, 1, arguments.threads)
    found = measure_growth(axes, settings)
    draw(found, arguments.output.with_suffix(".png"))
    publish(arguments.output, found, table(found))


if __name__ == "__main__":
    main()
