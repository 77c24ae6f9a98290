"""Remove or isolate each band: outcomes from stored band logits, without the maps."""

from pathlib import Path

from bandprobe.compose import clean, isolate, remove
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
        split = read_band_logits(logits)
        for spec in arguments.modes:
            mode = Mode(**spec)
            change = {"remove": remove, "isolate": isolate}[mode.kind]
            fill = split.zero if mode.fill == "zero" else split.mean
            changed = change(split.logits, fill, split.intercept)
            attrs = provenance(arguments.code, spec, weights_sha256=split.weights_sha256)
            untouched = clean(split.logits, split.intercept)
            write_outcomes(next(outputs), split.axes, untouched, changed[:, None], attrs)


if __name__ == "__main__":
    run(main)
