"""The arguments of scripts that gather stores into a summary with intervals."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.provenance import provenance, stated
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser


def summary_parser(description: str | None, source: str, cells: str) -> argparse.ArgumentParser:
    """A parser of the folder of the sources, the names along the axes, and where the summary goes.

    Parameters
    ----------
    description : str
        Of the script.
    source : str
        Name of the option for the folder of the sources, such as `spectra`.
    cells : str
        What a row of the CSV file is.
    """
    parser = argument_parser(description)
    parser.add_argument(f"--{source}", required=True, type=Path, help=f"folder of the {source}")
    parser.add_argument("--axes", required=True, type=from_json(dict[str, Any]), help="names")
    parser.add_argument(
        "--statistics", required=True, type=from_json(IntervalSettings), help="as JSON"
    )
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path, help=cells)
    return parser


def summary_provenance(arguments: argparse.Namespace) -> dict[str, str]:
    """Attributes of a summary, from the arguments of `summary_parser`."""
    return provenance(arguments.code, arguments.axes | stated(arguments.statistics))
