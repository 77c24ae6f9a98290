"""The basics of the default study by one careful script, and by the naive form, in one run.

The script (`benchmarks/by_hand.py`) holds the features in memory and stores nothing. The naive form
(`benchmarks/naive.py`) runs the whole network again for every target, with a hook that changes the
layer's output; some targets are measured and the rest is extrapolated. Both have the readouts `map`
and `pooled`, and the modes remove and isolate with both fills and random phases. Of the default
study's other modes lowpass, highpass, resample and noise are left out; so are spectra and figures.

Before any time is printed, the penalty, margin and accuracy of every target have to be those of the
finished study in `results/`. `--smallest` takes few images, of which no study is stored: there they
have to be those of bandprobe's own functions on the same maps.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from operator import truediv
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import scipy.fft
import torch

from bandprobe.base.files import write_text
from bandprobe.cli.shared import HOME
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from bandprobe.workflow.script import KEEP_MEMORY
from benchmarks import naive
from benchmarks.by_hand import CLEAN, Cell
from benchmarks.by_hand_run import (
    DATASET,
    PARTS,
    Images,
    Layers,
    Run,
    bare_forward,
    network_of,
    read_images,
    run_script,
)
from benchmarks.study import BATCH, GIB, basics, run_study
from benchmarks.tables import markdown, publish

# Of the smallest run: two late layers of the CNN.
SMALLEST = {"efficientnet_lite0": ("blocks.4", "blocks.6")}
# A target by model, layer, readout, mode and band.
Target = tuple[str, str, str, Cell]


def naive_seconds(study: Study, run: Run, images: Images, count: int) -> dict[str, Any]:
    """Seconds of the naive form of all targets, from `count` of each model and kind of mode.

    Inputs are in memory and readouts are fitted already. The accuracy of each target that is
    measured has to be the script's.
    """
    generator = np.random.default_rng(0)
    total, measured, images_s = 0.0, 0, images.evaluation.sample
    for name in dict.fromkeys(model for model, _ in run.scores):
        network, preprocess = network_of(study.models[name])
        inputs = torch.cat([images.batch(at, preprocess) for at in range(0, len(images), BATCH)])
        inputs = inputs[-len(images_s) :].contiguous()
        own = [
            (name, layer, readout, cell)
            for (model, layer), scores in run.scores.items()
            if model == name
            for readout, one in scores.items()
            for cell in one.top1
            if cell != CLEAN
        ]
        for random in (False, True):
            group = [one for one in own if (study.modes[one[3][0]].kind == "phase") == random]
            chosen = generator.choice(len(group), min(count, len(group)), replace=False)
            seconds = [_one_target(study, run, images, network, inputs, group[i]) for i in chosen]
            total += float(np.mean(seconds)) * len(group)
            measured += len(seconds)
    return {"targets_s": total, "measured": measured, "targets": run.counts["targets"]}


def _one_target(
    study: Study,
    run: Run,
    images: Images,
    network: torch.nn.Module,
    inputs: torch.Tensor,
    target: Target,
) -> float:
    model, layer, readout, (mode, band) = target
    readouts, mean_map = run.fitted[model, layer]
    expected = run.scores[model, layer][readout]
    begin = time.perf_counter()
    found = naive.top1(
        network,
        layer,
        inputs,
        images.evaluation.sample,
        images.evaluation.label,
        study.modes[mode],
        band,
        study.bands.edges,
        (readout, readouts[readout]),
        mean_map,
    )
    seconds = time.perf_counter() - begin
    differ = abs(found - expected.top1[mode, band]) * len(inputs)
    assert (mode, band) in expected.level or differ < 1 + 1e-3, (
        f"{target}: naive top-1 {found}, script {expected.top1[mode, band]}"
    )
    return seconds


def study_seconds(config: Mapping[str, Any]) -> float:
    """Seconds of bandprobe's study of the same scope, from assets to figures, in a fresh folder."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "study")
        folder.mkdir()
        shutil.copytree(HOME / "resources", folder / "resources", symlinks=True)
        file = Path(name, "config.yaml")
        write_text(file, json.dumps(config))
        return run_study(folder, file)[0]


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Rounds of bare forward passes, script and study; then the naive form of some targets."""
    config = basics(load_config(HOME / "config.yaml"))
    study = parse_study(config)
    layers: Layers = {name: model.layers for name, model in study.models.items()}
    layers = SMALLEST if arguments.smallest else layers
    images = read_images(smallest=arguments.smallest)
    rounds: list[dict[str, Any]] = []
    with scipy.fft.set_workers(torch.get_num_threads()):
        for _ in range(arguments.rounds):
            bare = bare_forward(study, layers, images)
            run = run_script(study, layers, images, smallest=arguments.smallest)
            one: dict[str, Any] = {"bare_forward_s": bare, "script_s": run.seconds}
            if not arguments.smallest and not arguments.without_study:
                one["study_s"] = study_seconds(config)
            rounds.append(one)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GIB
        by_naive = naive_seconds(study, run, images, arguments.naive)
    # Training images go through once, and readouts are fitted, as in the script.
    once = median(one["script_s"]["forward"] + one["script_s"]["readouts"] for one in rounds)
    slow = by_naive["targets_s"] + once
    return {
        "images": len(images),
        "targets": run.counts["targets"],
        "targets_that_differ_by_one_image": run.counts["differ"],
        "targets_without_a_lead": run.counts["level"],
        "compared_with": "bandprobe's functions" if arguments.smallest else "the finished study",
        "rounds": rounds,
        "ratios": ratios(rounds, slow),
        # With few images the largest are the functions that it is compared with.
        "script_peak_memory_gib": None if arguments.smallest else peak,
        "naive": {**by_naive, "once_s": once, "seconds": slow},
    }


def ratios(rounds: Sequence[Mapping[str, Any]], naive_s: float) -> dict[str, float]:
    """Medians over rounds of each round's ratios."""
    bare = [one["bare_forward_s"] for one in rounds]
    script = [sum(one["script_s"].values()) for one in rounds]
    study = [one["study_s"] for one in rounds if "study_s" in one]
    found = {"script_over_bare": median(map(truediv, script, bare))}
    found["naive_over_script"] = median(naive_s / one for one in script)
    if study:
        found["study_over_bare"] = median(map(truediv, study, bare))
        found["study_over_script"] = median(map(truediv, study, script))
        found["naive_over_study"] = median(naive_s / one for one in study)
    return found


