"""How the energy of bands goes from each layer of a data set to the next, over images."""

from bandprobe.summary.tables import write_summary
from bandprobe.summary.transfer import transfer_dataset
from bandprobe.workflow.script import run
from bandprobe.workflow.summary_script import summary_parser, summary_provenance


def main() -> None:
    """Write the summary of the transfers."""
    arguments = summary_parser(__doc__, "spectra", "pairs of bands").parse_args()
    dataset = transfer_dataset(arguments.spectra, arguments.axes["layers"], arguments.statistics)
    attrs = summary_provenance(arguments)
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)


if __name__ == "__main__":
    run(main)
