"""Fit a layer's readouts to other images of the study, from its stored maps."""

from pathlib import Path

from bandprobe.base.devices import DEVICES
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.probes.replicate_settings import ReplicateSettings
from bandprobe.probes.replicate_store import write_replicates
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the replicates of a layer."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--train", required=True, type=Path, help="training features")
    option("--eval", required=True, type=Path, help="evaluation features")
    option("--layer", required=True)
    option("--manifest", required=True, type=Path)
    option("--folds", required=True, type=Path)
    option("--probe", required=True, type=Path, nargs="+", help="stores <readout>.zarr")
    option("--bands", required=True, type=from_json(Bands), help="names and edges")
    option("--modes", required=True, type=from_json(tuple[Mode, ...]), help="as JSON")
    option("--settings", required=True, type=from_json(ReplicateSettings), help="as JSON")
    option("--output", required=True, type=Path)
    option("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    write_replicates(
        arguments.output,
        (arguments.train, arguments.eval),
        arguments.layer,
        arguments.manifest,
        arguments.folds,
        {path.stem: path for path in arguments.probe},
        arguments.bands,
        arguments.modes,
        arguments.settings,
        code=arguments.code,
        device=arguments.device,
    )


if __name__ == "__main__":
    run(main)
