"""The default study against the bare forward passes of the same networks on the same images.

The baseline runs each network on its preprocessed inputs, channels last, as far as the study needs,
and stores nothing; it has the memory settings that the study gives its jobs.
The study starts from downloaded assets and ends with its figures, Snakemake's own cost included.
All use all cores. What is printed are ratios within this run.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from operator import truediv
from pathlib import Path
from statistics import mean, median
from typing import Any

import psutil
import torch

from bandprobe.backbones.backbone import Backbone, load_backbone, read_layers
from bandprobe.base.files import write_text
from bandprobe.cli.shared import HOME, load_study
from bandprobe.data.datasets import samples
from bandprobe.data.inputs import load_batch
from bandprobe.study.config import load_config
from bandprobe.study.paths import Paths
from bandprobe.study.study import Model, Study
from bandprobe.workflow.script import KEEP_MEMORY
from benchmarks.tables import markdown, publish

BATCH = 16
GIB = 2**30


SMALLEST = (4, 4)


def with_crops(config: dict[str, Any], train: int, evaluation: int) -> dict[str, Any]:
    """The default study with another number of crops a photo: what is fixed weighs more in it."""
    small = copy.deepcopy(config)
    small["datasets"]["photos"] |= {"train_crops": train, "eval_crops": evaluation}
    return small


def load(model: Model) -> Backbone:
    """A model of the study with its weights out of resources/."""
    file = Path(HOME, Paths.WEIGHTS.format(asset=model.weights.partition("/")[2]))
    return load_backbone(model.architecture, model.weights, model.arguments, model.seed, file)


def bare_forward(study: Study, model: Model, repeats: int) -> list[float]:
    """Seconds of forward passes over all images, a list of repeats; preprocessing is not timed."""
    rows = samples(study.datasets["photos"], Path(HOME, Paths.PHOTOS))
    backbone = load(model)
    preprocess = backbone.preprocess(model.preprocess)
    last = [model.layers[-1]]
    root = Path(HOME, Paths.PHOTOS)
    times = [0.0] * repeats
    for start in range(0, len(rows), BATCH):
        part = rows[start : start + BATCH]
        files, boxes = [row.image for row in part], [row.crop for row in part]
        batch = torch.from_numpy(load_batch(root, files, boxes, preprocess))
        batch = batch.to(memory_format=torch.channels_last)
        if start == 0:
            read_layers(backbone, last, batch, lambda *_: None)
        for repeat in range(repeats):
            begin = time.perf_counter()
            read_layers(backbone, last, batch, lambda *_: None)
            times[repeat] += time.perf_counter() - begin
    return times


class PeakMemory:
    """Largest memory of a process and its children, sampled; shared pages are counted once."""

    def __init__(self, pid: int) -> None:
        self.bytes = 0
        self._process = psutil.Process(pid)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> PeakMemory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.wait(0.5):
            total = 0
            try:
                family = [self._process, *self._process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for process in family:
                try:
                    total += process.memory_full_info().pss
                except psutil.Error:
                    continue
            self.bytes = max(self.bytes, total)


def run_study(folder: Path, config: Path, *goals: str) -> tuple[float, int]:
    """Seconds and peak memory of one call of the workflow in a folder with assets."""
    # Copies are as old as their originals; Snakemake has no records of them there.
    base = [sys.executable, "-m", "snakemake", "--snakefile", str(HOME / "Snakefile")]
    base += ["--workflow-profile", str(HOME / "profiles" / "default")]
    base += ["--directory", str(folder), "--configfile", str(config), "--cores", "all"]
    begin = time.perf_counter()
    with (
        subprocess.Popen(
            [*base, "--", *goals], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        ) as process,
        PeakMemory(process.pid) as memory,
    ):
        _, errors = process.communicate()
    seconds = time.perf_counter() - begin
    if process.returncode:
        print(errors.decode(), file=sys.stderr)
        raise SystemExit("the study did not finish")
    return seconds, memory.bytes


def basics(config: dict[str, Any]) -> dict[str, Any]:
    """The study with two readouts and five modes, without controls, Shapley values and heads."""
    kept = ("remove", "remove-mean", "isolate", "isolate-mean", "perturb")
    small = without_head(config)
    small.pop("refit", None)
    small["readouts"] = ["map", "pooled"]
    small["modes"] = {name: config["modes"][name] for name in kept}
    return small | {
        "shapley": {"fill": "none"},
        "controls": {"draws": 0, "masks": 0, "permutations": 0},
    }


def without_head(config: dict[str, Any]) -> dict[str, Any]:
    """The study without the networks' own heads."""
    return {key: value for key, value in copy.deepcopy(config).items() if key != "head"}


VARIANTS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "basics": basics,
    "without_head": without_head,
    "all": copy.deepcopy,
}


