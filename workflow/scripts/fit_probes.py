"""Fit the readouts of one layer on its training maps, penalties by grouped cross-validation."""

from pathlib import Path

from bandprobe.base.devices import DEVICES
from bandprobe.probes.fit import read_splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import FitBands, FitSettings
from bandprobe.study.parts import slab_paths
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Fit and store the readouts."""
    parser = argument_parser(__doc__)
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--eval", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--readout", required=True, nargs="+", help="their names")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--settings", required=True, type=from_json(FitSettings), help="as JSON")
    parser.add_argument(
        "--bands",
        type=from_json(FitBands),
        help="names and edges, for readouts by band; with refit the kinds that it is fitted for",
    )
    parser.add_argument(
        "--sums",
        type=Path,
        help="folder with the sums of all slabs, where several jobs share the channels",
    )
    parser.add_argument("--slabs", type=int, default=0, help="how many these are")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="one per readout")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    fit_layer(
        read_splits(
            arguments.train,
            arguments.eval,
            arguments.layer,
            arguments.manifest,
            arguments.folds,
            arguments.settings,
        ),
        dict(zip(arguments.readout, arguments.output, strict=True)),
        arguments.bands,
        slab_paths(arguments.sums, arguments.slabs),
        code=arguments.code,
        device=arguments.device,
    )


if __name__ == "__main__":
    run(main)
