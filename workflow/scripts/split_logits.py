"""Logits of a layer's readouts on the evaluation maps, split into bands and random masks."""

from pathlib import Path

import numpy as np

from bandprobe.base.devices import DEVICES, open_device
from bandprobe.features.blocks import read_coordinates
from bandprobe.fourier.bands import Bands
from bandprobe.probes.masks import Masks, mean_power, read_masks, write_masks
from bandprobe.probes.read import read_energies, read_readout
from bandprobe.probes.split import logit_variables, split_energy, split_linear
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import Store, Variable, write_store
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the band logits of all readouts of a layer."""
    parser = argument_parser(__doc__)
    parser.add_argument("--features", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument(
        "--probe", required=True, type=Path, nargs="+", help="stores <readout>.zarr"
    )
    parser.add_argument("--controls", type=json_argument, help="draws and seed of random masks")
    parser.add_argument(
        "--masks", type=Path, nargs="*", default=[], help="where random masks go, if anywhere"
    )
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="a store a readout")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    store = Store(arguments.features)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    partition = bands.on_grid(*store.array(arguments.layer).shape[-2:])
    weights = {"weights_sha256": store.attrs["weights_sha256"]}
    for path in arguments.masks:
        own = {**arguments.controls, "layer": arguments.layer, "bands": arguments.bands}
        power = mean_power(store, arguments.layer)
        attrs = provenance(arguments.code, own, **weights)
        write_masks(path, partition, power, **arguments.controls, attrs=attrs)
    masks = read_masks(arguments.masks, partition)
    linear = [path for path in arguments.probe if path.stem != "energy"]
    readouts = [read_readout(path) for path in linear]
    found = {}
    if linear:
        device = open_device(arguments.device)
        split = split_linear(store, arguments.layer, readouts, masks, device)
        found = dict(zip(linear, split, strict=True))
    attrs = provenance(
        arguments.code,
        {"layer": arguments.layer, "bands": arguments.bands},
        **weights,
    )
    for path, probe in zip(arguments.output, arguments.probe, strict=True):
        is_linear = probe in found
        one = found[probe] if is_linear else split_energy(read_energies(probe))
        own_masks = masks if is_linear else Masks(partition, {})
        coordinates = {
            "band": Variable(("band",), np.array(bands.names)),
            "class": Variable(("class",), np.array(Store(probe).labels("class"))),
            "control": Variable(("control",), np.array(list(own_masks.controls) or ["none"])),
            **read_coordinates(store),
        }
        write_store(path, logit_variables(one, own_masks), coordinates, attrs)


if __name__ == "__main__":
    run(main)
