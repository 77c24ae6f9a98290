"""Say what a study costs before it runs: images, passes, disk, memory, operations, time.

Nothing is computed but shapes: neither images nor weights are needed where the configuration
tells how many images there are. Times follow from operations and a speed, given or measured.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
from rich.table import Table

from bandprobe.commands import load_study
from bandprobe.counting import Counts, count_samples
from bandprobe.plan import BATCH, Cost, stage_costs
from bandprobe.report import console
from bandprobe.scripting import run
from bandprobe.shapes import PassShape, images_per_second, pass_shapes
from bandprobe.study import Study

UNITS = ("B", "kB", "MB", "GB", "TB")
SECONDS = 5.0
MATRIX, REPEATS = 2000, 3


def in_bytes(count: float) -> str:
    """Bytes in the unit that suits them, in powers of 1000."""
    unit = 0
    while count >= 1000 and unit < len(UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.3g} {UNITS[unit]}"


def in_time(seconds: float) -> str:
    """A time to two digits."""
    if seconds < 90:
        return f"{seconds:.2g} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.3g} h"


def matrix_speed() -> float:
    """Operations a second of a matrix product in double precision on this machine."""
    matrix = np.ones((MATRIX, MATRIX))
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - begin)
    return 2 * MATRIX**3 / min(times)


def network_table(
    counts: Counts,
    shapes: dict[str, tuple[PassShape, ...]],
    seconds: dict[str, float],
) -> Table:
    """Networks, their layers, and what one image of each takes."""
    table = Table(title="networks", title_justify="left")
    for name in ("model", "layer", "map", "values", "W, each readout", "GFLOP an image", "forward"):
        table.add_column(name, justify="left" if name in ("model", "layer") else "right")
    for model, passes in shapes.items():
        time_text = in_time(seconds[model]) if model in seconds else ""
        for one in passes:
            for shape in one.layers:
                last = shape is one.layers[-1] and one.flops
                weights = in_bytes(4.0 * counts.classes * shape.dimensions)
                tokens = f" + {shape.tokens}" if shape.tokens else ""
                grid = f"{shape.channels} x {shape.height} x {shape.width}{tokens}"
                row = (model, shape.layer, grid, f"{shape.dimensions}", weights)
                table.add_row(
                    *row, f"{one.flops / 1e9:.1f}" if last else "", time_text if last else ""
                )
    return table


def stage_table(
    costs: list[Cost], speed: float | None, forward: float | None, memory: int
) -> Table:
    """Stages, and what each takes; what does not fit this machine's memory is marked."""
    table = Table(title="stages", title_justify="left")
    for name in ("stage", "jobs", "stored", "largest job", "operations", "time"):
        table.add_column(name, justify="left" if name == "stage" else "right")
    for cost in costs:
        time_text = ""
        if cost.stage == "features" and forward is not None:
            time_text = in_time(forward)
        elif cost.stage != "features" and cost.operations and speed:
            time_text = in_time(cost.operations / speed)
        large = in_bytes(cost.memory) + (" !" if cost.memory > memory else "")
        operations = f"{cost.operations:.2g}" if cost.operations else ""
        row = (cost.stage, f"{cost.jobs}", in_bytes(cost.stored), large, operations)
        table.add_row(*row, time_text)
    total = in_bytes(sum(cost.stored for cost in costs))
    table.add_row("all", f"{sum(cost.jobs for cost in costs)}", total, "", "", "")
    return table


def forward_seconds(
    study: Study,
    counts: Counts,
    shapes: dict[str, tuple[PassShape, ...]],
    options: argparse.Namespace,
) -> dict[str, float]:
    """Seconds of the forward passes of each network, by what the options tell of the speed."""
    found = {}
    for model, passes in shapes.items():
        flops = sum(one.flops for one in passes)
        if not flops:
            continue
        if options.measure:
            rate = images_per_second(study.models[model], BATCH, SECONDS)
            share = flops / max(one.flops for one in passes)
            found[model] = counts.total * share / rate
        elif options.images_per_second:
            found[model] = counts.total * len(passes) / options.images_per_second
        elif options.gflops:
            found[model] = counts.total * flops / (options.gflops * 1e9)
    return found


def main() -> None:
    """Print the plan of every data set of a study."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--config", type=Path, default=Path("config.yaml"), help="the study")
    speed = parser.add_mutually_exclusive_group()
    speed.add_argument("--measure", action="store_true", help="time this machine for some seconds")
    speed.add_argument(
        "--gflops", type=float, help="speed of this machine, 1e9 operations a second"
    )
    speed.add_argument("--images-per-second", type=float, help="speed of each forward pass")
    arguments = parser.parse_args()
    study = load_study(arguments.config)
    shapes = {name: pass_shapes(model) for name, model in study.models.items()}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    matrices = matrix_speed() if arguments.measure else (arguments.gflops or 0) * 1e9
    out = console()
    for name, spec in study.datasets.items():
        counts = count_samples(name, spec)
        seconds = forward_seconds(study, counts, shapes, arguments)
        targets = sum(1 for target in study.targets() if target.dataset == name)
        costs = stage_costs(study, counts, shapes)
        out.print(
            f"[bold]{name}[/]: {counts.train} training and {counts.eval} evaluation samples of "
            f"{counts.classes} classes, by {counts.source}; {targets} targets"
        )
        out.print(network_table(counts, shapes, seconds))
        forward = sum(seconds.values()) if seconds else None
        out.print(stage_table(costs, matrices or None, forward, memory))
        out.print(
            f"! is more than the {in_bytes(memory)} of this machine. bandprobe/plan.py says "
            "what is counted; Python and its libraries take 0.2 GB a job, with torch 0.6 GB."
        )
        if not seconds:
            out.print("For times, add --measure, --gflops or --images-per-second.")


if __name__ == "__main__":
    run(main)
