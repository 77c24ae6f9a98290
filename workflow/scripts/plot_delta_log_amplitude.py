"""Draw the log amplitude on the half diagonal against the zero frequency, layer by layer."""

from pathlib import Path

import xarray as xr

from bandprobe.drawing import save
from bandprobe.figures_spectra import delta_log_amplitude
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw one figure."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spectra", required=True, type=Path, help="summary of the spectra")
    parser.add_argument("--output", required=True, type=Path, nargs="+")
    arguments = parser.parse_args()
    save(delta_log_amplitude(xr.load_dataset(arguments.spectra)), arguments.output)


if __name__ == "__main__":
    run(main)
