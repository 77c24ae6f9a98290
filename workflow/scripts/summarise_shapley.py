"""Gather the Shapley values of a data set, with intervals over groups."""

from pathlib import Path
from typing import Any

from bandprobe.base.files import write_text
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.provenance import provenance, stated
from bandprobe.summary.interactions import interaction_table
from bandprobe.summary.shapley import shapley_dataset
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the summary of the Shapley values and interactions."""
    parser = argument_parser(__doc__)
    parser.add_argument("--shapley", required=True, type=Path, help="folder of the values")
    parser.add_argument("--axes", required=True, type=from_json(dict[str, Any]), help="names")
    parser.add_argument(
        "--statistics", required=True, type=from_json(IntervalSettings), help="as JSON"
    )
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path)
    parser.add_argument("--interactions", required=True, type=Path, help="CSV of the pairs")
    arguments = parser.parse_args()
    dataset = shapley_dataset(arguments.shapley, arguments.axes, arguments.statistics)
    attrs = provenance(arguments.code, arguments.axes | stated(arguments.statistics))
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)
    write_text(arguments.interactions, interaction_table(dataset).to_csv(index=False))


if __name__ == "__main__":
    run(main)
