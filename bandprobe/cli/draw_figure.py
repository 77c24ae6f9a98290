"""Draw one figure of a study at the width of a printed column, as a PDF with embedded fonts.

FIGURE is the name of a picture of results/DATASET/figures, without its suffix; an unknown name
lists the valid ones. The figure shows what that picture shows, or some of its models, or other
modes; with --from and --to, `transfer` shows any two layers of one model. The figure `kernels`
shows the frequency response of a network's convolutions, from its weights alone. What does not fit
a page of 240 mm, or would have text below 6 points, is refused.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from bandprobe.cli.draw_kernels import KERNELS, draw_kernels
from bandprobe.cli.draw_transfer import draw_pair
from bandprobe.cli.draw_verdict import draw_verdict
from bandprobe.cli.shared import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    run_workflow,
)
from bandprobe.errors import BandprobeError, ConfigError, unknown_name
from bandprobe.figures.entry import COLUMNS, Entry
from bandprobe.figures.gallery import EFFECTS, VERDICT, gallery, modes_of
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study

EXAMPLES = """
bandprobe draw verdict
bandprobe draw top1_drop_map --columns 2
bandprobe draw top1_drop_map --mode remove isolate perturb
bandprobe draw band_energy --columns 1 --model dinov2_vits14
bandprobe draw sweeps --output sweeps.pdf sweeps.svg
bandprobe draw transfer --model efficientnet_lite0 --from blocks.0 --to blocks.2
bandprobe draw kernels --model efficientnet_lite0 --layer conv_stem blocks.1.0.conv_dw
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe draw`."""
    options = command_parser(__doc__, "bandprobe draw", EXAMPLES)
    options.add_argument("figure", metavar="FIGURE", help="name of the figure")
    options.add_argument("--model", nargs="+", help="models to show (default: all)")
    options.add_argument(
        "--mode", nargs="+", help="modes of a figure of effects (default: those of the picture)"
    )
    options.add_argument(
        "--columns",
        type=int,
        choices=tuple(COLUMNS),
        default=2,
        help="columns of the page to fill: 89 or 183 mm (default: 2)",
    )
    for end, text in (("from", "input"), ("to", "output")):
        options.add_argument(
            f"--{end}",
            dest=f"layer_{end}",
            metavar="LAYER",
            help=f"of `transfer`: the layer that is the {text} (default: each pair of neighbours)",
        )
    options.add_argument(
        "--layer",
        nargs="+",
        help="of `kernels`: modules of the network (default: all convolutions but pointwise ones)",
    )
    options.add_argument(
        "--output",
        type=Path,
        nargs="+",
        help="files, by their suffix: pdf, svg, png (default: a PDF among the figures)",
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Compute what is shown, if it is missing, and draw."""
    study = load_study(arguments.config)
    dataset = choose_dataset(study, arguments.dataset)
    models = choose_many(study, "model", arguments.model, study.models)
    figures = gallery(study)
    if arguments.figure == KERNELS:
        return draw_kernels(study, dataset, models, arguments)
    if arguments.figure not in figures:
        raise ConfigError(unknown_name("figure", arguments.figure, [*figures, KERNELS]))
    if arguments.layer:
        raise ConfigError(f"{arguments.figure} has no --layer", expected="the figure kernels")
    if arguments.layer_from or arguments.layer_to:
        return draw_pair(study, dataset, models, arguments)
    entry = with_modes(study, figures[arguments.figure], arguments.mode)
    output = files_of(arguments, dataset, arguments.figure)
    if entry.kind == VERDICT:
        return draw_verdict(entry, dataset, models, arguments, output)
    summary = Paths.SUMMARY.format(dataset=dataset, table=entry.table)
    run_workflow([summary], arguments.config, arguments.cores)
    # Matplotlib and xarray take a second to import: not before the names are checked.
    import xarray as xr

    from bandprobe.figures.drawing import as_wide_as, save
    from bandprobe.figures.printable import refuse_unprintable
    from bandprobe.figures.registry import draw, models_in

    shown = xr.load_dataset(summary)
    valid = models_in(entry, shown)
    there = [model for model in models if model in valid]
    if not there:
        what = f"{arguments.figure} shows nothing of {', '.join(models)}"
        raise BandprobeError(what, expected=", ".join(valid))
    with as_wide_as(COLUMNS[arguments.columns]):
        figure = draw(entry, shown.sel(model=there))
    refuse_unprintable(figure, arguments.columns)
    save(figure, output)
    print("\n".join(map(str, output)))
    return None


def files_of(arguments: argparse.Namespace, dataset: str, name: str) -> list[Path]:
    """Where a figure goes: what was asked for, or a PDF among the figures."""
    figure = f"{name}_{arguments.columns}_columns"
    default = Paths.FIGURE.format(dataset=dataset, figure=figure, suffix="pdf")
    chosen: list[Path] = arguments.output or [Path(default)]
    return chosen


def with_modes(study: Study, entry: Entry, modes: Sequence[str] | None) -> Entry:
    """The same figure with other modes.

    Raises
    ------
    ConfigError
        If the figure has no modes to choose, or the study not these.
    """
    if modes is None:
        return entry
    if "modes" not in entry.options:
        raise ConfigError(
            "this figure shows no modes that could be chosen",
            expected=f"--mode with one of {', '.join(EFFECTS)}, followed by _READOUT, or sweeps",
            hint="a figure of one mode has its name at the end: readouts_remove-mean",
        )
    chosen = choose_many(study, "mode", modes, study.modes)
    readout = entry.options["readout"]
    valid = entry.options["modes"] if entry.kind == "sweeps" else modes_of(study, readout)
    wrong = [mode for mode in chosen if mode not in valid]
    if wrong:
        what = f"the figure has nothing of {', '.join(wrong)}"
        raise ConfigError(what, expected=", ".join(valid))
    return replace(entry, options=dict(entry.options) | {"modes": chosen})
