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
from bandprobe.images import load_batch
from bandprobe.models import Backbone, load_backbone, read_layers
from bandprobe.scripting import KEEP_MEMORY
from bandprobe.store import write_json, write_text
from bandprobe.study import Model, Paths, Study

BATCH = 16
GIB = 2**30


def smallest(config: dict[str, Any]) -> dict[str, Any]:
    """The default study with few crops, to see that the benchmark works."""
    small = copy.deepcopy(config)
    small["datasets"]["photos"] |= {"train_crops": 6, "eval_crops": 2}
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


def whole_study(config: Path) -> tuple[float, int]:
    """Seconds and peak memory of the study in a fresh folder, from assets on disk to figures."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(HOME / "resources", Path(folder, "resources"), symlinks=True)
        # Copies are as old as their originals; Snakemake has no records of them here.
        base = [sys.executable, "-m", "snakemake", "--snakefile", str(HOME / "Snakefile")]
        base += ["--workflow-profile", str(HOME / "profiles" / "default")]
        base += ["--directory", folder, "--configfile", str(config), "--cores", "all"]
        begin = time.perf_counter()
        with (
            subprocess.Popen(base, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process,
            PeakMemory(process.pid) as memory,
        ):
            _, errors = process.communicate()
        seconds = time.perf_counter() - begin
    if process.returncode:
        print(errors.decode(), file=sys.stderr)
        raise SystemExit("the study did not finish")
    return seconds, memory.bytes


def baseline(config: Path, repeats: int, settings: dict[str, str]) -> dict[str, float]:
    """Median seconds of the bare forward passes of each network, in a process of their own."""
    environment = {k: v for k, v in os.environ.items() if k not in KEEP_MEMORY} | settings
    command = [sys.executable, __file__, "--baseline", str(config), "--repeats", str(repeats)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def measure(config: Path, repeats: int) -> dict[str, Any]:
    """The study, with both baselines before and after it: the machine's speed may drift."""
    before = [baseline(config, repeats, settings) for settings in ({}, KEEP_MEMORY)]
    seconds, memory = whole_study(config)
    after = [baseline(config, repeats, settings) for settings in ({}, KEEP_MEMORY)]
    plain, kept = (
        {name: (one[name] + two[name]) / 2 for name in one}
        for one, two in zip(before, after, strict=True)
    )
    return {
        "machine": {"cores": os.cpu_count(), "processor": platform.machine()},
        "bare_forward_s": plain,
        "bare_forward_with_kept_memory_s": kept,
        "study_s": seconds,
        "study_over_bare_forward": seconds / sum(plain.values()),
        "study_over_bare_forward_with_kept_memory": seconds / sum(kept.values()),
        "study_peak_memory_gib": memory / GIB,
    }


def report(found: dict[str, Any], repeats: int) -> None:
    """Print what was measured."""
    plain, kept = found["bare_forward_s"], found["bare_forward_with_kept_memory_s"]
    print(
        f"bare forward passes, mean of before and after the study, {repeats} repeats each, seconds"
    )
    print(f"{'':<28}{'as is':>10}{'with the study allocator settings':>36}")
    for name, value in plain.items():
        print(f"{name:<28}{value:>10.1f}{kept[name]:>36.1f}")
    print(f"{'all':<28}{sum(plain.values()):>10.1f}{sum(kept.values()):>36.1f}")
    print(f"study, assets to figures    {found['study_s']:>10.1f} s")
    print(f"study / bare forward as is  {found['study_over_bare_forward']:>10.2f}")
    settings = found["study_over_bare_forward_with_kept_memory"]
    print(f"study / with those settings {settings:>10.2f}")
    print(f"peak memory of the study    {found['study_peak_memory_gib']:>10.2f} GiB")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="few images, to try it")
    parser.add_argument("--repeats", type=int, default=2, help="of the bare forward passes")
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
    if arguments.smallest:
        config = smallest(config)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config.yaml")
        write_text(path, json.dumps(config))
        found = measure(path, arguments.repeats)
    write_json(arguments.output, found)
    report(found, arguments.repeats)


if __name__ == "__main__":
    main()
