"""Draw the accuracy of all readouts along their penalty paths."""

from pathlib import Path

import xarray as xr

from bandprobe.drawing import save
from bandprobe.figures import penalty_paths
from bandprobe.scripting import argument_parser, run


def main() -> None:
    """Draw one figure."""
    parser = argument_parser(__doc__)
    parser.add_argument("--probes", required=True, type=Path, help="summary of the readouts")
    parser.add_argument("--output", required=True, type=Path, nargs="+")
    arguments = parser.parse_args()
    save(penalty_paths(xr.load_dataset(arguments.probes)), arguments.output)


if __name__ == "__main__":
    run(main)
