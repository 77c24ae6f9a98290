"""Run a study with Snakemake, or whatever part of it is not up to date.

Everything after STUDY is passed to Snakemake: options, and stages or files to make (default: the
whole study). Results go to the working directory. A status line shows jobs, images, fits and the
time left; the complete log is in .snakemake/log. A failed job is named with the last lines of its
own log. The exit status is Snakemake's, or 130 after Ctrl-C.
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
    load_study(arguments.study)  # mistakes in it are reported before Snakemake starts
    cores = [] if gives_cores(arguments.options) else ["--cores", "all"]
    return call_snakemake(arguments.study, [*cores, *arguments.options])


def gives_cores(options: list[str]) -> bool:
    """Whether options of Snakemake say how many cores or jobs to use."""
    return any(
        option.partition("=")[0] in CORES
        or (option[:2] in ("-c", "-j") and not option.startswith("--"))
        for option in options
    )
