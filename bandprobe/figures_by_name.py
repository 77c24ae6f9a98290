"""Figures by the names that the gallery gives to what draws them."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from bandprobe import figures_bands, figures_spectra
from bandprobe.figures import effects, penalty_paths
from bandprobe.gallery import Entry

# Each takes a summary and the options of its entry.
KINDS: Mapping[str, Callable[..., Figure]] = {
    "band_energy": figures_spectra.band_energy,
    "radial_profiles": figures_spectra.radial_profiles,
    "delta_log_amplitude": figures_spectra.delta_log_amplitude,
    "spectral_centroid": figures_spectra.spectral_centroid,
    "penalty_paths": penalty_paths,
    "effects": effects,
    "controls": figures_bands.controls,
    "used_available": figures_bands.used_available,
    "sweeps": figures_bands.sweeps,
    "shapley": figures_bands.shapley,
}


def draw(entry: Entry, summary: xr.Dataset) -> Figure:
    """The figure of an entry."""
    return KINDS[entry.kind](summary, **entry.options)


def needed(entry: Entry, summary: xr.Dataset) -> xr.Dataset:
    """What an entry shows of its summary: less to hand to the process that draws it."""
    if "readout" in entry.options and "readout" in summary.dims:
        return summary.sel(readout=[entry.options["readout"]])
    return summary


def models_in(entry: Entry, summary: xr.Dataset) -> list[str]:
    """Models of which the figure of an entry shows anything: the heads have no pixels."""
    exists = np.ones(summary.sizes["model"], bool)
    if "score" in entry.options:
        values = needed(entry, summary)[entry.options["score"]]
        exists = values.notnull().any([dim for dim in values.dims if dim != "model"]).to_numpy()
    return [str(model) for model in summary["model"].to_numpy()[exists]]
