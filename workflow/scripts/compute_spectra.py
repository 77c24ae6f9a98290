"""Spectra of one layer's evaluation maps: energy a band, rings, centroid, half diagonal."""

from pathlib import Path
from typing import get_args

import numpy as np

from bandprobe.features.blocks import read_coordinates, sample_blocks
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.spectra import (
    MapSpectra,
    Window,
    bins_without_dc,
    cycles_per_image,
    density,
    diagonal_frequency,
    join_spectra,
    map_spectra,
    radial_bins,
)
from bandprobe.store.zarr_store import Store, Variable, write_store
from bandprobe.workflow.script import argument_parser, json_argument, provenance, run

UNIT = {"units": "squared feature units"}
NYQUIST = {"units": "Nyquist"}
CYCLES = {"units": "cycles per image"}


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


def band_variables(found: MapSpectra, partition: BandPartition) -> dict[str, Variable]:
    """Sums and densities of the bands, with and without the zero frequency."""
    variables: dict[str, Variable] = {}
    for suffix, text, energy, bins in (
        ("", "", found.energy, partition.counts),
        ("_without_dc", " without DC", found.energy_without_dc, bins_without_dc(partition)),
    ):
        variables |= {
            f"energy{suffix}": Variable(
                ("sample", "band"), energy, UNIT | {"long_name": f"energy{text}, over channels"}
            ),
            f"density{suffix}": Variable(
                ("sample", "band"),
                density(energy, bins),
                UNIT | {"long_name": f"energy{text} a bin, over channels"},
            ),
            f"bins{suffix}": Variable(
                ("band",), bins, {"units": "1", "long_name": f"full-plane bins{text}"}
            ),
        }
    return variables


def curve_variables(found: MapSpectra, height: int, width: int) -> dict[str, Variable]:
    """The radial profile, the centroids and the half diagonal."""
    ring = UNIT | {"long_name": "mean power a bin, over channels"}
    delta = {"units": "nats", "long_name": "log amplitude on the half diagonal, relative to DC"}
    if height != width:
        delta["note"] = f"N/A: {height} x {width} is not square, its diagonal has no exact bins"
    variables = {
        "profile": Variable(("radius",), found.profile.mean(0), ring),
        "profile_by_sample": Variable(("sample", "radius"), found.profile, ring),
        "delta_log_amplitude": Variable(("sample", "diagonal"), found.delta_log_amplitude, delta),
    }
    for suffix, text, values in (
        ("", "", found.centroid),
        ("_without_dc", " without DC", found.centroid_without_dc),
    ):
        name = {"long_name": f"energy-weighted mean radial frequency{text}"}
        variables[f"centroid{suffix}"] = Variable(("sample",), values, NYQUIST | name)
        variables[f"centroid_cycles_per_image{suffix}"] = Variable(
            ("sample",), cycles_per_image(values, height, width), CYCLES | name
        )
    return variables


def coordinates(bands: Bands, height: int, width: int) -> dict[str, Variable]:
    """Names of the bands and the frequencies of rings and half diagonal."""
    frequency, _ = radial_bins(height, width)
    return {
        "band": Variable(("band",), np.array(bands.names)),
        "frequency": Variable(("radius",), frequency, NYQUIST | {"long_name": "radial frequency"}),
        "cycles_per_image": Variable(
            ("radius",),
            cycles_per_image(frequency, height, width),
            CYCLES | {"long_name": "along the shorter side of the map"},
        ),
        "diagonal_frequency": Variable(
            ("diagonal",),
            diagonal_frequency(height, width),
            NYQUIST | {"long_name": "frequency on each axis, along the diagonal"},
        ),
    }


if __name__ == "__main__":
    run(main)
