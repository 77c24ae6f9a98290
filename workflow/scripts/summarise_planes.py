"""Gather the Fourier planes of all layers of a data set, and their energy by orientation."""

from bandprobe.summary.planes import planes_dataset
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.script import run
from bandprobe.workflow.summary_script import summary_parser, summary_provenance


def main() -> None:
    """Write the summary of the planes."""
    arguments = summary_parser(__doc__, "spectra", "orientations").parse_args()
    dataset = planes_dataset(arguments.spectra, arguments.axes["layers"], arguments.statistics)
    attrs = summary_provenance(arguments)
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)


if __name__ == "__main__":
    run(main)
