"""Run interventions on all layers of the chosen models, and print them layer by band.

Without options for models, modes or readouts, all of the configuration are run.

Example: batch_all_layers.py --model efficientnet_lite0 --mode remove --dataset photos
"""

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
from bandprobe.workflow.script import run


def main() -> None:
    """Make all targets of some models and print them."""
    parser = command_parser(__doc__)
    parser.add_argument("--model", nargs="+", help="models (default: all)")
    parser.add_argument("--mode", nargs="+", help="modes (default: all)")
    parser.add_argument("--band", nargs="+", help="bands (default: all)")
    parser.add_argument("--readout", nargs="+", help="readouts (default: all)")
    parser.add_argument(
        "--score",
        choices=["top1_drop", "rank_degradation"],
        default="top1_drop",
        help="what to print (default: top1_drop)",
    )
    arguments = parser.parse_args()
    study = load_study(arguments.config)
    dataset = choose_dataset(study, arguments.dataset)
    models = choose_many(study, "model", arguments.model, study.models)
    modes = choose_many(study, "mode", arguments.mode, study.modes)
    bands = choose_many(study, "band", arguments.band, study.bands.names)
    readouts = choose_many(study, "readout", arguments.readout, study.readouts)
    chosen = {
        (model, readout, mode): {
            layer: [Target(dataset, model, layer, readout, mode, band) for band in bands]
            for layer in study.models[model].layers
        }
        for model in models
        for readout in readouts
        for mode in modes
    }
    goals = [
        target_path(target)
        for layers in chosen.values()
        for targets in layers.values()
        for target in targets
    ]
    run_workflow(goals, arguments.config, arguments.cores)
    output = console()
    for (model, readout, mode), layers in chosen.items():
        rows = {layer: [read_target(t) for t in targets] for layer, targets in layers.items()}
        title = f"{arguments.score}: {dataset} / {model} / {readout} / {mode}"
        output.print(layer_table(title, bands, rows, arguments.score))
    output.print("In brackets: the interval includes zero. forced: by construction (see flags).")


if __name__ == "__main__":
    run(main)
