"""Run interventions on all layers of the chosen models, and print them layer by band.

Without options for models, modes or readouts, all of the configuration are run.

Example: batch_all_layers.py --model efficientnet_lite0 --mode remove --dataset photos
"""

from __future__ import annotations

import argparse
from itertools import product

from bandprobe.cli.shared import (
    choose_dataset,
    choose_many,
    command_parser,
    load_study,
    read_target,
    run_workflow,
    target_path,
)
from bandprobe.cli.tables import console, layer_table
from bandprobe.study.study import Target


def parser() -> argparse.ArgumentParser:
    """The options of `batch_all_layers.py`."""
    options = command_parser(__doc__)
    options.add_argument("--model", nargs="+", help="models (default: all)")
    options.add_argument("--mode", nargs="+", help="modes (default: all)")
    options.add_argument("--band", nargs="+", help="bands (default: all)")
    options.add_argument("--readout", nargs="+", help="readouts (default: all)")
    options.add_argument(
        "--score",
        choices=["top1_drop", "rank_degradation"],
        default="top1_drop",
        help="what to print (default: top1_drop)",
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Make all targets of some models and print them."""
    study = load_study(arguments.config)
    dataset = choose_dataset(study, arguments.dataset)
    models = choose_many(study, "model", arguments.model, study.models)
    modes = choose_many(study, "mode", arguments.mode, study.modes)
    bands = choose_many(study, "band", arguments.band, study.bands.names)
    readouts = choose_many(study, "readout", arguments.readout, study.readouts)
    tables = {
        (model, readout, mode): {
            layer: [Target(dataset, model, layer, readout, mode, band) for band in bands]
            for layer in study.models[model].layers
        }
        for model, readout, mode in product(models, readouts, modes)
    }
    goals = [
        target_path(target)
        for layers in tables.values()
        for targets in layers.values()
        for target in targets
    ]
    run_workflow(goals, arguments.config, arguments.cores)
    output = console()
    for (model, readout, mode), layers in tables.items():
        rows = {layer: [read_target(t) for t in targets] for layer, targets in layers.items()}
        title = f"{arguments.score}: {dataset} / {model} / {readout} / {mode}"
        output.print(layer_table(title, bands, rows, arguments.score))
    output.print("In brackets: the interval includes zero. forced: by construction (see flags).")
