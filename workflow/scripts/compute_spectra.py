"""Spectra of one layer's evaluation maps: energy a band, rings, centroid, half diagonal."""

from pathlib import Path
from typing import get_args

from bandprobe.features.blocks import read_coordinates, sample_blocks
from bandprobe.features.spectra import band_variables, coordinates, curve_variables
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.spectra import (
    Window,
    join_spectra,
    map_spectra,
)
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import Store, write_store
from bandprobe.workflow.script import argument_parser, json_argument, run


def main() -> None:
    """Write the spectra of one layer."""
    parser = argument_parser(__doc__)
    parser.add_argument("--features", required=True, type=Path, help="store of the pass")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--window", default="none", choices=get_args(Window))
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    store = Store(arguments.features)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    _, _, height, width = store.array(arguments.layer).shape
    partition = bands.on_grid(height, width)
    blocks = sample_blocks(store, arguments.layer)
    found = join_spectra([map_spectra(maps, partition, arguments.window) for _, maps in blocks])
    stage = {
        "layer": arguments.layer,
        "bands": arguments.bands,
        "window": arguments.window,
        "grid": [height, width],
    }
    write_store(
        arguments.output,
        band_variables(found, partition) | curve_variables(found, height, width),
        coordinates(bands, height, width) | read_coordinates(store),
        provenance(arguments.code, stage, weights_sha256=store.attrs["weights_sha256"]),
    )


if __name__ == "__main__":
    run(main)
