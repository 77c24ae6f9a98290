"""Gather all target files of a data set into one labelled data set, a table, and its flags."""

from pathlib import Path
from typing import Any

from bandprobe.base.files import write_text
from bandprobe.store.provenance import provenance
from bandprobe.summary.interventions import flag_table, interventions_dataset, read_records
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the summary of the interventions."""
    parser = argument_parser(__doc__)
    parser.add_argument("--targets", required=True, type=Path, help="folder of the targets")
    parser.add_argument("--axes", required=True, type=from_json(dict[str, Any]), help="names")
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path)
    parser.add_argument("--flags", required=True, type=Path)
    arguments = parser.parse_args()
    records = read_records(arguments.targets, arguments.axes)
    dataset = interventions_dataset(records, arguments.axes)
    write_summary(
        dataset, arguments.netcdf, arguments.csv, provenance(arguments.code, arguments.axes)
    )
    write_text(arguments.flags, flag_table(records).to_csv(index=False))


if __name__ == "__main__":
    run(main)
