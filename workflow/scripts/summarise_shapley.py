"""Gather the Shapley values of a data set, with intervals over groups."""

from pathlib import Path

from bandprobe.base.files import write_text
from bandprobe.summary.interactions import interaction_table
from bandprobe.summary.shapley import shapley_dataset
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.script import run
from bandprobe.workflow.summary_script import summary_parser, summary_provenance


def main() -> None:
    """Write the summary of the Shapley values and interactions."""
    parser = summary_parser(__doc__, "shapley", "bands")
    parser.add_argument("--interactions", required=True, type=Path, help="CSV of the pairs")
    arguments = parser.parse_args()
    dataset = shapley_dataset(arguments.shapley, arguments.axes, arguments.statistics)
    attrs = summary_provenance(arguments)
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)
    write_text(arguments.interactions, interaction_table(dataset).to_csv(index=False))


if __name__ == "__main__":
    run(main)
