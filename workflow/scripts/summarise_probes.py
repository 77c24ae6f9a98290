"""Gather the penalty paths of all readouts of a data set."""

from pathlib import Path
from typing import Any

from bandprobe.store.provenance import provenance
from bandprobe.summary.probes import probes_dataset
from bandprobe.summary.tables import write_summary
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the summary of the readouts."""
    parser = argument_parser(__doc__)
    parser.add_argument("--probes", required=True, type=Path, help="folder of the readouts")
    parser.add_argument("--axes", required=True, type=from_json(dict[str, Any]), help="names")
    parser.add_argument("--netcdf", required=True, type=Path)
    parser.add_argument("--csv", required=True, type=Path)
    arguments = parser.parse_args()
    dataset = probes_dataset(arguments.probes, arguments.axes)
    attrs = provenance(arguments.code, arguments.axes)
    write_summary(dataset, arguments.netcdf, arguments.csv, attrs)


if __name__ == "__main__":
    run(main)
