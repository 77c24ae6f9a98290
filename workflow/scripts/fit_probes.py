"""Fit the readouts of one layer on its training maps, penalties by grouped cross-validation."""

import argparse
from pathlib import Path

from bandprobe.base.devices import DEVICES
from bandprobe.fourier.bands import Bands
from bandprobe.linear.map_sums import refit_subsets
from bandprobe.probes.fit import (
    fit_energy,
    fit_linear,
    fit_refits,
    gather,
    read_splits,
)
from bandprobe.probes.write import (
    Writer,
    common_variables,
    energy_variables,
    linear_variables,
    refit_variables,
)
from bandprobe.workflow.script import argument_parser, json_argument, run


def parse() -> argparse.Namespace:
    """The arguments of this script."""
    parser = argument_parser(__doc__)
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--eval", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--readout", required=True, nargs="+", help="their names")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--settings", required=True, type=json_argument, help="as JSON")
    parser.add_argument(
        "--bands",
        type=json_argument,
        help="names and edges, for readouts by band; with refit the kinds that it is fitted for",
    )
    parser.add_argument(
        "--sums", type=Path, nargs="+", help="slabs of the layer, where jobs share its channels"
    )
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="a store a readout")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    return parser.parse_args()


def main() -> None:
    """Fit and store the readouts."""
    arguments = parse()
    splits = read_splits(arguments)
    partition = None
    if arguments.bands:
        edges = tuple(arguments.bands["edges"])
        partition = Bands(tuple(arguments.bands["names"]), edges).on_grid(*splits.grid)
    writer = Writer(arguments, splits)
    by_map = partition is not None or "map" in arguments.readout
    sums = gather(arguments, splits, partition) if by_map else None
    linear = fit_linear(splits, arguments.readout, sums)
    for name, (maps, fit, slabs) in linear.items():
        found = common_variables(fit) | linear_variables(maps, splits.grid)
        writer.write(name, fit, found, weights=(maps, fit, slabs))
    if partition is None:
        return
    maps, whole, _ = linear["map"]
    if "energy" in arguments.readout:
        scale, fit = fit_energy(splits, maps)
        own = energy_variables(scale, fit, maps, partition.counts)
        writer.write("energy", fit, common_variables(fit) | own)
    if "refit" in arguments.readout:
        kept = refit_subsets(arguments.bands["kinds"], partition.counts)
        fits = fit_refits(splits, maps, kept, whole)
        writer.write(
            "refit", whole, refit_variables(fits, kept, partition.counts, splits.penalties)
        )


if __name__ == "__main__":
    run(main)
