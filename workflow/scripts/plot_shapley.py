"""Draw what each band brings: heat maps of Shapley values."""

from pathlib import Path

import xarray as xr

from bandprobe.drawing import save
from bandprobe.figures_bands import SHAPLEY_TITLES, shapley
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw the figure."""
    parser = argument_parser(__doc__)
    parser.add_argument("--shapley", required=True, type=Path, help="their summary")
    parser.add_argument("--score", required=True, choices=SHAPLEY_TITLES)
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="PNG, SVG")
    arguments = parser.parse_args()
    save(shapley(xr.load_dataset(arguments.shapley), arguments.score), arguments.output)


if __name__ == "__main__":
    run(main)
