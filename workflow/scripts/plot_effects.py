"""Draw heat maps of the effects of all interventions: a figure for each score and readout."""

from pathlib import Path

import xarray as xr

from bandprobe.figures import SCORES, effects, save
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw the figures."""
    parser = argument_parser(__doc__)
    parser.add_argument("--interventions", required=True, type=Path, help="their summary")
    parser.add_argument("--readouts", required=True, nargs="+")
    parser.add_argument("--output", required=True, type=Path, help="folder of the figures")
    arguments = parser.parse_args()
    dataset = xr.load_dataset(arguments.interventions)
    for readout in arguments.readouts:
        for score in SCORES:
            paths = [arguments.output / f"{score}_{readout}.{suffix}" for suffix in ("png", "svg")]
            save(effects(dataset, score, readout), paths)


if __name__ == "__main__":
    run(main)
