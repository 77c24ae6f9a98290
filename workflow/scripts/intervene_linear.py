"""Outcomes of all modes that need no map: from stored band logits and refitted readouts."""

from pathlib import Path

from bandprobe.fourier.modes import Mode
from bandprobe.interventions.additive import refitted, untouched, with_controls
from bandprobe.interventions.outcome_store import (
    read_band_logits,
    read_refit_logits,
    write_outcomes,
)
from bandprobe.interventions.shapley import shapley_store
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import write_store
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the outcomes of all modes that are linear in the map, for all readouts of a layer."""
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--logits", nargs="*", type=Path, default=[], help="band logits, a store a readout"
    )
    parser.add_argument(
        "--refit", nargs="*", type=Path, default=[], help="store of the refitted readouts, if any"
    )
    parser.add_argument("--modes", required=True, type=json_argument, help="modes, as JSON")
    parser.add_argument("--fill", default="none", help="of Shapley values; none for no values")
    parser.add_argument(
        "--output", nargs="*", type=Path, default=[], help="a store a readout and mode"
    )
    parser.add_argument(
        "--refit-output", nargs="*", type=Path, default=[], help="a store a mode of refit"
    )
    parser.add_argument(
        "--shapley-output", nargs="*", type=Path, default=[], help="a store a readout"
    )
    arguments = parser.parse_args()
    modes = [Mode(**spec) for spec in arguments.modes]
    specs = {spec["name"]: spec for spec in arguments.modes}
    outputs = iter(arguments.output)
    shapley = iter(arguments.shapley_output)
    for logits in arguments.logits:
        split = read_band_logits(logits)
        digest = {"weights_sha256": split.weights_sha256}
        for mode in modes:
            changed, controls = with_controls(split, mode)
            attrs = provenance(arguments.code, specs[mode.name], **digest)
            write_outcomes(next(outputs), split.axes, untouched(split), changed, attrs, controls)
        if arguments.fill != "none":
            attrs = provenance(arguments.code, {"fill": arguments.fill}, **digest)
            write_store(next(shapley), *shapley_store(split, arguments.fill), attrs)
    for path in arguments.refit:
        fitted = read_refit_logits(path)
        chosen = {path.stem: path for path in arguments.refit_output}
        for mode in (mode for mode in modes if mode.name in chosen):
            attrs = provenance(
                arguments.code, specs[mode.name], weights_sha256=fitted.weights_sha256
            )
            write_outcomes(
                chosen[mode.name], fitted.axes, fitted.logits[0], refitted(fitted, mode), attrs
            )


if __name__ == "__main__":
    run(main)
