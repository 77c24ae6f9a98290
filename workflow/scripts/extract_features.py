"""Run one pass of a frozen backbone over the images and store its layers."""

from pathlib import Path

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.base.devices import DEVICES
from bandprobe.features.extract import WHOLE, Shard
from bandprobe.features.networks import PRECISIONS
from bandprobe.features.passes import extract_pass
from bandprobe.store.encoding import Storage
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Extract one pass."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--model", required=True, type=from_json(ModelSpec), help="the model, as JSON")
    option("--layers", required=True, type=from_json(tuple[str, ...]), help="layers, as JSON")
    option("--weights", type=Path, help="file of weights, where there is one")
    option("--manifest", required=True, type=Path)
    option("--root", required=True, type=Path, help="folder of the images")
    option("--storage", required=True, type=from_json(Storage), help="format, as JSON")
    option("--precision", choices=PRECISIONS, help="of the forward pass")
    option("--batch", type=int, default=32, help="images per forward pass")
    option("--threads", type=int, default=1)
    option("--split", required=True, nargs="+", choices=["train", "eval"])
    option("--shard", type=Shard.from_text, default=WHOLE, help="NUMBER/COUNT, from 0")
    option("--output", required=True, nargs="+", type=Path, help="one store per split")
    option("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    extract_pass(
        dict(zip(arguments.split, arguments.output, strict=True)),
        arguments.model,
        arguments.layers,
        weights=arguments.weights,
        manifest=arguments.manifest,
        root=arguments.root,
        storage=arguments.storage,
        precision=arguments.precision,
        batch=arguments.batch,
        threads=arguments.threads,
        shard=arguments.shard,
        code=arguments.code,
        device=arguments.device,
    )


if __name__ == "__main__":
    run(main)
