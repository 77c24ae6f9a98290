"""Draw the verdict of a study, which shows several summaries and the flags."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bandprobe.cli.shared import run_workflow
from bandprobe.figures.entry import COLUMNS, Entry
from bandprobe.study.paths import Paths

if TYPE_CHECKING:
    from bandprobe.summary.verdict import StudyVerdict


def draw_verdict(
    entry: Entry,
    dataset: str,
    models: Sequence[str],
    arguments: argparse.Namespace,
    output: Sequence[Path],
) -> None:
    """Make the summaries, if they are missing, and draw the verdict of some models."""
    found = study_verdict_of(entry, dataset, models, arguments)
    from bandprobe.figures.drawing import as_wide_as, save
    from bandprobe.figures.printable import refuse_unprintable
    from bandprobe.figures.verdict import verdict

    with as_wide_as(COLUMNS[arguments.columns]):
        figure = verdict(found)
    refuse_unprintable(figure, arguments.columns, fewer_models(models))
    save(figure, output)
    print("\n".join(map(str, output)))


def fewer_models(models: Sequence[str]) -> str:
    """How to make the figure lower."""
    if len(models) < 2:
        return "a configuration with fewer layers"
    return f"fewer models, such as --model {' '.join(models[:-1])}"


def study_verdict_of(
    entry: Entry, dataset: str, models: Sequence[str], arguments: argparse.Namespace
) -> StudyVerdict:
    """What is known of some models, from summaries that are made if they are missing."""
    names = [
        *(Paths.SUMMARY.format(dataset=dataset, table=table) for table in SOURCES),
        Paths.FLAGS.format(dataset=dataset),
    ]
    run_workflow(names, arguments.config, arguments.cores)
    # Matplotlib and xarray take a second to import: not before the names are checked.
    from bandprobe.figures.verdict import read_verdict

    interventions, spectra, flags = map(Path, names)
    return read_verdict(interventions, spectra, flags, entry, models)


SOURCES = ("interventions", "spectra")
