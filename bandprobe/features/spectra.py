"""Spectra of one layer's evaluation maps, as they are stored."""

from __future__ import annotations

import numpy as np

from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.spectra import (
    MapSpectra,
    bins_without_dc,
    cycles_per_image,
    density,
    diagonal_frequency,
    radial_bins,
)
from bandprobe.store.zarr_store import Variable

UNIT = {"units": "squared feature units"}
NYQUIST = {"units": "Nyquist"}
CYCLES = {"units": "cycles per image"}


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
