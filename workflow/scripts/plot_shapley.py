"""Draw what each band brings: heat maps of Shapley values."""

from pathlib import Path

import xarray as xr

from bandprobe.drawing import save
from bandprobe.figures_bands import SHAPLEY_TITLES, shapley
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw the figures."""
    parser = argument_parser(__doc__)
    parser.add_argument("--shapley", required=True, type=Path, help="their summary")
    parser.add_argument("--score", required=True, nargs="+", choices=SHAPLEY_TITLES)
    parser.add_argument("--folder", required=True, type=Path, help="where the figures go")
    parser.add_argument("--suffix", required=True, nargs="+", help="png, svg")
    arguments = parser.parse_args()
    dataset = xr.load_dataset(arguments.shapley)
    for score in arguments.score:
        files = [arguments.folder / f"shapley_{score}.{suffix}" for suffix in arguments.suffix]
        save(shapley(dataset, score), files)


if __name__ == "__main__":
    run(main)
