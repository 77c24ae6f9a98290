"""Outcomes of one layer's head readouts and modes, from the logits of its changed maps."""

from pathlib import Path

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.head.outcomes import head_changes
from bandprobe.interventions.outcome_writer import write_all_outcomes
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the outcomes."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--head", required=True, type=Path, help="the fitted head of the model")
    option("--logits", required=True, type=Path, help="of the pass of the layer")
    option("--layer", required=True)
    option("--bands", required=True, type=from_json(Bands), help="names and edges")
    option("--modes", required=True, type=from_json(tuple[Mode, ...]), help="modes, as JSON")
    option("--prefix", required=True, nargs="+", choices=["keep", "ablate"])
    option("--output", required=True, type=Path, nargs="+", help="one store per prefix and mode")
    arguments = parser.parse_args()
    changes = head_changes(
        arguments.head,
        arguments.logits,
        arguments.layer,
        arguments.bands.names,
        arguments.modes,
        arguments.prefix,
        code=arguments.code,
    )
    write_all_outcomes(arguments.output, changes)


if __name__ == "__main__":
    run(main)
