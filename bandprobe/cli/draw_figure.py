"""Draw one figure of a study at the width of a printed column, as a PDF with embedded fonts.

FIGURE is the name of a picture of results/DATASET/figures, without its suffix; an unknown name
lists the valid ones. The figure shows what that picture shows, or some of its models.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bandprobe.cli.shared import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    run_workflow,
)
from bandprobe.errors import BandprobeError, ConfigError, unknown_name
from bandprobe.figures.entry import COLUMNS
from bandprobe.figures.gallery import gallery
from bandprobe.study.paths import Paths

EXAMPLES = """
bandprobe draw top1_drop_map --columns 2
bandprobe draw band_energy --columns 1 --model dinov2_vits14
bandprobe draw sweeps --output sweeps.pdf sweeps.svg
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe draw`."""
    options = command_parser(__doc__, "bandprobe draw", EXAMPLES)
    options.add_argument("figure", metavar="FIGURE", help="name of the figure")
    options.add_argument("--model", nargs="+", help="models to show (default: all)")
    options.add_argument(
        "--columns",
        type=int,
        choices=tuple(COLUMNS),
        default=2,
        help="columns of the page to fill: 89 or 183 mm (default: 2)",
    )
    options.add_argument(
        "--output",
        type=Path,
        nargs="+",
        help="files, by their suffix: pdf, svg, png (default: a PDF among the figures)",
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Compute the summary, if it is missing, and draw."""
    study = load_study(arguments.config)
    dataset = choose_dataset(study, arguments.dataset)
    models = choose_many(study, "model", arguments.model, study.models)
    figures = gallery(study)
    if arguments.figure not in figures:
        raise ConfigError(unknown_name("figure", arguments.figure, figures))
    entry = figures[arguments.figure]
    summary = Paths.SUMMARY.format(dataset=dataset, table=entry.table)
    run_workflow([summary], arguments.config, arguments.cores)
    # Matplotlib and xarray take a second to import: not before the names are checked.
    import xarray as xr

    from bandprobe.figures.drawing import as_wide_as, save
    from bandprobe.figures.registry import draw, models_in

    shown = xr.load_dataset(summary)
    valid = models_in(entry, shown)
    there = [model for model in models if model in valid]
    if not there:
        what = f"{arguments.figure} shows nothing of {', '.join(models)}"
        raise BandprobeError(what, expected=", ".join(valid))
    name = f"{arguments.figure}_{arguments.columns}_columns"
    output = arguments.output or [
        Path(Paths.FIGURE.format(dataset=dataset, figure=name, suffix="pdf"))
    ]
    with as_wide_as(COLUMNS[arguments.columns]):
        save(draw(entry, shown.sel(model=there)), output)
    print("\n".join(map(str, output)))
