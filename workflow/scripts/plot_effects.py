"""Draw heat maps of one effect of all interventions, for one readout."""

from pathlib import Path

import xarray as xr

from bandprobe.drawing import save
from bandprobe.figures import SCORES, effects
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw the figure."""
    parser = argument_parser(__doc__)
    parser.add_argument("--interventions", required=True, type=Path, help="their summary")
    parser.add_argument("--score", required=True, choices=SCORES)
    parser.add_argument("--readout", required=True)
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="PNG, SVG")
    arguments = parser.parse_args()
    dataset = xr.load_dataset(arguments.interventions)
    save(effects(dataset, arguments.score, arguments.readout), arguments.output)


if __name__ == "__main__":
    run(main)
