"""Gather the spectra of all layers of a data set, with intervals over images."""

from pathlib import Path
from typing import Any

from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.provenance import provenance, stated
from bandprobe.summary.spectra import read_spectra, spectra_dataset, write_curves
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the summary of the spectra."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spectra", required=True, type=Path, help="folder of the spectra")
    parser.add_argument("--axes", required=True, type=from_json(dict[str, Any]), help="names")
    parser.add_argument(
        "--statistics", required=True, type=from_json(IntervalSettings), help="as JSON"
    )
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path, help="bands")
    parser.add_argument("--profiles", required=True, type=Path, help="CSV of the radial profiles")
    parser.add_argument("--diagonal", required=True, type=Path, help="CSV of the half diagonals")
    arguments = parser.parse_args()
    spectra = read_spectra(arguments.spectra, arguments.axes["layers"], arguments.statistics)
    dataset = spectra_dataset(spectra)
    stage = arguments.axes | stated(arguments.statistics)
    write_summary(dataset, arguments.netcdf, arguments.csv, provenance(arguments.code, stage))
    write_curves(dataset, arguments.profiles, arguments.diagonal)


if __name__ == "__main__":
    run(main)
