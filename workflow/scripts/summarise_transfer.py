"""How the energy of bands goes from each layer of a data set to the next, over images."""

from pathlib import Path
from typing import Any

from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.provenance import provenance, stated
from bandprobe.summary.tables import write_summary
from bandprobe.summary.transfer import transfer_dataset
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the summary of the transfers."""
    parser = argument_parser(__doc__)
    parser.add_argument("--spectra", required=True, type=Path, help="folder of the spectra")
    parser.add_argument("--axes", required=True, type=from_json(dict[str, Any]), help="names")
    parser.add_argument(
        "--statistics", required=True, type=from_json(IntervalSettings), help="as JSON"
    )
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path, help="pairs of bands")
    arguments = parser.parse_args()
    dataset = transfer_dataset(arguments.spectra, arguments.axes["layers"], arguments.statistics)
    attrs = provenance(arguments.code, arguments.axes | stated(arguments.statistics))
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)


if __name__ == "__main__":
    run(main)
