"""Add up what the readouts of a layer are fitted from, over one slab of its channels."""

from pathlib import Path

from bandprobe.base.devices import DEVICES, open_device
from bandprobe.fourier.bands import Bands
from bandprobe.probes.slab_sums import sum_slabs, write_sums
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import Store
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the sums of one slab."""
    parser = argument_parser(__doc__)
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--eval", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--bands", type=json_argument, help="names and edges, if taken by band")
    parser.add_argument("--slab", required=True, type=int, nargs=2, help="number and count")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    train, evaluation = Store(arguments.train), Store(arguments.eval)
    partition = None
    if arguments.bands:
        grid = train.array(arguments.layer).shape[-2:]
        bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
        partition = bands.on_grid(*grid)
    device = open_device(arguments.device)
    sums = sum_slabs(train, evaluation, arguments.layer, partition, tuple(arguments.slab), device)
    stage = {"layer": arguments.layer, "bands": arguments.bands, "slab": arguments.slab}
    write_sums(arguments.output, sums, provenance(arguments.code, stage))


if __name__ == "__main__":
    run(main)
