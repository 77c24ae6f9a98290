"""Send changed maps of a pass's layers through the rest of the network: logits of all modes."""

from dataclasses import replace
from pathlib import Path

import torch

from bandprobe.backbones.backbone import load_model
from bandprobe.base.devices import DEVICES, open_device
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.head.classifier import check_untouched
from bandprobe.head.run import Layer, check_route, layer_logits, run_network
from bandprobe.head.store import read_head, write_head_logits
from bandprobe.head.variants import (
    prefix_route,
)
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import Store
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the logits of all variants of all layers of a pass."""
    parser = argument_parser(__doc__)
    parser.add_argument("--model", required=True, type=json_argument, help="the model, as JSON")
    parser.add_argument("--weights", type=Path, help="safetensors file, unless random")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--head", required=True, type=Path, help="the fitted head of the model")
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--layers", required=True, type=json_argument, help="layers, as JSON")
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--modes", required=True, type=json_argument, help="modes, as JSON")
    parser.add_argument("--prefix", required=True, nargs="+", choices=["keep", "ablate"])
    parser.add_argument("--batch", type=int, default=64, help="changed maps a forward pass")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    modes = [Mode(**spec) for spec in arguments.modes]
    train, head = Store(arguments.train), read_head(arguments.head)
    backbone = load_model(arguments.model, arguments.weights, open_device(arguments.device))
    found = {}
    for name in arguments.layers:
        layer = Layer(name, train, bands, modes, arguments.prefix)
        plan = layer.plan()
        logits = layer_logits(run_network(arguments, backbone, head, layer, plan), head, plan)
        check_untouched(name, head.clean_logits, logits.clean[0])
        route = prefix_route(backbone, name)
        check_route(layer, route, logits.sees[0])
        found[name] = replace(
            logits, route=route, ablated=tuple(layer.ablations), has_prefix=layer.has_prefix
        )
    stage = {"modes": arguments.modes, "prefix": arguments.prefix, "bands": arguments.bands}
    attrs = provenance(arguments.code, stage, weights_sha256=backbone.weights_sha256)
    write_head_logits(arguments.output, found, head, len(modes), attrs)


if __name__ == "__main__":
    run(main)
