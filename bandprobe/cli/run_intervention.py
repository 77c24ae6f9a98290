"""Run one intervention on one band of one layer, and print what the readout loses.

The target is made by the workflow and kept with all others, so a second call only prints it. The
fast route that made it is compared with the literal one (transform, mask, inverse transform) on
some of the images.

Example: run_layerwise_intervention.py --model efficientnet_lite0 --layer blocks.6
--band ultra-low --mode remove --dataset photos
"""

from __future__ import annotations

import argparse
from pathlib import Path

from bandprobe.cli.shared import (
    choose_dataset,
    command_parser,
    load_study,
    read_target,
    run_workflow,
    target_path,
)
from bandprobe.cli.tables import console, target_table
from bandprobe.errors import ConfigError
from bandprobe.interventions.compare_routes import largest_difference
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study, Target


def parser() -> argparse.ArgumentParser:
    """The options of `run_layerwise_intervention.py`."""
    options = command_parser(__doc__)
    options.add_argument("--model", required=True, help="model of the configuration")
    options.add_argument("--layer", required=True, help="layer of that model")
    options.add_argument("--band", required=True, help="band, such as ultra-low")
    options.add_argument("--mode", required=True, help="mode, such as remove")
    options.add_argument(
        "--readout", help="readout, head among them (default: the configuration's first)"
    )
    options.add_argument(
        "--check", type=int, default=16, help="images for the literal route (default: 16)"
    )
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Make and print one target."""
    study = load_study(arguments.config)
    target = choose_target(study, arguments)
    run_workflow([target_path(target)], arguments.config, arguments.cores)
    record = read_target(target)
    checks = {"file": target_path(target)}
    if arguments.check and record["top1"] is not None and target.readout in study.additive:
        checks["literal route"] = literal_check(study, target, arguments.check)
    console().print(target_table(record, checks))


def choose_target(study: Study, arguments: argparse.Namespace) -> Target:
    """The target that the options name."""
    model = study.models[study.select("model", arguments.model)]
    model.pass_of(arguments.layer)
    target = Target(
        dataset=choose_dataset(study, arguments.dataset),
        model=model.name,
        layer=arguments.layer,
        readout=study.select("readout", arguments.readout or study.readouts[0]),
        mode=study.select("mode", arguments.mode),
        band=study.select("band", arguments.band),
    )
    if target.readout not in study.readouts and target not in set(study.head_targets()):
        raise ConfigError(
            f"{target.readout} has no result for {target.model} under {target.mode}",
            expected=f"a network, and one of head.modes: {', '.join(study.head.modes)}"
            if study.head
            else "a section head in the configuration",
        )
    return target


def literal_check(study: Study, target: Target, n_samples: int) -> str:
    """How far the literal route is from the fast one, in words."""
    names = vars(target)
    passname = study.models[target.model].pass_of(target.layer)
    features = Path(Paths.FEATURES.format(**names, passname=passname, split="eval"))
    mode = study.modes[target.mode]
    probe = Path(Paths.PROBE.format(**names))
    largest = largest_difference(mode, features, target.layer, probe, study.bands, n_samples)
    images = f"({n_samples} images)"
    return f"largest difference {largest:.1e} of the logits' standard deviation {images}"
