"""Send changed maps of a pass's layers through the rest of the network: logits of all modes."""

from pathlib import Path

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.base.devices import DEVICES
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.head.run import run_head
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the logits of all variants of all layers of a pass."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--model", required=True, type=from_json(ModelSpec), help="the model, as JSON")
    option("--weights", type=Path, help="safetensors file, unless random")
    option("--manifest", required=True, type=Path)
    option("--root", required=True, type=Path, help="folder of the images")
    option("--head", required=True, type=Path, help="the fitted head of the model")
    option("--train", required=True, type=Path, help="training features")
    option("--layers", required=True, type=from_json(tuple[str, ...]), help="layers, as JSON")
    option("--bands", required=True, type=from_json(Bands), help="names and edges")
    option("--modes", required=True, type=from_json(tuple[Mode, ...]), help="modes, as JSON")
    option("--prefix", required=True, nargs="+", choices=["keep", "ablate"])
    option("--batch", type=int, default=64, help="changed maps per forward pass")
    option("--threads", type=int, default=1)
    option("--output", required=True, type=Path)
    option("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    run_head(
        arguments.output,
        arguments.model,
        arguments.layers,
        arguments.bands,
        arguments.modes,
        arguments.prefix,
        head=arguments.head,
        train=arguments.train,
        weights=arguments.weights,
        manifest=arguments.manifest,
        root=arguments.root,
        batch=arguments.batch,
        threads=arguments.threads,
        code=arguments.code,
        device=arguments.device,
    )


if __name__ == "__main__":
    run(main)
