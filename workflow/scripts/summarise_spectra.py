"""Gather the spectra of all layers of a data set, with intervals over images."""

from pathlib import Path

from bandprobe.store.provenance import provenance
from bandprobe.summary.spectra import layer_spectrum, spectra_dataset, write_curves
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the summary of the spectra."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spectra", required=True, type=Path, help="folder of the spectra")
    parser.add_argument("--axes", required=True, type=json_argument, help="names, as JSON")
    parser.add_argument("--statistics", required=True, type=json_argument)
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path, help="bands")
    parser.add_argument("--profiles", required=True, type=Path, help="CSV of the radial profiles")
    parser.add_argument("--diagonal", required=True, type=Path, help="CSV of the half diagonals")
    arguments = parser.parse_args()
    found = {
        (model, layer): layer_spectrum(
            arguments.spectra / model / f"{layer}.zarr", **arguments.statistics
        )
        for model, layers in arguments.axes["layers"].items()
        for layer in layers
    }
    dataset = spectra_dataset(found)
    stage = arguments.axes | arguments.statistics
    write_summary(dataset, arguments.netcdf, arguments.csv, provenance(arguments.code, stage))
    write_curves(dataset, arguments.profiles, arguments.diagonal)


if __name__ == "__main__":
    run(main)
