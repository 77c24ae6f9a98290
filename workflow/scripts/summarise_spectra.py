"""Gather the spectra of all layers of a data set, with intervals over images."""

from pathlib import Path

from bandprobe.summary.spectra import read_spectra, spectra_dataset, write_curves
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.script import run
from bandprobe.workflow.summary_script import summary_parser, summary_provenance


def main() -> None:
    """Write the summary of the spectra."""
    parser = summary_parser(__doc__, "spectra", "bands")
    parser.add_argument("--profiles", required=True, type=Path, help="CSV of the radial profiles")
    parser.add_argument("--diagonal", required=True, type=Path, help="CSV of the half diagonals")
    arguments = parser.parse_args()
    spectra = read_spectra(arguments.spectra, arguments.axes["layers"], arguments.statistics)
    dataset = spectra_dataset(spectra)
    write_summary(dataset, arguments.netcdf, arguments.csv, summary_provenance(arguments))
    write_curves(dataset, arguments.profiles, arguments.diagonal)


if __name__ == "__main__":
    run(main)