def study_parts(
    config: dict[str, Any], work: Path, variants: Sequence[str]
) -> tuple[dict[str, float], int]:
    """Seconds of the study from assets on disk, in variants, and its peak memory in bytes.

    Features are extracted once, which is a part of every variant; the rest is made from copies.
    """
    files = {name: work / f"{name}.yaml" for name in variants}
    for name, file in files.items():
        write_text(file, json.dumps(VARIANTS[name](config)))
    start = work / "start"
    start.mkdir()
    shutil.copytree(HOME / "resources", start / "resources", symlinks=True)
    features, peak = run_study(start, files[variants[-1]], "features")
    found = {"features": features}
    for name, file in files.items():
        folder = work / name
        shutil.copytree(start, folder, symlinks=True)
        seconds, memory = run_study(folder, file)
        found[name], peak = features + seconds, max(peak, memory)
        shutil.rmtree(folder)
    return found, peak


def baseline(config: Path, repeats: int) -> dict[str, float]:
    """Median seconds of the bare forward passes of each network, in a process of their own.

    It has the allocator settings that the study gives its jobs: the CNN is slower without.
    """
    command = [sys.executable, "-m", "benchmarks.study", "--baseline", str(config)]
    command += ["--repeats", str(repeats)]
    environment = os.environ | KEEP_MEMORY
    done = subprocess.run(
        command, env=environment, cwd=HOME, stdout=subprocess.PIPE, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(
    config: dict[str, Any], repeats: int, variants: Sequence[str], *, quick: bool
) -> dict[str, Any]:
    """One round: the study between two runs of the baseline, as the machine's speed may drift."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        write_text(path, json.dumps(config))
        runs = [baseline(path, repeats)]
        seconds, peak = study_parts(config, Path(folder), variants)
        if not quick:
            runs.append(baseline(path, repeats))
    return {
        "bare_forward_s": {name: mean(one[name] for one in runs) for name in runs[0]},
        "seconds": seconds,
        "peak_memory_gib": peak / GIB,
    }


def bare_seconds(found: dict[str, Any]) -> float:
    """Of the networks together, in a round."""
    return float(sum(found["bare_forward_s"].values()))


TITLES = {
    "features": "extraction: from assets to stores",
    "basics": "two readouts, five modes, no controls: from assets to figures",
    "without_head": "everything but the heads: from assets to figures",
    "all": "everything, the default study: from assets to figures",
}


def table(rounds: list[dict[str, Any]], crops: tuple[int, int]) -> str:
    """What was measured, in Markdown: medians over rounds of seconds and of a round's ratios."""
    bare = [bare_seconds(one) for one in rounds]
    forward = {
        name: [one["bare_forward_s"][name] for one in rounds]
        for name in rounds[0]["bare_forward_s"]
    }
    rows = [(f"{name}, bare forward", f"{median(own):.1f}", "") for name, own in forward.items()]
    rows.append(("both, bare forward", f"{median(bare):.1f}", "1"))
    for name in rounds[0]["seconds"]:
        own = [one["seconds"][name] for one in rounds]
        rows.append((TITLES[name], f"{median(own):.0f}", f"{median(map(truediv, own, bare)):.2f}"))
    peak = max(one["peak_memory_gib"] for one in rounds)
    return (
        markdown(["", "seconds", "/ bare forward"], rows)
        + f"\n\nMedians of {len(rounds)} rounds, {crops[0]} + {crops[1]} crops a photo. "
        f"Peak memory {peak:.2f} GiB."
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--smallest", action="store_true", help="few images, the basics only: to try it"
    )
    parser.add_argument(
        "--crops", type=int, nargs=2, metavar=("TRAIN", "EVAL"), help="a photo; multiples of four"
    )
    parser.add_argument("--repeats", type=int, default=2, help="of the bare forward passes")
    parser.add_argument("--rounds", type=int, default=1, help="of baseline and study")
    parser.add_argument(
        "--quick", action="store_true", help="the baseline only before the study, not after too"
    )
    parser.add_argument("--baseline", type=Path, help="only the bare passes of this study")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/study.json"))
    arguments = parser.parse_args()
    if arguments.baseline:
        study = load_study(arguments.baseline)
        networks = [m for m in study.models.values() if m.architecture != "pixels"]
        times = {m.name: bare_forward(study, m, arguments.repeats) for m in networks}
        print(json.dumps({name: median(found) for name, found in times.items()}))
        return
    config = load_config(HOME / "config.yaml")
    photos = config["datasets"]["photos"]
    crops = tuple(arguments.crops or (photos["train_crops"], photos["eval_crops"]))
    if arguments.smallest:
        crops = SMALLEST
        config["models"].pop("dinov2_vits14")
    config = with_crops(config, *crops)
    variants = ["basics"] if arguments.smallest else list(VARIANTS)
    quick = arguments.quick or arguments.smallest
    rounds = [
        measure(config, arguments.repeats, variants, quick=quick) for _ in range(arguments.rounds)
    ]
    publish(arguments.output, {"crops": crops, "rounds": rounds}, table(rounds, crops))


if __name__ == "__main__":
    main()
