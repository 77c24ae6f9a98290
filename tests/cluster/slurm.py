"""A Slurm of one node, in a folder of its own, for as long as a `with` block lasts.

It has no accounting and no control groups, so it runs in a container; a job that takes more memory
than it asked for is killed all the same. Needs root and Debian's packages slurm-wlm and munge.
"""

from __future__ import annotations

import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

# The node that profiles/slurm reckons with. Slurm keeps account of cores and memory by what jobs
# ask for, so the machine may have fewer.
CPUS = 8
MEMORY_MB = 32_000

CONFIG = """
ClusterName=bandprobe
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
AccountingStorageType=accounting_storage/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SlurmdParameters=config_overrides
ReturnToService=2
MinJobAge=7200
KillWait=2
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory={memory} State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""


@dataclass(frozen=True)
class Submission:
    """What Slurm knows of a job."""

    number: int
    comment: str
    state: str
    memory_mb: int
    minutes: int


@dataclass
class Slurm:
    """A controller, a node, and the daemon by which they know each other."""

    folder: Path
    daemons: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """Variables by which commands find this Slurm."""
        return os.environ | {
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}",
        }

    def __enter__(self) -> Slurm:
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop()

    def _start(self) -> None:
        for name in ("state", "spool"):
            (self.folder / name).mkdir(parents=True)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        text = CONFIG.format(
            folder=self.folder,
            host=socket.gethostname().split(".")[0],
            controller_port=free_port(),
            node_port=free_port(),
            cpus=CPUS,
            memory=MEMORY_MB,
        )
        (self.folder / "slurm.conf").write_text(text)
        self._wrap("srun")
        # Forced, because others cannot enter the folder; they need not.
        kinds = ("key", "pid", "log", "seed")
        options = [f"--{kind}-file={self.folder}/munge.{kind}" for kind in kinds]
        options += [f"--socket={self.folder}/munge.socket", "--foreground", "--force"]
        self._daemon("munged", *options)
        wait_until(lambda: (self.folder / "munge.socket").exists(), "munged")
        self._daemon("slurmctld", "-D")
        self._daemon("slurmd", "-D")
        wait_until(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%t"), "the node")

    def _wrap(self, command: str) -> None:
        """Let a command find this Slurm where its variable is taken away, as the executor does."""
        path = self.folder / "bin" / command
        path.parent.mkdir()
        config, found = self.folder / "slurm.conf", shutil.which(command)
        path.write_text(f'#!/bin/sh\nSLURM_CONF="{config}" exec "{found}" "$@"\n')
        path.chmod(0o755)

    def _daemon(self, name: str, *options: str) -> None:
        """Start a daemon that cannot outlive the tests, even if they are killed."""
        with (self.folder / f"{name}.log").open("wb") as log:
            self.daemons.append(
                subprocess.Popen(
                    ["setpriv", "--pdeathsig", "KILL", name, *options],
                    env=self.environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                )
            )

    def _stop(self) -> None:
        if len(self.daemons) > 1:
            self.ask("scancel", "--user=root", "--signal=KILL", "--full")
            self.ask("scancel", "--user=root")
        for daemon in reversed(self.daemons):
            daemon.terminate()
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()
        for process in self._processes():
            os.kill(process, signal.SIGKILL)

    def _processes(self) -> Iterator[int]:
        """What the jobs and their steps may have left behind."""
        for process in processes():
            if environment_of(process).get("SLURM_CONF") == str(self.folder / "slurm.conf"):
                yield process

    def ask(self, *command: str) -> str:
        """The answer of one of Slurm's commands; empty where it fails."""
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, timeout=60
        )
        return done.stdout

    def submissions(self, job: str) -> list[Submission]:
        """All submissions so far whose rule or group and wildcards start like this, by age."""
        found = []
        for line in self.ask("scontrol", "show", "job", "--oneliner").splitlines():
            facts = dict(re.findall(r"(\w+)=(\S*)", line))
            if facts["Comment"].startswith(f"rule_{job}"):
                hours, minutes, _ = facts["TimeLimit"].split(":")
                found.append(
                    Submission(
                        number=int(facts["JobId"]),
                        comment=facts["Comment"],
                        state=facts["JobState"],
                        memory_mb=megabytes(facts["MinMemoryNode"]),
                        minutes=60 * int(hours) + int(minutes),
                    )
                )
        return sorted(found, key=lambda submission: submission.number)

    def job_of(self, command: str) -> int:
        """The job in which a command runs, by a regular expression; 0 if there is none."""
        for process in processes():
            if re.search(command, command_of(process)):
                return int(environment_of(process).get("SLURM_JOB_ID", 0))
        return 0

    def kill_job(self, number: int) -> int:
        """Send SIGKILL to all processes of a job at once, and return how many there were."""
        found = [
            process
            for process in processes()
            if environment_of(process).get("SLURM_JOB_ID") == str(number)
        ]
        for process in found:
            os.kill(process, signal.SIGKILL)
        return len(found)


def megabytes(text: str) -> int:
    """Megabytes of Slurm's `500M` or `2G`."""
    return round(float(text[:-1]) * {"M": 1, "G": 1024}[text[-1]])


def processes() -> list[int]:
    """All processes but this one."""
    found = [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]
    return [process for process in found if process != os.getpid()]


def command_of(process: int) -> str:
    """The command line of a process."""
    try:
        text = Path(f"/proc/{process}/cmdline").read_bytes()
    except OSError:
        return ""
    return text.decode(errors="replace").replace("\0", " ")


def environment_of(process: int) -> dict[str, str]:
    """The environment that a process was started with."""
    try:
        text = Path(f"/proc/{process}/environ").read_bytes().decode(errors="replace")
    except OSError:
        return {}
    return dict(item.split("=", 1) for item in text.split("\0") if "=" in item)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_until(
    condition: Callable[[], bool], what: str, seconds: float = 60, pause: float = 0.2
) -> None:
    """Wait for what has to happen soon."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {seconds:.0f} s for {what}")
        time.sleep(pause)
