"""Logits of a layer's readouts on the evaluation maps, split into bands and random masks."""

from pathlib import Path

from bandprobe.base.devices import DEVICES
from bandprobe.fourier.bands import Bands
from bandprobe.probes.settings import MaskSettings
from bandprobe.probes.split import split_layer
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the band logits of all readouts of a layer."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--features", required=True, type=Path, help="evaluation features")
    option("--layer", required=True)
    option("--probe", required=True, type=Path, nargs="+", help="stores <readout>.zarr")
    option("--controls", type=from_json(MaskSettings), help="random masks")
    option("--masks", type=Path, nargs="?", help="where random masks go, if there are any")
    option("--changes", nargs="*", default=[], help="modes of the controls of energy, KIND/FILL")
    option("--bands", required=True, type=from_json(Bands), help="names and edges")
    option("--output", required=True, type=Path, nargs="+", help="one store per readout")
    option("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    split_layer(
        dict(zip(arguments.probe, arguments.output, strict=True)),
        arguments.features,
        arguments.layer,
        arguments.bands,
        arguments.masks,
        arguments.controls,
        arguments.changes,
        code=arguments.code,
        device=arguments.device,
    )


if __name__ == "__main__":
    run(main)
