"""Run a study with Snakemake, or what is left of it to run.

Everything after STUDY goes to Snakemake, also the names of stages or files to make; the default is
the whole study. Results go to the working directory. The exit status is Snakemake's.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bandprobe.cli.shared import call_snakemake, described, load_study

EXAMPLES = """
bandprobe run study.yaml
bandprobe run study.yaml --dry-run
bandprobe run study.yaml --cores 4 --directory /data/my-study spectra
bandprobe run study.yaml --profile profiles/slurm
"""
# With one of these Snakemake knows how many cores, or jobs, to use.
CORES = ("--cores", "--jobs", "--profile")


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe run`."""
    options = described(__doc__, "bandprobe run", EXAMPLES)
    options.add_argument("study", metavar="STUDY", type=Path, help="configuration of the study")
    options.add_argument(
        "options",
        metavar="OPTIONS",
        nargs=argparse.REMAINDER,
        help="options of Snakemake (default: --cores all)",
    )
    return options


def execute(arguments: argparse.Namespace) -> int:
    """Run Snakemake to its end; return its exit status."""
    load_study(arguments.study)  # a mistake in it is told before Snakemake starts
    cores = [] if gives_cores(arguments.options) else ["--cores", "all"]
    return call_snakemake(arguments.study, [*cores, *arguments.options])


def gives_cores(options: list[str]) -> bool:
    """Whether options of Snakemake say how many cores or jobs to use."""
    return any(
        option.partition("=")[0] in CORES
        or (option[:2] in ("-c", "-j") and not option.startswith("--"))
        for option in options
    )
