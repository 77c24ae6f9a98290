"""Gather the Shapley values of a data set, with intervals over groups."""

from pathlib import Path

from bandprobe.scoring.intervals import Bootstrap
from bandprobe.store.provenance import provenance
from bandprobe.summary.shapley import shapley_dataset
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the summary of the Shapley values."""
    parser = argument_parser(__doc__)
    parser.add_argument("--shapley", required=True, type=Path, help="folder of the values")
    parser.add_argument("--axes", required=True, type=json_argument, help="names, as JSON")
    parser.add_argument("--statistics", required=True, type=json_argument)
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path)
    arguments = parser.parse_args()
    bootstrap = Bootstrap(**arguments.statistics)
    dataset = shapley_dataset(arguments.shapley, arguments.axes, bootstrap)
    attrs = provenance(arguments.code, arguments.axes | arguments.statistics)
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)


if __name__ == "__main__":
    run(main)
