"""A small finished study, harms that are done to copies of it, and what must be true after all."""

from __future__ import annotations

import copy
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock

from bandprobe.study.parse import parse_study
from bandprobe.verify.study import Stage, verify_study
from tests.workflow.conftest import Run, TinyStudy, make_images

HOOK = Path(__file__).parent / "hook"
PATIENCE = 300
NETWORK = '''"""A network of two layers."""

import torch


def make(scale=1.0):
    layers = {
        "stem": torch.nn.Conv2d(3, 4, 3, stride=2, padding=1),
        "act": torch.nn.ReLU(),
    }
    network = torch.nn.Sequential()
    for name, layer in layers.items():
        network.add_module(name, layer)
    with torch.no_grad():
        network.stem.weight.mul_(scale)
    return network
'''
PREPROCESS = {
    "size": [16, 16],
    "crop_fraction": 1.0,
    "interpolation": "bicubic",
    "mean": [0.0, 0.0, 0.0],
    "std": [1.0, 1.0, 1.0],
}
CONFIG: dict[str, Any] = {
    "datasets": {"tiny": {"kind": "imagefolder", "root": "images"}},
    "models": {
        "pixels": {
            "architecture": "pixels",
            "preprocess": {"size": [16, 16]},
            "layers": [["input"]],
        },
        "net": {
            "architecture": "python/tiny_net:make",
            "weights": "random",
            "preprocess": PREPROCESS,
            "layers": [["act"]],
        },
    },
    "bands": {"names": ["low", "mid", "high"], "edges": [0.3, 0.7]},
    "readouts": ["map", "pooled"],
    "modes": {"remove": {"kind": "remove"}, "perturb": {"kind": "phase"}},
    "probe": {"penalties": [0.01, 1], "folds": 2},
    "controls": {"draws": 1, "permutations": 0},
    "shapley": {"fill": "none"},
    "statistics": {"resamples": 100},
}


def results(study: TinyStudy, *parts: str) -> Path:
    """A path below the results of the only data set."""
    return study.folder.joinpath("results", "tiny", *parts)


@pytest.fixture(scope="session", autouse=True)
def studies_fork(forks: Path) -> None:
    """Studies start their processes as forks; those that are harmed, too."""
    TinyStudy.python = str(forks)


@pytest.fixture(scope="session")
def whole(shared_folder: Path) -> TinyStudy:
    """The study as it is when nothing happens to it, up to its summaries."""
    folder = shared_folder / "whole"
    study = TinyStudy(folder, copy.deepcopy(CONFIG))
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            make_images(folder / "images", classes=2, count=8, size=24)
            (folder / "tiny_net.py").write_text(NETWORK)
            done = study.run("summaries")
            assert done.code == 0, done.output
    return study


@pytest.fixture
def study(whole: TinyStudy, tmp_path: Path) -> TinyStudy:
    """A copy, its records and times included."""
    return whole.copied(tmp_path / "study")


@dataclass
class Fault:
    """A harm that one job does to itself while it writes a certain file, once."""

    folder: Path

    def env(self, file: str, what: str) -> dict[str, str]:
        """Environment for the Snakemake whose job it shall be."""
        return os.environ | {
            "PYTHONPATH": str(HOOK),
            "FAULT_FILE": file,
            "FAULT_DO": what,
            "FAULT_FOLDER": str(self.folder),
        }

    @property
    def pid(self) -> int:
        """Of the job, once it has come to the place."""
        return int(wait_for(lambda: (self.folder / "pid").read_text()))

    def go(self) -> None:
        """Let a paused job go on."""
        (self.folder / "go").touch()


def wait_for(look: Callable[[], Any]) -> Any:
    """What `look` finds, as soon as it finds anything."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            found = look()
        except OSError:
            found = None
        if found:
            return found
        time.sleep(0.05)
    raise TimeoutError("it did not happen")


def is_running(pid: int) -> bool:
    """Whether a process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


@pytest.fixture
def fault(tmp_path: Path) -> Iterator[Fault]:
    """See `Fault`; a job that was paused goes on at the end."""
    folder = tmp_path / "fault"
    folder.mkdir()
    yield Fault(folder)
    (folder / "go").touch()


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a Snakemake without waiting for it."""
    running: list[subprocess.Popen[bytes]] = []

    def start(study: TinyStudy, *goals: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
        path = study.folder / "study.yaml"
        path.write_text(json.dumps(study.config))
        with (study.folder / "started.log").open("w") as log:
            running.append(
                subprocess.Popen(
                    [*study.command(path), "--", *goals],
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    cwd=study.folder,
                    env=env,
                )
            )
        return running[-1]

    yield start
    for process in running:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            process.wait(timeout=PATIENCE)


def verified(study: TinyStudy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Stage]:
    """The stages of a study by name, as `snakemake verify` sees them."""
    monkeypatch.chdir(study.folder)
    stages = verify_study(parse_study(study.config), report=lambda line: None)
    return {stage.name: stage for stage in stages}


def assert_as_if_nothing_had_happened(
    study: TinyStudy, whole: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is left to do, nothing half-written lies about, all is intact, and equal numbers."""
    again = study.run("summaries")
    assert again.code == 0, again.output
    assert not again.jobs, again.jobs
    left = list(study.folder.joinpath("results").rglob(".*partial"))
    assert left == []
    problems = [p for stage in verified(study, monkeypatch).values() for p in stage.problems]
    assert problems == []
    tables = sorted(path.name for path in results(whole, "summary").glob("*.csv"))
    assert len(tables) == 8
    for name in tables:
        assert results(study, "summary", name).read_text() == (
            results(whole, "summary", name).read_text()
        ), name


def lose(study: TinyStudy, *paths: str) -> None:
    """Take away results, so that a run has something to do."""
    for path in paths:
        found = results(study, path)
        if found.is_dir():
            shutil.rmtree(found)
        else:
            found.unlink()
        digest = Path(f"{found}.digest.json")
        digest.unlink(missing_ok=True)


def succeed(run: Run) -> Run:
    """The run, if it ended well."""
    assert run.code == 0, run.output
    return run
