"""Spectra of one layer's evaluation maps: energy per band, rings, centroid, half diagonal."""

from pathlib import Path
from typing import get_args

from bandprobe.features.spectra import write_spectra
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.spectra import Window
from bandprobe.workflow.params import from_json
from bandprobe.workflow.script import argument_parser, run


def main() -> None:
    """Write the spectra of one layer."""
    parser = argument_parser(__doc__)
    parser.add_argument("--features", required=True, type=Path, help="store of the pass")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--bands", required=True, type=from_json(Bands), help="names and edges")
    parser.add_argument("--window", default="none", choices=get_args(Window))
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    write_spectra(
        arguments.output,
        arguments.features,
        arguments.layer,
        arguments.bands,
        arguments.window,
        code=arguments.code,
    )


if __name__ == "__main__":
    run(main)
