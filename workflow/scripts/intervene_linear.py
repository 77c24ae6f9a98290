"""Remove or isolate each band: outcomes from stored band logits, without the maps."""

from pathlib import Path

from bandprobe.compose import isolate, remove
from bandprobe.modes import Mode
from bandprobe.outcomes import read_band_logits, write_outcomes
from bandprobe.scripting import argument_parser, json_argument, provenance, run


def main() -> None:
    """Write the outcomes of all modes that are linear in the map, for all readouts of a layer."""
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--logits", required=True, type=Path, nargs="+", help="band logits, a store a readout"
    )
    parser.add_argument("--modes", required=True, type=json_argument, help="modes, as JSON")
    parser.add_argument(
        "--output", required=True, type=Path, nargs="+", help="a store a readout and mode"
    )
    arguments = parser.parse_args()
    outputs = iter(arguments.output)
    for logits in arguments.logits:
        clean = read_band_logits(logits)
        for spec in arguments.modes:
            mode = Mode(**spec)
            change = {"remove": remove, "isolate": isolate}[mode.kind]
            fill = clean.zero if mode.fill == "zero" else clean.mean
            changed = change(clean.logits, fill, clean.intercept)
            attrs = provenance(arguments.code, spec, weights_sha256=clean.weights_sha256)
            write_outcomes(next(outputs), clean, changed[:, None], attrs)


if __name__ == "__main__":
    run(main)
