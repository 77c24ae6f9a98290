"""Draw heat maps of the effects of all interventions: one for each score and readout."""

from functools import partial
from itertools import product
from pathlib import Path

import xarray as xr

from bandprobe.drawing import Drawing, save_all
from bandprobe.figures import SCORES, effects
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw the figures."""
    parser = argument_parser(__doc__)
    parser.add_argument("--interventions", required=True, type=Path, help="their summary")
    parser.add_argument("--score", required=True, nargs="+", choices=SCORES)
    parser.add_argument("--readout", required=True, nargs="+")
    parser.add_argument("--folder", required=True, type=Path, help="where the figures go")
    parser.add_argument("--suffix", required=True, nargs="+", help="png, svg")
    parser.add_argument("--threads", type=int, default=1, help="figures at once")
    arguments = parser.parse_args()
    dataset = xr.load_dataset(arguments.interventions)
    drawings = []
    for score, readout in product(arguments.score, arguments.readout):
        files = [arguments.folder / f"{score}_{readout}.{suffix}" for suffix in arguments.suffix]
        # Only what the figure shows is handed to the process that draws it.
        cells = dataset.sel(readout=[readout])
        drawings.append(Drawing(partial(effects, cells, score, readout), files))
    save_all(drawings, arguments.threads)


if __name__ == "__main__":
    run(main)
