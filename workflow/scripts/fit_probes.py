"""Fit the readouts of one layer on its training maps, penalties by grouped cross-validation."""

import argparse
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.base.devices import DEVICES, open_device
from bandprobe.data.manifest import class_names, read_folds
from bandprobe.features.blocks import read_coordinates
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.linear.map_sums import MapSums, refit_subsets
from bandprobe.probes.fit import (
    Fit,
    Permutations,
    Splits,
    fit_energy,
    fit_linear,
    fit_refits,
    sum_slabs,
)
from bandprobe.probes.slab_sums import read_sums
from bandprobe.probes.write import (
    common_variables,
    energy_variables,
    linear_variables,
    refit_variables,
    write_fit,
)
from bandprobe.store.zarr_store import Store, Variable
from bandprobe.workflow.script import argument_parser, json_argument, provenance, run


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


def read_splits(arguments: argparse.Namespace) -> Splits:
    """What the readouts are fitted on."""
    settings = arguments.settings
    return Splits(
        Store(arguments.train),
        Store(arguments.eval),
        arguments.layer,
        read_folds(arguments.folds),
        class_names(arguments.manifest),
        np.asarray(settings["penalties"], np.float64),
        settings["estimator"],
        Permutations(settings["permutations"], settings["seed"]),
    )


class Writer:
    """Writes the stores of the readouts, each with its own provenance."""

    def __init__(self, arguments: argparse.Namespace, splits: Splits) -> None:
        self._outputs = dict(zip(arguments.readout, arguments.output, strict=True))
        self._stage = {"layer": arguments.layer, **arguments.settings}
        self._code, self._splits = arguments.code, splits
        self._coordinates = {
            "class": Variable(("class",), np.array(splits.classes)),
            "penalty": Variable(("penalty",), splits.penalties, {"units": "mean squared norm"}),
            **read_coordinates(splits.evaluation),
        }
        if arguments.bands:
            names = np.array(arguments.bands["names"])
            self._bands = {"band": Variable(("band",), names)}

    def write(self, readout: str, fit: Fit, variables: dict[str, Variable], **more: Any) -> None:
        """Write one readout."""
        if readout not in self._outputs:
            return
        penalty = float(self._splits.penalties[fit.probe.chosen])
        attrs = provenance(
            self._code,
            {**self._stage, "readout": readout, "penalty": penalty},
            weights_sha256=self._splits.train.attrs["weights_sha256"],
        )
        coordinates = dict(self._coordinates)
        if readout in ("energy", "refit"):
            coordinates |= self._bands
        path = self._outputs[readout]
        write_fit(path, variables, coordinates, attrs, more.get("weights"), self._splits)


def gather(
    arguments: argparse.Namespace, splits: Splits, partition: BandPartition | None
) -> MapSums:
    """What the readouts of the maps are fitted from: of the slabs' jobs, or of all channels."""
    if arguments.sums:
        return read_sums(arguments.sums, partition)
    device = open_device(arguments.device)
    return sum_slabs(splits.train, splits.evaluation, splits.layer, partition, device=device)


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