def table(found: Mapping[str, Any]) -> str:
    """What was measured, in Markdown: medians over rounds of seconds and of a round's ratios."""
    rounds, slow = found["rounds"], found["naive"]
    bare = [one["bare_forward_s"] for one in rounds]
    script = [sum(one["script_s"].values()) for one in rounds]
    rows = [_row("bare forward passes", bare, bare), _row("one script by hand", script, bare)]
    for part in PARTS:
        rows.append(_row(f"- its {part}", [one["script_s"][part] for one in rounds], bare))
    naive_s = [slow["seconds"]] * len(rounds)
    title = f"naive form, from {slow['measured']} of {slow['targets']} targets"
    rows.append(_row(title, naive_s, bare))
    text = [
        f"{found['images']} images, {found['targets']} targets, medians of {len(rounds)} rounds; "
        "the naive form is measured once, after them. "
        f"Penalties, margins and accuracies are those of {found['compared_with']}: "
        f"{found['targets_that_differ_by_one_image']} accuracies differ, by one image. In "
        f"{found['targets_without_a_lead']} targets no class leads in any image; accuracy is "
        "rounding there, and is not compared.",
    ]
    if found["script_peak_memory_gib"] is not None:
        text.append(f"Peak memory of the script {found['script_peak_memory_gib']:.2f} GiB.")
    if all("study_s" in one for one in rounds):
        ours = [one["study_s"] for one in rounds]
        rows.append(_row("bandprobe, the same scope and its figures, stored", ours, bare))
        ratio = found["ratios"]
        text.append(
            f"bandprobe / script {ratio['study_over_script']:.2f}; "
            f"naive / bandprobe {ratio['naive_over_study']:.0f}."
        )
    return markdown(["", "seconds", "/ bare forward"], rows) + "\n\n" + " ".join(text)


def _row(title: str, seconds: list[float], bare: list[float]) -> tuple[str, str, str]:
    ratio = median(map(truediv, seconds, bare))
    return title, f"{median(seconds):.1f}", f"{ratio:.2f}"


def same_allocator() -> None:
    """Start again with the allocator settings of the study's jobs: a CNN is slower without."""
    if not KEEP_MEMORY.items() <= os.environ.items():
        command = [sys.executable, "-m", "benchmarks.one_script", *sys.argv[1:]]
        os.execve(sys.executable, command, os.environ | KEEP_MEMORY)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.one_script", description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="two layers, few images, to try it")
    parser.add_argument("--rounds", type=int, default=1, help="of baseline, script and study")
    parser.add_argument(
        "--naive", type=int, default=1, help="targets measured, of each model and kind of mode"
    )
    parser.add_argument("--without-study", action="store_true", help="do not run bandprobe's own")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/one_script.json"))
    arguments = parser.parse_args()
    same_allocator()
    if not Path(Paths.MANIFEST.format(dataset=DATASET)).exists():
        parser.error("run the default study first, by make study")
    found = measure(arguments)
    publish(arguments.output, found, table(found))


if __name__ == "__main__":
    main()
