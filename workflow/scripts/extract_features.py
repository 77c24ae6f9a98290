"""Run one pass of a frozen backbone over one split and store its layers."""

from pathlib import Path
from typing import Any

from bandprobe.extract import Network, Source, extract, pixel_network, torch_network
from bandprobe.images import Preprocess
from bandprobe.manifest import read_split
from bandprobe.scripting import argument_parser, json_argument, provenance, run


def load_network(arguments: Any) -> tuple[Network, str]:
    """The network of a pass and the digest of its weights."""
    spec = arguments.model
    if spec["architecture"] == "pixels":
        return pixel_network(arguments.dtype), "none"
    import torch

    from bandprobe.models import load_backbone

    torch.set_num_threads(arguments.threads)
    backbone = load_backbone(
        spec["architecture"], spec["weights"], spec["arguments"], spec["seed"], arguments.weights
    )
    network = torch_network(backbone, arguments.layers, arguments.dtype)
    return network, backbone.weights_sha256


def main() -> None:
    """Extract one pass."""
    parser = argument_parser(__doc__)
    parser.add_argument("--model", required=True, type=json_argument, help="the model, as JSON")
    parser.add_argument("--layers", required=True, type=json_argument, help="layers, as JSON")
    parser.add_argument("--weights", type=Path, help="safetensors file, unless random")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--dtype", required=True, choices=["float16", "float32"])
    parser.add_argument("--batch", type=int, default=32, help="images a forward pass")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--split", required=True, choices=["train", "eval"])
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    preprocess = Preprocess.from_config(arguments.model["preprocess"])
    network, weights_sha256 = load_network(arguments)
    stage = {"model": arguments.model, "layers": arguments.layers, "dtype": arguments.dtype}
    attrs = provenance(arguments.code, stage, weights_sha256=weights_sha256)
    split = read_split(arguments.manifest, arguments.split)
    source = Source(arguments.root, split, preprocess)
    extract(network, source, arguments.output, attrs, arguments.dtype, arguments.batch)


if __name__ == "__main__":
    run(main)
