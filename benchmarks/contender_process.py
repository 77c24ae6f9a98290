"""One contender in a process of its own, which does what it is told line by line.

Standard input holds one JSON object a line, standard output one answer to each. It is a process of
its own because some packages change torch for everyone, and none of multiprocessing's because
TorchLens refuses to run in those.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bandprobe.cli.shared import HOME, load_study
from bandprobe.data.datasets import samples
from bandprobe.data.manifest import Split
from bandprobe.features.extract import Source
from bandprobe.study.paths import Paths
from bandprobe.study.study import Model, Study
from benchmarks.contenders import BARE, CONTENDERS, OURS, Maps, Run, Work
from benchmarks.study import load


@dataclass(frozen=True)
class Settings:
    """How much is extracted, and with what."""

    images: int
    batch: int
    threads: int


def networks(study: Study) -> list[Model]:
    """Models that run a network."""
    return [model for model in study.models.values() if model.architecture != "pixels"]


def first_crops(study: Study, count: int) -> Split:
    """The first crops of the training split, in the study's order."""
    rows = samples(study.datasets["photos"], HOME / Paths.PHOTOS)[:count]
    boxes = np.array([row.crop for row in rows])
    number = np.arange(len(rows))
    label = np.array([row.label for row in rows])
    width, height = (boxes[:, 2:] - boxes[:, :2]).T
    images, crops = [row.image for row in rows], [row.crop for row in rows]
    return Split(number, label, number, images, crops, width, height)


class Worker:
    """One contender in a process of its own: networks stay loaded between rounds."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.contender = CONTENDERS[name]
        self.runs: dict[str, Run] = {}
        self.works: dict[str, Work] = {}
        # Why it cannot do a network, in its own words.
        self.refusals: dict[str, str] = {}
        torch.set_num_threads(settings.threads)
        study = load_study(HOME / "config.yaml")
        split = first_crops(study, settings.images)
        for model in networks(study):
            backbone = load(model)
            source = Source(HOME / Paths.PHOTOS, split, backbone.preprocess(model.preprocess))
            work = Work(backbone, model.layers, source, settings.batch)
            self.works[model.name] = work
            try:
                self._warm_up(work)
                self.runs[model.name] = self.contender.prepare(work)
            except Exception as error:  # whatever a package makes of a network
                if name in (OURS, BARE):
                    raise
                self.refusals[model.name] = in_short(error)

    def _warm_up(self, work: Work) -> None:
        first = work.source.split.take(np.arange(min(work.batch, len(work))))
        small = replace(work, source=replace(work.source, split=first))
        with tempfile.TemporaryDirectory() as folder:
            self.contender.prepare(small)(Path(folder))

    def measure(self, model: str, folder: Path) -> dict[str, float]:
        """Wall and processor seconds of one extraction, children's included, and its bytes."""
        os.sync()  # what others wrote is not written out in this one's time
        folder.mkdir()
        before, begin = sum(os.times()[:4]), time.perf_counter()
        self.runs[model](folder)
        seconds = time.perf_counter() - begin
        processor = sum(os.times()[:4]) - before
        stored = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        return {"seconds": seconds, "processor_s": processor, "bytes": stored}

    def difference(self, model: str, folder: Path, ours: Path) -> float:
        """Largest difference from bandprobe's values, relative to the layer's largest value."""
        read, work = self.contender.read, self.works[model]
        if read is None:
            return 0.0
        ours_read = CONTENDERS[OURS].read
        assert ours_read is not None
        return largest_difference(ours_read(ours, work), read(folder, work))


def largest_difference(ours: Maps, theirs: Maps) -> float:
    """Of float16 maps from float32 ones, relative to each layer's largest value.

    Raises
    ------
    SystemExit
        If a layer is missing, or differs by more than the rounding of float16.
    """
    if set(ours) != set(theirs):
        raise SystemExit(f"layers differ: {sorted(ours)}, {sorted(theirs)}")
    worst = 0.0
    for name, exact in theirs.items():
        if ours[name].shape != exact.shape:
            raise SystemExit(f"{name}: shapes {ours[name].shape} and {exact.shape}")
        scale = float(np.abs(exact).max())
        off = np.abs(ours[name] - exact)
        # Half a unit in float16's last place, and what another order of float32 sums can make.
        if not (off <= 2.0**-11 * np.abs(exact) + 1e-5 * scale).all():
            raise SystemExit(f"{name}: differs by {float(off.max()):.3g} of {scale:.3g}")
        worst = max(worst, float(off.max()) / scale)
    return worst


def in_short(error: Exception) -> str:
    """The kind of an error, and its first line."""
    text = str(error).strip() or "no message"
    return f"{type(error).__name__}: {text.splitlines()[0]}"


def answer(worker: Worker, name: str, order: dict[str, str]) -> Any:
    """What a line asks for: `measure`, or `difference` from bandprobe's values.

    A package that gives up, as where memory is short, is answered with `refused` and why.
    """
    folder = Path(order["folder"])
    if "ours" in order:
        return worker.difference(order["model"], folder, Path(order["ours"]))
    try:
        return worker.measure(order["model"], folder)
    except Exception as error:  # whatever a package makes of it
        if name in (OURS, BARE):
            raise
        return {"refused": in_short(error)}


def main() -> None:
    """Get ready, say what cannot be done, and take orders until there are no more."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=list(CONTENDERS))
    parser.add_argument("--images", type=int, required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    given = vars(parser.parse_args())
    # What packages print goes elsewhere.
    answers, sys.stdout = sys.stdout, sys.stderr
    name = given.pop("contender")
    worker = Worker(name, Settings(**given))
    print(json.dumps(worker.refusals), file=answers, flush=True)
    for line in sys.stdin:
        print(json.dumps(answer(worker, name, json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
