"""Turn the phases of each band, or add noise to it, at random: outcomes of each draw."""

from pathlib import Path

from bandprobe.base.devices import DEVICES, open_device
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.interventions.additive import untouched
from bandprobe.interventions.outcome_store import read_band_logits, write_outcomes
from bandprobe.interventions.perturb import perturb
from bandprobe.probes.masks import read_masks
from bandprobe.probes.read import read_energies, read_readout
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import Store
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the outcomes of one mode for all readouts of a layer."""
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--logits", required=True, type=Path, nargs="+", help="band logits, a store a readout"
    )
    parser.add_argument("--features", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument(
        "--probe", required=True, type=Path, nargs="+", help="stores <readout>.zarr"
    )
    parser.add_argument("--masks", type=Path, nargs="*", default=[], help="random masks, if any")
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--mode", required=True, type=json_argument, help="the mode, as JSON")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="a store a readout")
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    features = Store(arguments.features)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    partition = bands.on_grid(*features.array(arguments.layer).shape[-2:])
    masks = read_masks(arguments.masks, partition)
    readouts = {
        path.stem: read_energies(path) if path.stem == "energy" else read_readout(path)
        for path in arguments.probe
    }
    splits = {path.stem: read_band_logits(path) for path in arguments.logits}
    mode = Mode(**arguments.mode)
    device = open_device(arguments.device)
    found = perturb(features, arguments.layer, mode, masks, readouts, splits, device)
    for path, (name, split) in zip(arguments.output, splits.items(), strict=True):
        attrs = provenance(arguments.code, arguments.mode, weights_sha256=split.weights_sha256)
        write_outcomes(
            path, split.axes, untouched(split), found[name].changed, attrs, found[name].controls
        )


if __name__ == "__main__":
    run(main)
