"""The default study against the bare forward passes of the same networks on the same images.

The baseline runs each network on its preprocessed inputs, channels last, as far as the study needs,
and stores nothing: once as is, and once with the memory settings that the study gives its jobs.
The study starts from downloaded assets and ends with its figures, Snakemake's own cost included.
All use all cores. What is printed are ratios within this run.
"""

from __future__ import annotations

import argparse
import copy
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import torch

from bandprobe.commands import HOME, load_study
from bandprobe.config import load_config
from bandprobe.datasets import samples
from bandprobe.files import write_json, write_text
from bandprobe.images import load_batch
from bandprobe.models import Backbone, load_backbone, read_layers
from bandprobe.scripting import KEEP_MEMORY
from bandprobe.study import Model, Paths, Study

BATCH = 16
GIB = 2**30


SMALLEST = (8, 4)


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
    return small | {"shapley": {"fill": "none"}, "controls": {"draws": 0, "permutations": 0}}


def without_head(config: dict[str, Any]) -> dict[str, Any]:
    """The study without the networks' own heads."""
    return {key: value for key, value in copy.deepcopy(config).items() if key != "head"}


def study_parts(config: dict[str, Any], work: Path) -> dict[str, float]:
    """Seconds of the parts of the study, from assets on disk, and its peak memory in bytes.

    Features are extracted once; from copies of them the rest is made three times: basics,
    everything but the heads, and everything.
    """
    variants = {"basics": basics(config), "without_head": without_head(config), "all": config}
    files = {}
    for name, variant in variants.items():
        files[name] = work / f"{name}.yaml"
        write_text(files[name], json.dumps(variant))
    start = work / "start"
    start.mkdir()
    shutil.copytree(HOME / "resources", start / "resources", symlinks=True)
    found: dict[str, float] = {}
    found["features"], peak = run_study(start, files["all"], "features")
    for name, file in files.items():
        folder = work / name
        shutil.copytree(start, folder, symlinks=True)
        found[name], memory = run_study(folder, file)
        peak = max(peak, memory)
        shutil.rmtree(folder)
    found["peak_memory"] = peak
    return found


def baseline(config: Path, repeats: int, settings: dict[str, str]) -> dict[str, float]:
    """Median seconds of the bare forward passes of each network, in a process of their own."""
    environment = {k: v for k, v in os.environ.items() if k not in KEEP_MEMORY} | settings
    command = [sys.executable, __file__, "--baseline", str(config), "--repeats", str(repeats)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(config: dict[str, Any], repeats: int, *, quick: bool) -> dict[str, Any]:
    """The study between two runs of the baselines, because the machine's speed may drift."""
    settings: list[dict[str, str]] = [{}] if quick else [{}, KEEP_MEMORY]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        write_text(path, json.dumps(config))
        before = [baseline(path, repeats, one) for one in settings]
        parts = study_parts(config, Path(folder))
        after = before if quick else [baseline(path, repeats, one) for one in settings]
    forward = [
        {name: (one[name] + two[name]) / 2 for name in one}
        for one, two in zip(before, after, strict=True)
    ]
    bare = sum(forward[0].values())
    whole = {name: parts["features"] + parts[name] for name in ("basics", "without_head", "all")}
    return {
        "machine": {"cores": os.cpu_count(), "processor": platform.machine()},
        "bare_forward_s": forward[0],
        "bare_forward_with_kept_memory_s": forward[-1] if not quick else None,
        "features_s": parts["features"],
        "study_s": whole,
        "study_over_bare_forward": {name: seconds / bare for name, seconds in whole.items()},
        "added_share": whole["without_head"] / whole["basics"] - 1,
        "study_peak_memory_gib": parts["peak_memory"] / GIB,
    }


TITLES = {
    "basics": "two readouts, five modes, no controls",
    "without_head": "everything but the heads",
    "all": "everything: the default study",
}


def report(found: dict[str, Any], repeats: int) -> None:
    """Print what was measured."""
    print(f"bare forward passes, {repeats} repeats, seconds")
    kept = found["bare_forward_with_kept_memory_s"]
    for name, value in found["bare_forward_s"].items():
        more = f"   with the study's allocator settings {kept[name]:.1f}" if kept else ""
        print(f"  {name:<28}{value:>8.1f}{more}")
    print(f"extraction, from assets        {found['features_s']:>8.1f} s")
    for name, title in TITLES.items():
        ratio = found["study_over_bare_forward"][name]
        print(f"study, {title:<38}{found['study_s'][name]:>8.1f} s, {ratio:.2f} x bare forward")
    print(f"added to the basics, heads aside {100 * found['added_share']:>6.0f} %")
    print(f"peak memory {found['study_peak_memory_gib']:.2f} GiB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="few images, to try it")
    parser.add_argument(
        "--crops", type=int, nargs=2, metavar=("TRAIN", "EVAL"), help="a photo; multiples of four"
    )
    parser.add_argument("--repeats", type=int, default=2, help="of the bare forward passes")
    parser.add_argument(
        "--quick", action="store_true", help="the baseline once, without the allocator settings"
    )
    parser.add_argument("--baseline", type=Path, help="only the bare passes of this study")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/study.json"))
    arguments = parser.parse_args()
    if arguments.baseline:
        study = load_study(arguments.baseline)
        networks = [m for m in study.models.values() if m.architecture != "pixels"]
        times = {m.name: bare_forward(study, m, arguments.repeats) for m in networks}
        print(json.dumps({name: statistics.median(found) for name, found in times.items()}))
        return
    config = load_config(HOME / "config.yaml")
    crops = SMALLEST if arguments.smallest else arguments.crops
    if crops:
        config = with_crops(config, *crops)
    found = measure(config, arguments.repeats, quick=arguments.quick)
    write_json(arguments.output, found)
    report(found, arguments.repeats)


if __name__ == "__main__":
    main()
