"""Gather the removals of DC alone and of all but DC of a data set, with intervals over groups."""

from pathlib import Path

from bandprobe.summary.parts import parts_dataset
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.script import run
from bandprobe.workflow.summary_script import summary_parser, summary_provenance


def main() -> None:
    """Write the summary of both parts."""
    parser = summary_parser(__doc__, "outcomes", "parts")
    parser.add_argument("--spectra", required=True, type=Path, help="folder of the spectra")
    arguments = parser.parse_args()
    sources = (arguments.outcomes, arguments.spectra)
    dataset = parts_dataset(*sources, arguments.axes, arguments.statistics)
    write_summary(dataset, arguments.netcdf, arguments.csv, summary_provenance(arguments))


if __name__ == "__main__":
    run(main)
