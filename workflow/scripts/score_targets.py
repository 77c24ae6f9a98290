"""Scores, intervals, tests and flags of every band, mode and readout: one file per target."""

from pathlib import Path

from bandprobe.interventions.targets import write_targets
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the target files of one layer."""
    parser = argument_parser(__doc__)
    option = parser.add_argument
    option("--outcomes", type=Path, nargs="*", default=[], help="<readout>/<mode>.zarr")
    option("--undefined", nargs="*", default=[], help="<readout>/<mode> that have no result")
    option("--spectra", type=Path, nargs="?", help="store of the layer's spectra")
    option("--refit", type=Path, nargs="?", help="store of refit, if it has no outcomes")
    option("--axes", required=True, type=from_json(dict[str, str]), help="names, as JSON")
    option("--statistics", required=True, type=from_json(IntervalSettings), help="as JSON")
    option("--output", required=True, type=Path, help="folder of the layer")
    arguments = parser.parse_args()
    write_targets(
        arguments.output,
        arguments.outcomes,
        arguments.undefined,
        arguments.axes,
        arguments.statistics,
        spectra=arguments.spectra,
        refit=arguments.refit,
        code=arguments.code,
    )


if __name__ == "__main__":
    run(main)
