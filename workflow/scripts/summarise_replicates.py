"""Gather what the draw of the images adds to the uncertainty of a data set's drops."""

from pathlib import Path

import xarray as xr

from bandprobe.summary.replicates import replicates_dataset
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.script import run
from bandprobe.workflow.summary_script import summary_parser, summary_provenance


def main() -> None:
    """Write the summary of the replicates."""
    parser = summary_parser(__doc__, "replicates", "drops")
    parser.add_argument(
        "--interventions", required=True, type=Path, help="summary of the interventions"
    )
    arguments = parser.parse_args()
    dataset = replicates_dataset(
        arguments.replicates,
        arguments.axes,
        arguments.statistics,
        xr.load_dataset(arguments.interventions, engine="h5netcdf"),
    )
    attrs = summary_provenance(arguments)
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)


if __name__ == "__main__":
    run(main)
