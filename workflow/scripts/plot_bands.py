"""Draw the figures of the interventions over the bands of every layer."""

from functools import partial
from pathlib import Path

import xarray as xr

from bandprobe.drawing import Drawing, save_all
from bandprobe.figures_bands import controls, sweeps, used_available
from bandprobe.scripting import argument_parser, json_argument, run


def main() -> None:
    """Draw the figures."""
    parser = argument_parser(__doc__)
    parser.add_argument("--interventions", required=True, type=Path, help="their summary")
    parser.add_argument(
        "--figures", required=True, type=json_argument, help="names, with the modes of each"
    )
    parser.add_argument("--readout", required=True, help="what figures of one readout show")
    parser.add_argument("--folder", required=True, type=Path, help="where the figures go")
    parser.add_argument("--suffix", required=True, nargs="+", help="png, svg")
    parser.add_argument("--threads", type=int, default=1, help="figures at once")
    arguments = parser.parse_args()
    dataset = xr.load_dataset(arguments.interventions)
    drawings = []
    for name, modes in arguments.figures.items():
        if name.startswith("controls"):
            draw = partial(controls, dataset, arguments.readout, modes[0])
        elif name.startswith("used_available"):
            draw = partial(used_available, dataset, modes[0])
        else:
            draw = partial(sweeps, dataset, arguments.readout, modes)
        files = [arguments.folder / f"{name}.{suffix}" for suffix in arguments.suffix]
        drawings.append(Drawing(draw, files))
    save_all(drawings, arguments.threads)


if __name__ == "__main__":
    run(main)
