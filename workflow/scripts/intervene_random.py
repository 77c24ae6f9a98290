"""Turn the phases of each band, or add noise to it, at random: outcomes of each draw."""

from pathlib import Path

from bandprobe.base.devices import DEVICES
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.interventions.perturb import write_perturbed
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the outcomes of one mode for all readouts of a layer."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--logits", required=True, type=Path, nargs="+", help="band logits of each readout")
    option("--features", required=True, type=Path, help="evaluation features")
    option("--layer", required=True)
    option("--probe", required=True, type=Path, nargs="+", help="stores <readout>.zarr")
    option("--masks", type=Path, nargs="*", default=[], help="random masks, if any")
    option("--bands", required=True, type=from_json(Bands), help="names and edges")
    option("--mode", required=True, type=from_json(Mode), help="the mode, as JSON")
    option("--output", required=True, type=Path, nargs="+", help="one store per readout")
    option("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    write_perturbed(
        dict(zip(arguments.logits, arguments.output, strict=True)),
        arguments.features,
        arguments.layer,
        arguments.mode,
        arguments.bands,
        probes=arguments.probe,
        masks=arguments.masks,
        code=arguments.code,
        device=arguments.device,
    )


if __name__ == "__main__":
    run(main)
