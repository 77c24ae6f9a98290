"""Draw what the layers hold and what is used: the verdict of a study."""

from pathlib import Path

from bandprobe.figures.entry import Entry
from bandprobe.figures.verdict import draw_verdict_files
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Draw the figure."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--interventions", required=True, type=Path, help="summary of the effects")
    option("--spectra", required=True, type=Path, help="summary of the spectra")
    option("--flags", required=True, type=Path, help="flags of the effects")
    option("--figure", required=True, type=from_json(Entry), help="as JSON")
    option("--output", required=True, nargs="+", type=Path, help="files, by their suffix")
    arguments = parser.parse_args()
    draw_verdict_files(
        arguments.interventions,
        arguments.spectra,
        arguments.flags,
        arguments.figure,
        arguments.output,
    )


if __name__ == "__main__":
    run(main)
