"""Estimate what a study costs before it runs: images, passes, disk, memory, operations, time.

Only shapes are computed: neither images nor weights are needed if the configuration says how many
images there are. Times follow from the operations and a speed, which is measured on this machine
for a few seconds per network, or given.
"""

from __future__ import annotations

import argparse

from bandprobe.cli.shared import add_config, described, load_study
from bandprobe.cli.tables import console

EXAMPLES = """
bandprobe plan
bandprobe plan --config study.yaml --no-times
bandprobe plan --config configs/imagenet.yaml --gflops 200
"""


def parser() -> argparse.ArgumentParser:
    """The options of `bandprobe plan`."""
    options = described(__doc__, "bandprobe plan", EXAMPLES)
    add_config(options)
    speed = options.add_mutually_exclusive_group()
    speed.add_argument(
        "--measure",
        action="store_true",
        help="measure the speed of this machine for a few seconds (the default)",
    )
    speed.add_argument("--no-times", action="store_true", help="measure nothing, give no times")
    speed.add_argument(
        "--gflops", type=float, help="speed of this machine, 1e9 operations per second"
    )
    speed.add_argument("--images-per-second", type=float, help="speed of each forward pass")
    return options


def execute(arguments: argparse.Namespace) -> None:
    """Print the plan of every data set of a study."""
    study = load_study(arguments.config)
    # Shapes come from torch and timm, which take seconds to import: not before the study is read.
    from bandprobe.planning.tables import Speed, plan_tables

    known = arguments.gflops or arguments.images_per_second or arguments.no_times
    speed = Speed(not known, arguments.gflops, arguments.images_per_second)
    output = console()
    for table in plan_tables(study, speed):
        output.print(table)
