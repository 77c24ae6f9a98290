"""Extraction of the default study's layers by bandprobe and by other packages, on the same images.

The baseline is the bare forward pass on inputs in memory as far as the last layer, storing nothing.
All others load the images too and store the layers: bandprobe as the rule `extract_features` does,
the others as their users would, in float32 as it comes out. Loading a model, tracing it and a first
batch are timed for no one. Each contender has a process of its own, with the same threads and
allocator settings; they take turns, and the order moves on with each round. Before times are
compared, everything that is stored has to be equal to bandprobe's up to the rounding of float16.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bandprobe.cli.shared import HOME, load_study
from bandprobe.workflow.script import KEEP_MEMORY
from benchmarks.contender_process import Settings, networks
from benchmarks.contenders import BARE, CONTENDERS, OURS
from benchmarks.tables import markdown, publish

MEGABYTE = 1e6
HEAD = ["network", "by", "stored as", "seconds", "processor s"]
HEAD += ["/ bare forward", "/ bandprobe", "MB"]


class Remote:
    """A contender's process, seen from here."""

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        command = [sys.executable, "-m", "benchmarks.contender_process", name]
        for key, value in vars(settings).items():
            command += [f"--{key}", str(value)]
        environment = os.environ | KEEP_MEMORY
        self._process = subprocess.Popen(
            command,
            env=environment,
            cwd=HOME,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def answer(self) -> Any:
        """The next line that it writes."""
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise SystemExit(f"the process of {self.name} ended early; it says why above")
        return json.loads(line)

    def ask(self, **order: str) -> Any:
        """Its answer to an order."""
        assert self._process.stdin is not None
        print(json.dumps(order), file=self._process.stdin, flush=True)
        return self.answer()

    def close(self) -> None:
        """No more orders."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


class Contest:
    """Rounds of all contenders over all networks.

    Attributes
    ----------
    measured : dict
        Of contender and network, one entry a round.
    refusals, differences : dict
        Of contender and network.
    """

    def __init__(self, settings: Settings, models: Sequence[str], work: Path) -> None:
        self.models, self.work = models, work
        self.measured: dict[tuple[str, str], list[dict[str, float]]] = {}
        self.differences: dict[tuple[str, str], float] = {}
        self.refusals: dict[tuple[str, str], str] = {}
        self.processes = {name: Remote(name, settings) for name in CONTENDERS}
        for name, process in self.processes.items():
            for model, why in process.answer().items():
                self.refusals[name, model] = why

    def close(self) -> None:
        """End the processes."""
        for process in self.processes.values():
            process.close()

    def round(self, number: int) -> None:
        """Everyone once; the first round compares what is stored."""
        names = list(CONTENDERS)
        # The first begins with bandprobe, which the others are compared with.
        first = number % len(names)
        for model in self.models:
            for name in names[first:] + names[:first]:
                if (name, model) not in self.refusals:
                    self._turn(name, model, compare=number == 0)
            shutil.rmtree(self.work / OURS, ignore_errors=True)

    def _turn(self, name: str, model: str, *, compare: bool) -> None:
        folder = self.work / name
        found = self.processes[name].ask(model=model, folder=str(folder))
        if "refused" in found:
            self.refusals[name, model] = found["refused"]
            shutil.rmtree(folder)
            return
        self.measured.setdefault((name, model), []).append(found)
        if compare and CONTENDERS[name].read and name != OURS:
            ours = str(self.work / OURS)
            off = self.processes[name].ask(model=model, folder=str(folder), ours=ours)
            self.differences[name, model] = off
        # The first round's is what the others are compared with.
        if name != OURS or not compare:
            shutil.rmtree(folder)

    def summary(self, name: str, model: str) -> dict[str, Any]:
        """Medians over rounds; ratios are of the same round."""
        if (name, model) in self.refusals:
            return {"refused": self.refusals[name, model]}
        own = self.measured[name, model]
        found: dict[str, Any] = {
            key: statistics.median(one[key] for one in own) for key in ("seconds", "processor_s")
        }
        found["bytes"] = int(own[0]["bytes"])
        for key, other in (("over_bare_forward", BARE), ("over_bandprobe", OURS)):
            pairs = zip(own, self.measured[other, model], strict=True)
            found[key] = statistics.median(a["seconds"] / b["seconds"] for a, b in pairs)
        found["rounds_s"] = [one["seconds"] for one in own]
        if (name, model) in self.differences:
            found["largest_relative_difference"] = self.differences[name, model]
        return found


def table(found: dict[str, Any]) -> str:
    """What was measured, in Markdown."""
    rows, refused = [], []
    for model, contenders in found["networks"].items():
        for name, row in contenders.items():
            first = (model, name, CONTENDERS[name].storage)
            if "refused" in row:
                rows.append((*first, *["N/A"] * 5))
                refused.append(f"\n\nN/A: {model}, {name}: {row['refused']}")
                continue
            times = (f"{row['seconds']:.1f}", f"{row['processor_s']:.1f}")
            ratios = (f"{row['over_bare_forward']:.2f}", f"{row['over_bandprobe']:.2f}")
            rows.append((*first, *times, *ratios, f"{row['bytes'] / MEGABYTE:.0f}"))
    what = f"{found['images']} images, batches of {found['batch']}, {found['threads']} threads"
    return (
        markdown(HEAD, rows)
        + f"\n\n{what}; medians of {found['repeats']} rounds. What is stored is equal to that of "
        "bandprobe up to the rounding of float16." + "".join(refused)
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--smallest", action="store_true", help="8 images, one network, once: to try it"
    )
    parser.add_argument("--images", type=int, default=256, help="crops of the default study")
    parser.add_argument("--batch", type=int, default=16, help="images a forward pass")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="of torch")
    parser.add_argument("--repeats", type=int, default=3, help="rounds")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/peers.json"))
    arguments = parser.parse_args()
    settings = Settings(arguments.images, arguments.batch, arguments.threads)
    repeats = arguments.repeats
    if arguments.smallest:
        settings, repeats = replace(settings, images=8, batch=8), 1
    models = [model.name for model in networks(load_study(HOME / "config.yaml"))]
    if arguments.smallest:
        models = models[-1:]
    with tempfile.TemporaryDirectory() as folder:
        contest = Contest(settings, models, Path(folder))
        try:
            for number in range(repeats):
                contest.round(number)
        finally:
            contest.close()
    rows = {model: {name: contest.summary(name, model) for name in CONTENDERS} for model in models}
    found = {"repeats": repeats, **vars(settings), "networks": rows}
    publish(arguments.output, found, table(found))


if __name__ == "__main__":
    main()
