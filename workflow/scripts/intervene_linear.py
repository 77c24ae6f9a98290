"""Outcomes of all modes that need no map: from stored band logits and refitted readouts."""

from pathlib import Path

from bandprobe.fourier.modes import Mode
from bandprobe.interventions.linear_modes import write_linear_modes
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the outcomes of all modes that are linear in the map, for all readouts of a layer."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--logits", nargs="*", type=Path, default=[], help="band logits of each readout")
    option("--refit", nargs="?", type=Path, help="store of the refitted readouts, if any")
    option("--modes", required=True, type=from_json(tuple[Mode, ...]), help="modes, as JSON")
    option("--fill", default="none", help="of Shapley values; none for no values")
    option("--output", nargs="*", type=Path, default=[], help="one store per readout and mode")
    option("--refit-output", nargs="*", type=Path, default=[], help="one store per mode of refit")
    option("--shapley-output", nargs="*", type=Path, default=[], help="one store per readout")
    arguments = parser.parse_args()
    write_linear_modes(
        arguments.output,
        arguments.logits,
        arguments.modes,
        refit=arguments.refit,
        refit_outputs={path.stem: path for path in arguments.refit_output},
        fill=arguments.fill,
        shapley_outputs=arguments.shapley_output,
        code=arguments.code,
    )


if __name__ == "__main__":
    run(main)
