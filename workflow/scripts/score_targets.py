"""Scores, intervals and flags of every band, mode and readout of a layer: one file a target."""

from pathlib import Path

from bandprobe.outcomes import read_outcomes
from bandprobe.results import score_mode
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import read_digest, write_json


def main() -> None:
    """Write the target files of one layer."""
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--outcomes", required=True, type=Path, nargs="+", help="stores <readout>/<mode>.zarr"
    )
    parser.add_argument("--axes", required=True, type=json_argument, help="names, as JSON")
    parser.add_argument("--statistics", required=True, type=json_argument)
    parser.add_argument("--output", required=True, type=Path, help="folder of the layer")
    arguments = parser.parse_args()
    for path in arguments.outcomes:
        found, bands, attrs = read_outcomes(path)
        source = provenance(
            arguments.code,
            arguments.statistics,
            weights_sha256=attrs["weights_sha256"],
            mode=attrs["config"],
            outcomes_sha256=read_digest(path),
        )
        for record in score_mode(found, bands, **arguments.statistics):
            axes = {**arguments.axes, "readout": path.parent.name, "mode": path.stem}
            file = arguments.output / axes["readout"] / axes["mode"] / f"{record['band']}.json"
            write_json(file, {**axes, **record, "provenance": source})


if __name__ == "__main__":
    run(main)
