"""What the commands share: choosing by name, running the workflow, reading its results."""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

from bandprobe.base.progress import NOTES
from bandprobe.errors import BandprobeError, ConfigError, closest
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import Paths
from bandprobe.study.repeated_keys import refuse_repeated_keys
from bandprobe.study.study import Study, Target
from bandprobe.workflow.home import workflow_home

HOME = workflow_home()
CONFIG = Path("config.yaml")
# Snakemake with the status line.
RUNNER = "bandprobe.workflow.run_snakemake"
# A dry run of it.
ASKER = "bandprobe.workflow.ask_snakemake"
# What Snakemake says where all files are there; importing it takes longer than to ask.
NOTHING_TO_DO = "Nothing to be done"


class Parser(argparse.ArgumentParser):
    """A parser that names the option that was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and what is wrong, and exit."""
        unknown = re.match(r"unrecognized arguments: .*?(--[^\s=]+)", message)
        if unknown:
            options = [name for action in self._actions for name in action.option_strings]
            near = closest(unknown[1], [name for name in options if name.startswith("--")])
            message += f". Did you mean {near}?" if near else ""
        super().error(message)


def described(description: str | None, prog: str | None, examples: str) -> argparse.ArgumentParser:
    """A parser whose help keeps the layout of its description and examples."""
    epilog = f"examples:\n{textwrap.indent(textwrap.dedent(examples).strip(), '  ')}"
    return Parser(
        prog=prog,
        description=description,
        epilog=epilog if examples else None,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def add_config(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the study."""
    parser.add_argument(
        "--config", type=Path, default=CONFIG, help=f"the study (default: {CONFIG})"
    )


def command_parser(
    description: str | None, prog: str | None = None, examples: str = ""
) -> argparse.ArgumentParser:
    """A parser with the options shared by all commands that run the workflow."""
    parser = described(description, prog, examples)
    parser.epilog = "\n\n".join(
        filter(
            None,
            [
                parser.epilog,
                "Names are those of the configuration; an unknown one lists the valid ones.\n"
                "Results are computed once and kept under results/.",
            ],
        )
    )
    parser.add_argument("--dataset", help="data set (default: the configuration's only one)")
    add_config(parser)
    parser.add_argument("--cores", default="all", help="cores to use (default: all)")
    return parser


def load_study(path: Path) -> Study:
    """The study of a configuration file.

    Raises
    ------
    ConfigError
        If it cannot be read, has a key twice, or is no study.
    """
    refuse_repeated_keys([path])
    return parse_study(load_config(path))


def choose_dataset(study: Study, name: str | None) -> str:
    """The data set of that name, or the only one."""
    if name is not None:
        return study.select("dataset", name)
    if len(study.datasets) > 1:
        raise ConfigError("several data sets: choose one", expected=", ".join(study.datasets))
    return next(iter(study.datasets))


def choose_many(
    study: Study, kind: str, names: Sequence[str] | None, valid: Iterable[str]
) -> list[str]:
    """The chosen names of a kind, or all of them."""
    return [study.select(kind, name) for name in names] if names else list(valid)


def target_path(target: Target) -> str:
    """File of a target."""
    return Paths.TARGET.format(**vars(target))


def call_snakemake(config: Path, options: Sequence[str]) -> int:
    """Run Snakemake on a study in the current folder, and return its exit status.

    Its events are shown as a status line, with the errors of failed jobs; the complete log goes to
    .snakemake/log. After Ctrl-C the status is 130, as in a shell.

    Parameters
    ----------
    config : Path
        The configuration of the study.
    options : sequence of str
        Further options and targets; they override the ones set here.
    """
    command = [*_snakemake(RUNNER, config), "--logger", "bandprobe"]
    with tempfile.TemporaryDirectory(prefix="bandprobe-") as folder:
        environment = os.environ | {NOTES: str(Path(folder, "progress"))}
        with subprocess.Popen([*command, *options], env=environment) as process:
            before = signal.signal(signal.SIGTERM, lambda *_: process.terminate())
            try:
                status, interrupted = _wait(process)
            finally:
                signal.signal(signal.SIGTERM, before)
    if status and interrupted:
        return 128 + signal.SIGINT
    # As a shell has it, where a signal ended the process.
    return status if status >= 0 else 128 - status


def _snakemake(module: str, config: Path) -> list[str]:
    """The command that runs Snakemake, or a module in its place, on a study."""
    command = [sys.executable, "-m", module, "--snakefile", str(HOME / "Snakefile")]
    # Not last: it would take targets for further configurations.
    command += ["--configfile", str(config)]
    return [*command, "--workflow-profile", str(HOME / "profiles" / "default")]


def _wait(process: subprocess.Popen[bytes]) -> tuple[int, bool]:
    """Wait until a process ends, also after Ctrl-C, which it gets too and takes time to obey.

    Returns
    -------
    int, bool
        Its status, and whether there was a Ctrl-C.
    """
    interrupted = False
    while True:
        try:
            return process.wait(), interrupted
        except KeyboardInterrupt:
            interrupted = True


def is_up_to_date(goals: Sequence[str], config: Path) -> bool:
    """Whether Snakemake would do nothing for these files; asking leaves no trace."""
    command = [*_snakemake(ASKER, config), "--cores", "1", "--quiet", "rules"]
    done = subprocess.run([*command, "--", *goals], capture_output=True, text=True, check=False)
    return done.returncode == 0 and NOTHING_TO_DO in done.stdout + done.stderr


def run_workflow(goals: Sequence[str], config: Path, cores: str) -> None:
    """Let Snakemake make files in the current folder, unless they are up to date.

    Raises
    ------
    BandprobeError
        If the workflow failed; its messages have been shown.
    """
    there = all(Path(goal).exists() for goal in goals)
    if there and is_up_to_date(goals, config):
        return
    if call_snakemake(config, ["--cores", cores, "--", *goals]):
        raise BandprobeError(
            "the workflow did not finish; its messages are above",
            hint="logs/ has the log of each job",
        )


def read_target(target: Target) -> dict[str, Any]:
    """The record of a target."""
    record: dict[str, Any] = json.loads(Path(target_path(target)).read_text(encoding="utf-8"))
    return record
