"""A real tiny study, made once and copied for each test, and the default study."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image

from tests.forkserver.start import OWN_PROCESSES

HOME = Path(__file__).parents[2]
# What runs the tests, whatever `sys.executable` is while one of them runs.
PYTHON = sys.executable
# What the run of the finished study has said, in its folder.
OUTPUT = "run.log"
WORKFLOW = ("Snakefile", "rules", "workflow", "profiles", "bandprobe", "envs")


@dataclass
class Run:
    """What one call of Snakemake did."""

    code: int
    output: str
    jobs: Counter[str] = field(init=False)

    def __post_init__(self) -> None:
        found = re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", self.output)
        self.jobs = Counter(rule for rule in found if rule != "all")


@dataclass
class Plan:
    """What one call of Snakemake would do: jobs by rule, and the rules that run for each reason."""

    output: str
    jobs: Counter[str] = field(init=False)
    reasons: dict[str, set[str]] = field(init=False)

    def __post_init__(self) -> None:
        stats = re.search(r"^Job stats:\n(.*?)^total", self.output, re.M | re.S)
        found = re.findall(r"^(\w+) +(\d+)$", stats[1] if stats else "", re.M)
        self.jobs = Counter({rule: int(count) for rule, count in found if rule != "all"})
        reasons = re.search(r"^Reasons:\n(.*?)^\S", self.output, re.M | re.S)
        pairs = re.findall(r"^    (\S.*):\n {8}(.*)$", reasons[1] if reasons else "", re.M)
        self.reasons = {reason: set(rules.split(", ")) - {"all"} for reason, rules in pairs}


@dataclass
class TinyStudy:
    """A study in a folder of its own."""

    python: ClassVar[str] = PYTHON
    folder: Path
    config: dict[str, Any]
    home: Path = HOME

    def command(self, config: Path) -> list[str]:
        """Snakemake on this study, with a configuration."""
        command = [self.python, "-m", "snakemake", "--snakefile", str(self.home / "Snakefile")]
        command += ["--workflow-profile", str(self.home / "profiles" / "default")]
        command += ["--directory", str(self.folder), "--configfile", str(config)]
        return [*command, "--cores", "2"]

    def plan(self, *goals: str) -> Plan:
        """What a run would do; nothing in the folder changes, so that tests may share it."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "study.yaml")
            path.write_text(yaml.safe_dump(self.config, sort_keys=False))
            command = [*self.command(path), "--dry-run", "--", *goals]
            done = subprocess.run(
                command, capture_output=True, text=True, check=False, cwd=self.folder
            )
        output = done.stdout + done.stderr
        assert done.returncode == 0, output
        assert "This was a dry-run" in output or "Nothing to be done" in output, output
        return Plan(output)

    def run(
        self,
        *goals: str,
        env: dict[str, str] | None = None,
        options: Sequence[str] = (),
        before: Callable[[], None] | None = None,
    ) -> Run:
        """Run Snakemake; `before` is called in its process, as for limits."""
        path = self.folder / "study.yaml"
        path.write_text(yaml.safe_dump(self.config, sort_keys=False))
        done = subprocess.run(
            [*self.command(path), *options, "--", *goals],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.folder,
            env=env,
            preexec_fn=before,
        )
        return Run(done.returncode, done.stdout + done.stderr)

    def copied(self, folder: Path) -> TinyStudy:
        """A copy in another folder, its records and times included."""
        shutil.copytree(self.folder, folder, symlinks=True)
        return TinyStudy(folder, copy.deepcopy(self.config))

    def fails(
        self, *goals: str, env: dict[str, str] | None = None, options: Sequence[str] = ()
    ) -> str:
        """Run what has to fail with one clear error, and return the output."""
        done = self.run(*goals, env=env, options=options)
        assert done.code != 0, done.output
        assert "Traceback" not in done.output, done.output
        return done.output


def make_images(root: Path, classes: int = 3, count: int = 8, size: int = 32) -> None:
    """Noisy images whose class is a colour."""
    generator = np.random.default_rng(0)
    for label in range(classes):
        folder = root / f"class_{label}"
        folder.mkdir(parents=True)
        for number in range(count):
            pixels = generator.integers(0, 128, (size, size, 3))
            pixels[..., label % 3] += 100
            Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")


def tiny_config() -> dict[str, Any]:
    """configs/tiny.yaml, the smallest study with everything in it."""
    config: dict[str, Any] = yaml.safe_load((HOME / "configs" / "tiny.yaml").read_text())
    return config


@pytest.fixture(scope="session", autouse=True)
def studies_fork(forks: Path) -> None:
    """Studies start their processes as forks."""
    TinyStudy.python = str(forks)


@pytest.fixture(autouse=True)
def commands_fork(forks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that are called in this process start Snakemake as a fork too."""
    monkeypatch.setattr(sys, "executable", str(forks))


@pytest.fixture
def own_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Snakemake and each job is a process of its own, which imports what it needs."""
    monkeypatch.setenv(OWN_PROCESSES, "1")


@pytest.fixture(scope="session")
def finished(shared_folder: Path) -> TinyStudy:
    """A finished tiny study; tests work on copies of it."""
    study = TinyStudy(shared_folder / "tiny", tiny_config())
    with FileLock(shared_folder / "tiny.lock"):
        if not study.folder.exists():
            make_images(study.folder / "images")
            done = study.run()
            assert done.code == 0, done.output
            (study.folder / OUTPUT).write_text(done.output)
    return study


@pytest.fixture
def planner(finished: TinyStudy) -> TinyStudy:
    """The finished study itself, with a configuration of its own, to be asked for plans alone."""
    return TinyStudy(finished.folder, copy.deepcopy(finished.config))


@pytest.fixture
def study(finished: TinyStudy, tmp_path: Path) -> TinyStudy:
    """A copy of the finished study, its records and times included."""
    return finished.copied(tmp_path / "study")


@pytest.fixture
def fresh(tmp_path: Path) -> TinyStudy:
    """A study with images and no results."""
    folder = tmp_path / "fresh"
    make_images(folder / "images")
    return TinyStudy(folder, tiny_config())


@pytest.fixture
def own_home(tmp_path: Path) -> Path:
    """A copy of the workflow and the package, to be edited."""
    home = tmp_path / "home"
    for name in WORKFLOW:
        source = HOME / name
        if source.is_dir():
            shutil.copytree(source, home / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            home.mkdir(exist_ok=True)
            shutil.copy(source, home / name)
    return home


@pytest.fixture(scope="session")
def default_study(shared_folder: Path) -> Path:
    """The default study of this checkout, finished; made sure of once for all processes.

    Two runs in one folder are not for the same moment, and the commands of the pages run there too.
    """
    command = [PYTHON, "-m", "snakemake", "--cores", "all"]
    finished = shared_folder / "default.finished"
    with FileLock(shared_folder / "default.lock"):
        if not finished.exists():
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HOME)
            assert done.returncode == 0, done.stdout + done.stderr
            finished.touch()
    return HOME / "results" / "photos"


def traces(folder: Path) -> dict[Path, int]:
    """Files and folders of Snakemake's, by the times of their last change."""
    return {path: path.stat().st_mtime_ns for path in (folder / ".snakemake").rglob("*")}
