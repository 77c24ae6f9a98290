"""Scores, intervals and flags of every band of some modes: one file a target."""

from pathlib import Path

from bandprobe.outcomes import read_outcomes
from bandprobe.results import score_mode
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import read_digest, write_json


def main() -> None:
    """Write the target files of some modes of one readout."""
    parser = argument_parser(__doc__)
    parser.add_argument("--outcomes", required=True, type=Path, nargs="+", help="a store a mode")
    parser.add_argument("--axes", required=True, type=json_argument, help="names, as JSON")
    parser.add_argument("--statistics", required=True, type=json_argument)
    parser.add_argument("--output", required=True, type=Path, help="folder of the modes")
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
            named = {**arguments.axes, "mode": path.stem, **record, "provenance": source}
            write_json(arguments.output / path.stem / f"{record['band']}.json", named)


if __name__ == "__main__":
    run(main)
