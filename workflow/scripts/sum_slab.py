"""Add up what the readouts of a layer are fitted from, over one slab of its channels."""

from pathlib import Path

from bandprobe.base.devices import DEVICES
from bandprobe.fourier.bands import Bands
from bandprobe.probes.slab_sums import sum_slab
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the sums of one slab."""
    parser = argument_parser(__doc__)
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--eval", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument(
        "--bands", type=from_json(Bands), help="names and edges, if added up by band"
    )
    parser.add_argument(
        "--pattern", action="store_true", help="add up maps without their spatial means too"
    )
    parser.add_argument("--slab", required=True, type=int, nargs=2, help="number and count")
    parser.add_argument("--output", required=True, type=Path)
    parser.add_argument("--device", default="cpu", choices=DEVICES, help="where to compute")
    arguments = parser.parse_args()
    sum_slab(
        arguments.output,
        arguments.train,
        arguments.eval,
        arguments.layer,
        arguments.bands,
        tuple(arguments.slab),
        code=arguments.code,
        device=arguments.device,
        pattern=arguments.pattern,
    )


if __name__ == "__main__":
    run(main)
