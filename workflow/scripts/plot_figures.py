"""Draw the figures of one summary."""

from functools import partial
from pathlib import Path

import xarray as xr

from bandprobe.figures.drawing import Drawing, save_all
from bandprobe.figures.entry import Entry
from bandprobe.figures.registry import draw, needed
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Draw the figures."""
    parser = argument_parser(__doc__)
    parser.add_argument("--summary", required=True, type=Path, help="what they show")
    parser.add_argument(
        "--figures", required=True, type=json_argument, help="names, with the entry of each"
    )
    parser.add_argument("--folder", required=True, type=Path, help="where the figures go")
    parser.add_argument("--suffix", required=True, nargs="+", help="png, svg")
    parser.add_argument("--threads", type=int, default=1, help="figures at once")
    arguments = parser.parse_args()
    summary = xr.load_dataset(arguments.summary)
    drawings = []
    for name, fields in arguments.figures.items():
        entry = Entry(**fields)
        files = [arguments.folder / f"{name}.{suffix}" for suffix in arguments.suffix]
        drawings.append(Drawing(partial(draw, entry, needed(entry, summary)), files))
    save_all(drawings, arguments.threads)


if __name__ == "__main__":
    run(main)
