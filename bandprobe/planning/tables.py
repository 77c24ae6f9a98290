"""The plan of a study as tables: networks, stages, and what each costs on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

import numpy as np
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from bandprobe.base.units import in_bytes, in_time
from bandprobe.planning.costs import BATCH, Cost, layers_of, stage_costs
from bandprobe.planning.counts import Counts, count_samples
from bandprobe.planning.jobs import job_need, refusal, rules_of
from bandprobe.planning.limit import jobs_memory
from bandprobe.planning.map_shapes import PassShape
from bandprobe.planning.shapes import images_per_second, pass_shapes
from bandprobe.study.study import Study

SECONDS = 5.0
MATRIX, REPEATS = 2000, 3
Shapes = Mapping[str, tuple[PassShape, ...]]


@dataclass(frozen=True)
class Speed:
    """How fast the machine is.

    Attributes
    ----------
    measure : bool
        Time this machine for some seconds; the other two are then ignored.
    gflops : float, optional
        1e9 operations per second.
    images_per_second : float, optional
        Speed of each forward pass.
    """

    measure: bool = False
    gflops: float | None = None
    images_per_second: float | None = None


def plan_tables(study: Study, speed: Speed) -> Iterator[RenderableType]:
    """What every data set of a study will cost, to be printed."""
    shapes = {name: pass_shapes(model) for name, model in study.models.items()}
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    matrices = matrix_speed() if speed.measure else (speed.gflops or 0) * 1e9
    for name, spec in study.datasets.items():
        counts = count_samples(name, spec)
        seconds = forward_seconds(study, counts, shapes, speed)
        everything = chain(study.targets(), study.head_targets())
        targets = sum(1 for target in everything if target.dataset == name)
        costs = stage_costs(study, counts, shapes)
        yield Text.assemble(
            (name, "bold"),
            f": {counts.train} training and {counts.eval} evaluation samples of "
            f"{counts.classes} classes, from {counts.source}; {targets} targets",
        )
        yield network_table(counts, shapes, seconds)
        forward = sum(seconds.values()) if seconds else None
        yield stage_table(costs, matrices or None, forward, memory)
        yield (
            f"! is more than the {in_bytes(memory)} of this machine. bandprobe/planning/costs.py "
            "says what is counted; Python and its libraries add 0.2 GB per job, 0.6 GB with torch."
        )
        yield from limit_tables(study, counts, shapes)


def limit_tables(study: Study, counts: Counts, shapes: Shapes) -> Iterator[RenderableType]:
    """The largest job of each rule under `scale.memory`, and what does not fit; nothing without."""
    most = jobs_memory(study)
    if most is None or study.scale.memory is None:
        return
    every = layers_of(counts, shapes, study.storage.itemsize)
    table = Table(title=f"under scale.memory: {in_bytes(most)} for jobs", title_justify="left")
    for name in ("rule", "largest job", "memory", "blocks", "at once"):
        table.add_column(name, justify="left" if name in ("rule", "largest job") else "right")
    refused, cores = [], os.cpu_count() or 1
    for rule in rules_of(study):
        needs = [(job_need(rule, layer, study, most, cores), layer) for layer in every]
        need, layer = max(needs, key=lambda pair: pair[0].memory)
        fit = most // need.memory
        where = f"{layer.model} {layer.shape.layer}"
        size = in_bytes(need.memory) + ("" if fit else " !")
        table.add_row(rule, where, size, f"{need.share:g}", f"{fit}" if fit else "none")
        if not fit:
            refused.append(refusal(rule, layer, study, most))
    yield table
    yield "! is more than that. Memory is a process's; blocks are a share of their usual sizes."
    yield from map(str, refused)


def matrix_speed() -> float:
    """Operations per second of a matrix product in double precision on this machine."""
    matrix = np.ones((MATRIX, MATRIX))
    times = []
    for _ in range(REPEATS):
        begin = time.perf_counter()
        matrix @ matrix
        times.append(time.perf_counter() - begin)
    return 2 * MATRIX**3 / min(times)


def network_table(
    counts: Counts,
    shapes: Shapes,
    seconds: dict[str, float],
) -> Table:
    """Networks, their layers, and what one image costs in each."""
    table = Table(title="networks", title_justify="left")
    numbers = ("map", "values", "W, each readout", "GFLOP per image", "forward")
    for name in ("model", "layer", *numbers):
        table.add_column(name, justify="right" if name in numbers else "left")
    for model, passes in shapes.items():
        time_text = in_time(seconds[model]) if model in seconds else ""
        for forward in passes:
            for shape in forward.layers:
                last = shape is forward.layers[-1] and forward.flops
                weights = in_bytes(4.0 * counts.classes * shape.dimensions)
                tokens = f" + {shape.tokens}" if shape.tokens else ""
                grid = f"{shape.channels} x {shape.height} x {shape.width}{tokens}"
                row = (model, shape.layer, grid, f"{shape.dimensions}", weights)
                table.add_row(
                    *row, f"{forward.flops / 1e9:.1f}" if last else "", time_text if last else ""
                )
    return table


def stage_table(
    costs: list[Cost], speed: float | None, forward: float | None, memory: int
) -> Table:
    """Stages, and what each costs; jobs that exceed the memory of this machine are marked."""
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


def forward_seconds(study: Study, counts: Counts, shapes: Shapes, speed: Speed) -> dict[str, float]:
    """Seconds of the forward passes of each network whose speed is known."""
    seconds = {}
    for model, passes in shapes.items():
        flops = sum(forward.flops for forward in passes)
        if not flops:
            continue
        if speed.measure:
            rate = images_per_second(study.models[model], BATCH, SECONDS)
            share = flops / max(forward.flops for forward in passes)
            seconds[model] = counts.total * share / rate
        elif speed.images_per_second:
            seconds[model] = counts.total * len(passes) / speed.images_per_second
        elif speed.gflops:
            seconds[model] = counts.total * flops / (speed.gflops * 1e9)
    return seconds
