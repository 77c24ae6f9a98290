"""A real tiny study, made once and copied for each test, and the default study."""

from __future__ import annotations

import copy
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from filelock import FileLock
from PIL import Image

HOME = Path(__file__).parents[2]
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
class TinyStudy:
    """A study in a folder of its own."""

    folder: Path
    config: dict[str, Any]
    home: Path = HOME

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
        command = [sys.executable, "-m", "snakemake", "--snakefile", str(self.home / "Snakefile")]
        command += ["--workflow-profile", str(self.home / "profiles" / "default")]
        command += ["--directory", str(self.folder), "--configfile", str(path)]
        done = subprocess.run(
            [*command, "--cores", "2", *options, "--", *goals],
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


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of one run of the tests share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def finished(shared_folder: Path) -> TinyStudy:
    """A finished tiny study; tests work on copies of it."""
    study = TinyStudy(shared_folder / "tiny", tiny_config())
    with FileLock(shared_folder / "tiny.lock"):
        if not study.folder.exists():
            make_images(study.folder / "images")
            done = study.run()
            assert done.code == 0, done.output
    return study


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
    command = [sys.executable, "-m", "snakemake", "--cores", "all"]
    finished = shared_folder / "default.finished"
    with FileLock(shared_folder / "default.lock"):
        if not finished.exists():
            done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HOME)
            assert done.returncode == 0, done.stdout + done.stderr
            finished.touch()
    return HOME / "results" / "photos"
