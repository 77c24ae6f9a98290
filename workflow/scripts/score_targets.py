"""Scores, intervals, tests and flags of every band, mode and readout: one file a target."""

import json
from pathlib import Path

from bandprobe.base.files import write_json
from bandprobe.fourier.modes import Mode
from bandprobe.interventions.outcome_store import read_outcomes
from bandprobe.scoring.intervals import Bootstrap
from bandprobe.scoring.records import score_mode, undefined_records
from bandprobe.store.digests import read_digest
from bandprobe.store.provenance import provenance
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the target files of one layer."""
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--outcomes", required=True, type=Path, nargs="+", help="stores <readout>/<mode>.zarr"
    )
    parser.add_argument(
        "--undefined", nargs="*", default=[], help="<readout>/<mode> that have no result"
    )
    parser.add_argument("--axes", required=True, type=json_argument, help="names, as JSON")
    parser.add_argument("--statistics", required=True, type=json_argument)
    parser.add_argument("--output", required=True, type=Path, help="folder of the layer")
    arguments = parser.parse_args()
    bootstrap = Bootstrap(**arguments.statistics)
    for path in arguments.outcomes:
        found, bands, attrs = read_outcomes(path)
        readout, mode = path.parent.name, Mode.from_spec(json.loads(attrs["config"]))
        source = provenance(
            arguments.code,
            arguments.statistics,
            weights_sha256=attrs["weights_sha256"],
            mode=attrs["config"],
            outcomes_sha256=read_digest(path),
        )
        records = score_mode(found, bands, readout, mode, bootstrap)
        for record in records:
            axes = {**arguments.axes, "readout": readout, "mode": mode.name}
            file = arguments.output / readout / mode.name / f"{record['band']}.json"
            write_json(file, {**axes, **record, "provenance": source})
    by_readout = {path.parent.name: path for path in arguments.outcomes}
    for name in arguments.undefined:
        readout, mode_name = name.split("/")
        # Untouched maps are scored alike whatever the mode is.
        found, bands, attrs = read_outcomes(by_readout.get(readout, arguments.outcomes[0]))
        source = provenance(
            arguments.code, arguments.statistics, weights_sha256=attrs["weights_sha256"]
        )
        for record in undefined_records(found, bands, bootstrap):
            axes = {**arguments.axes, "readout": readout, "mode": mode_name}
            file = arguments.output / readout / mode_name / f"{record['band']}.json"
            write_json(file, {**axes, **record, "provenance": source})


if __name__ == "__main__":
    run(main)
