"""Draw one figure of the interventions over the bands of every layer."""

from pathlib import Path

import xarray as xr

from bandprobe.drawing import save
from bandprobe.figures_bands import controls, sweeps, used_available
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw the figure."""
    parser = argument_parser(__doc__)
    parser.add_argument("--interventions", required=True, type=Path, help="their summary")
    parser.add_argument("--figure", required=True, choices=["controls", "used_available", "sweeps"])
    parser.add_argument("--readout", required=True)
    parser.add_argument("--mode", required=True, nargs="+")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="PNG, SVG")
    arguments = parser.parse_args()
    dataset = xr.load_dataset(arguments.interventions)
    if arguments.figure == "controls":
        figure = controls(dataset, arguments.readout, arguments.mode[0])
    elif arguments.figure == "used_available":
        figure = used_available(dataset, arguments.mode[0])
    else:
        figure = sweeps(dataset, arguments.readout, arguments.mode)
    save(figure, arguments.output)


if __name__ == "__main__":
    run(main)
