"""Draw the figures of one summary."""

from pathlib import Path

from bandprobe.figures.entry import Entry
from bandprobe.figures.registry import draw_all
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Draw the figures."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--summary", required=True, type=Path, help="what they show")
    option("--figures", required=True, type=from_json(dict[str, Entry]), help="as JSON, by name")
    option("--folder", required=True, type=Path, help="where the figures go")
    option("--suffix", required=True, nargs="+", help="png, svg")
    option("--threads", type=int, default=1, help="figures at once")
    arguments = parser.parse_args()
    draw_all(
        arguments.summary,
        arguments.figures,
        arguments.folder,
        arguments.suffix,
        arguments.threads,
    )


if __name__ == "__main__":
    run(main)
