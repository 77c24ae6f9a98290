"""How sure a drop is if other images had been drawn to train and to evaluate."""

from __future__ import annotations

import xarray as xr
from matplotlib.figure import Figure

from bandprobe.figures.bands import multiples
from bandprobe.summary.names import EFFECTS

# In the legend: names of the value and of the ends of its bar.
SERIES = {
    "the study's split": ("top1_drop", "interval_low", "interval_high"),
    "both draws": ("top1_drop", "top1_drop_low", "top1_drop_high"),
    "splits drawn anew": ("replicate_mean", "replicate_low", "replicate_high"),
}


def replicates(values: xr.Dataset, readout: str, mode: str) -> Figure:
    """Drop in accuracy by each band with its uncertainties, one panel per layer."""
    cells = values.sel(readout=readout, mode=mode)
    series = {
        text: cells[list(names)].rename(dict(zip(names, ("value", "low", "high"), strict=True)))
        for text, names in SERIES.items()
        if cells[names[1]].notnull().any()
    }
    return multiples(
        cells,
        series,
        EFFECTS["top1_drop"].label,
        f"{mode}: {readout} readout, and the draw of the images",
        zero=True,
        bars="the interval for the study's split; the interval over the draws of training and of "
        "evaluation groups; quantiles of splits drawn anew",
    )
