"""One Slurm for all tests, and one study run twice: here, and through it with jobs that die."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.cluster.slurm import Slurm, wait_until
from tests.workflow.conftest import HOME, make_images

SHARD = Path("results/tiny/features/resnet18/pass-0/shards/0001/eval.zarr")
STUDY = Path(__file__).parent / "study.yaml"
# The profile as it is, but for waits that are made for real queues. One thread, as in a local run
# with two cores: more would only change the order of sums.
PROFILE = HOME / "profiles" / "slurm"
THROUGH_SLURM = ("--profile", str(PROFILE), "--max-threads", "1")
THROUGH_SLURM += ("--slurm-init-seconds-before-status-checks", "10", "--latency-wait", "20")
HERE = ("--cores", "2")


@dataclass
class Study:
    """A study in a folder of its own."""

    folder: Path
    environment: dict[str, str]
    output: str = ""
    victim: int = 0
    config: Path = STUDY

    def __post_init__(self) -> None:
        make_images(self.folder / "images", count=32, size=64)

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """Snakemake in the background."""
        # Not longer than these tests, even if they are killed.
        command = ["setpriv", "--pdeathsig", "KILL", sys.executable, "-m", "snakemake"]
        command += ["--snakefile", str(HOME / "Snakefile"), "--directory", str(self.folder)]
        command += ["--configfile", str(self.config), *options]
        with (self.folder / "output.txt").open("wb") as stream:
            return subprocess.Popen(
                command,
                stdout=stream,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                env=self.environment,
            )

    def finish(self, process: subprocess.Popen[bytes], seconds: float = 900) -> str:
        """The output of Snakemake, which must have succeeded."""
        try:
            code = process.wait(seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            code = process.wait()
        output = (self.folder / "output.txt").read_text()
        if code != 0:
            pytest.fail(f"Snakemake ended with {code}:\n{output}", pytrace=False)
        return output

    def run(self, *options: str) -> str:
        """Run to the end, and return the output."""
        return self.finish(self.start(*options))


def with_little_memory(rule: str) -> list[str]:
    """The profile's resources, and for a rule memory with which only its second attempt can do."""
    profile = yaml.safe_load((PROFILE / "config.yaml").read_text())
    values = [
        f"{name}:{resource}={value}"
        for name, resources in profile["set-resources"].items()
        for resource, value in resources.items()
    ]
    return ["--set-resources", *values, f"{rule}:mem_mb=100 * 20 ** (attempt - 1)"]


def submissions(output: str) -> int:
    """How many jobs Snakemake gave to Slurm."""
    return output.count("has been submitted with SLURM jobid")


def finished_jobs(output: str) -> Counter[str]:
    """How many jobs of each rule Snakemake saw finish."""
    return Counter(re.findall(r"Finished jobid: \d+ \(Rule: (\w+)\)", output))


@pytest.fixture(scope="session", autouse=True)
def tidy_end() -> None:
    """Let SIGTERM end the tests as Ctrl-C does, so that the daemons are taken down."""
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))


@pytest.fixture(scope="session")
def slurm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slurm]:
    """A running Slurm of one node."""
    with Slurm(tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture(scope="session")
def here(tmp_path_factory: pytest.TempPathFactory, slurm: Slurm) -> Study:
    """The study, run on this machine."""
    study = Study(tmp_path_factory.mktemp("here"), slurm.environment)
    study.output = study.run(*HERE)
    return study


@pytest.fixture(scope="session")
def sent(tmp_path_factory: pytest.TempPathFactory, slurm: Slurm) -> Study:
    """The study, run through Slurm, where jobs die.

    All processes of an extraction are killed while it writes, and Slurm kills those that compute
    spectra, since at first they ask for too little memory.
    """
    study = Study(tmp_path_factory.mktemp("sent"), slurm.environment)
    running = study.start(*THROUGH_SLURM, *with_little_memory("compute_spectra"))
    try:
        # Its name holds the number of the process that writes it.
        writing = study.folder / SHARD.parent
        names = f".{SHARD.name}.*partial"
        command = f"extract_features.py .*{SHARD}"
        wait_until(lambda: slurm.job_of(command) > 0, "a job of extraction", seconds=300)
        study.victim = slurm.job_of(command)
        wait_until(
            lambda: any(writing.glob(names)), "a store that is being written", 300, pause=0.001
        )
        assert slurm.kill_job(study.victim) > 2
        assert not (study.folder / SHARD).exists()
    except BaseException:
        running.kill()
        running.wait()
        raise
    study.output = study.finish(running)
    return study
