"""The functions that draw figures, by the names that entries of the gallery use."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import xarray as xr
from matplotlib.figure import Figure

from bandprobe.figures.bands import controls, shapley, sweeps, used_available
from bandprobe.figures.drawing import Drawing, save_all
from bandprobe.figures.effects import effects, penalty_paths, readouts, with_values
from bandprobe.figures.entry import Entry
from bandprobe.figures.interactions import interactions
from bandprobe.figures.planes import orientation, power_planes
from bandprobe.figures.replicates import replicates
from bandprobe.figures.spectra import (
    band_energy,
    delta_log_amplitude,
    radial_profiles,
    spectral_centroid,
)
from bandprobe.figures.transfer import transfer

# Each takes a summary and the options of its entry.
KINDS: Mapping[str, Callable[..., Figure]] = {
    "band_energy": band_energy,
    "radial_profiles": radial_profiles,
    "delta_log_amplitude": delta_log_amplitude,
    "spectral_centroid": spectral_centroid,
    "power_planes": power_planes,
    "orientation": orientation,
    "transfer": transfer,
    "penalty_paths": penalty_paths,
    "effects": effects,
    "readouts": readouts,
    "controls": controls,
    "used_available": used_available,
    "sweeps": sweeps,
    "shapley": shapley,
    "interactions": interactions,
    "replicates": replicates,
}


def draw_all(
    summary: Path,
    entries: Mapping[str, Entry],
    folder: Path,
    suffixes: Sequence[str],
    workers: int = 1,
) -> None:
    """Draw the figures of one summary, and write them.

    Parameters
    ----------
    summary : Path
        The netCDF file.
    entries : mapping of str to Entry
        By the names of the figures.
    folder : Path
        Of the figures, `<name>.<suffix>`.
    suffixes : sequence of str
        Such as `png`.
    workers : int
        Figures that are drawn at the same time.
    """
    dataset = xr.load_dataset(summary)
    drawings = [
        Drawing(
            partial(draw, entry, needed(entry, dataset)),
            [folder / f"{name}.{suffix}" for suffix in suffixes],
        )
        for name, entry in entries.items()
    ]
    save_all(drawings, workers)


def draw(entry: Entry, summary: xr.Dataset) -> Figure:
    """The figure of an entry."""
    return KINDS[entry.kind](summary, **entry.options)


def needed(entry: Entry, summary: xr.Dataset) -> xr.Dataset:
    """The part of a summary that an entry shows: less to send to the process that draws it."""
    if "readout" in entry.options and "readout" in summary.dims:
        return summary.sel(readout=[entry.options["readout"]])
    return summary


def models_in(entry: Entry, summary: xr.Dataset) -> list[str]:
    """Models of which the figure of an entry shows anything: heads have no results for pixels."""
    if "score" not in entry.options:
        return [str(model) for model in summary["model"].to_numpy()]
    return with_values(needed(entry, summary)[entry.options["score"]], "model")
