"""Draw the transfer of energy between two layers of a model that need not be neighbours."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from bandprobe.cli.shared import run_workflow
from bandprobe.errors import ConfigError
from bandprobe.figures.entry import COLUMNS
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study


def draw_pair(
    study: Study, dataset: str, models: Sequence[str], arguments: argparse.Namespace
) -> None:
    """Make the spectra of two layers, if they are missing, and draw the transfer between them.

    Beside the picture lies a CSV file with its numbers.

    Raises
    ------
    ConfigError
        If the figure is another one, one of the layers is missing or unknown, or the model is not
        a single one.
    """
    if arguments.figure != "transfer":
        raise ConfigError(
            f"{arguments.figure} is not drawn between two layers",
            expected="the figure transfer with --from and --to",
        )
    ends = (arguments.layer_from, arguments.layer_to)
    if None in ends or len(models) != 1:
        raise ConfigError(
            "a transfer between two layers needs both of them and one model",
            expected="--model MODEL --from LAYER --to LAYER",
            found=f"{len(models)} models, --from {ends[0]}, --to {ends[1]}",
        )
    (model,) = models
    for layer in ends:
        study.models[model].pass_of(layer)  # an unknown layer lists those of the model
    names = [Paths.SPECTRA.format(dataset=dataset, model=model, layer=layer) for layer in ends]
    run_workflow(Paths.digests(names), arguments.config, arguments.cores)
    # Matplotlib and xarray take a second to import: not before the names are checked.
    from dataclasses import asdict

    from bandprobe.base.files import write_text
    from bandprobe.figures.drawing import as_wide_as, save
    from bandprobe.figures.transfer import transfer
    from bandprobe.scoring.intervals import IntervalSettings
    from bandprobe.summary.tables import cells_table
    from bandprobe.summary.transfer import joined_transfers, layer_transfer

    settings = IntervalSettings(**asdict(study.statistics))
    before, after = map(Path, names)
    found = {(model, ends[1]): layer_transfer(before, after, settings)}
    pair = joined_transfers(found, {model: ends}, {model: {ends[1]: ends[0]}})
    name = f"transfer_{model}_{ends[0]}_{ends[1]}_{arguments.columns}_columns"
    default = Paths.FIGURE.format(dataset=dataset, figure=name, suffix="pdf")
    output = arguments.output or [Path(default)]
    with as_wide_as(COLUMNS[arguments.columns]):
        save(transfer(pair), output)
    table = output[0].with_suffix(".csv")
    write_text(table, cells_table(pair).to_csv(index=False))
    print("\n".join(map(str, [*output, table])))
