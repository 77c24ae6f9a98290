"""What scores the end of a network: its own classifier, or a probe on its final embedding."""

from pathlib import Path

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.base.devices import DEVICES
from bandprobe.head.fit import fit_head
from bandprobe.head.settings import ClassifierSettings
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Fit and store the head of a model."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--model", required=True, type=from_json(ModelSpec), help="the model, as JSON")
    option("--weights", type=Path, help="safetensors file, unless random")
    option("--manifest", required=True, type=Path)
    option("--folds", required=True, type=Path)
    option("--root", required=True, type=Path, help="folder of the images")
    option("--head", required=True, type=from_json(ClassifierSettings), help="as JSON")
    option("--penalties", required=True, type=from_json(tuple[float, ...]), help="as JSON")
    option("--batch", type=int, default=16, help="images per forward pass")
    option("--threads", type=int, default=1)
    option("--output", required=True, type=Path)
    option("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    fit_head(
        arguments.output,
        arguments.model,
        arguments.head,
        arguments.penalties,
        weights=arguments.weights,
        manifest=arguments.manifest,
        folds=arguments.folds,
        root=arguments.root,
        batch=arguments.batch,
        threads=arguments.threads,
        code=arguments.code,
        device=arguments.device,
    )


if __name__ == "__main__":
    run(main)
