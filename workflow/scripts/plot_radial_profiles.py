"""Draw the radial power profiles of all layers."""

from pathlib import Path

import xarray as xr

from bandprobe.drawing import save
from bandprobe.figures_spectra import radial_profiles
from bandprobe.scripting import argument_parser, json_argument, run


def main() -> None:
    """Draw one figure."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spectra", required=True, type=Path, help="summary of the spectra")
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--output", required=True, type=Path, nargs="+")
    arguments = parser.parse_args()
    figure = radial_profiles(xr.load_dataset(arguments.spectra), arguments.bands["edges"])
    save(figure, arguments.output)


if __name__ == "__main__":
    run(main)
