"""Figures of the transfer of energy between bands of two layers."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bandprobe.figures.drawing import STYLE, footer, panels, title
from bandprobe.figures.palette import ORDERED
from bandprobe.figures.planes import TITLE, below_panels, flow

SIZE, NUMBERS = 6.0, 6.0
# Panels of a row, and the inches that each needs for its numbers.
MOST, NARROWEST = 3, 1.9
# Shares below are not written: they would fill the panel with zeros.
WRITTEN = 0.05


def transfer(transfers: xr.Dataset) -> Figure:
    """Share of the energy of each band that goes with each band of the layer before, by layer."""
    inputs = json.loads(transfers.attrs["inputs"])
    shown = {
        f"{model}\n{before} to {layer}": transfers.sel(model=model, layer=layer)
        for model, pairs in inputs.items()
        for layer, before in pairs.items()
        if model in transfers["model"]
    }
    with plt.rc_context(STYLE):
        if not shown:
            figure, axes = panels(1, 1, 3.0, 1.2)
            axes[0, 0].set_axis_off()
            axes[0, 0].text(0.5, 0.5, "N/A: no model with two layers", ha="center")
            return figure
        figure, panel_of = flow(list(shown), ("band of the input", "band"), MOST, NARROWEST)
        image = None
        for name, cells in shown.items():
            panel = panel_of[name]
            image = _matrix(panel, cells)
            title(panel, name, size=TITLE)
        if image is not None:
            label = "share of the energy that goes with the input band"
            below_panels(figure, image, panel_of, label)
        footer(
            figure,
            "Over images, with all input bands at once: an association at the same energy of the "
            "other bands, not an effect. In brackets: the interval includes zero. ////: no bins, "
            f"no energy, or too few independent units (N/A). Below {WRITTEN:g} not written.",
        )
    return figure


def _matrix(panel: Axes, cells: xr.Dataset) -> object:
    share = cells["share"].transpose("band", "input_band").to_numpy()
    low = cells["share_low"].transpose("band", "input_band").to_numpy()
    image = panel.imshow(share, cmap=ORDERED, vmin=0, vmax=1, origin="lower")
    for row, column in np.ndindex(share.shape):
        value = share[row, column]
        if np.isnan(value):
            corner = (column - 0.5, row - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, fc="0.93", ec="0.7", hatch="////", lw=0))
        elif value >= WRITTEN:
            # Two digits, as a share is at most about 1: .07, 1.0
            text = f"{value:.2f}".removeprefix("0") if value < 0.995 else f"{value:.1f}"
            text = f"({text})" if low[row, column] < 1e-6 else text
            colour = "black" if value > 0.6 else "white"
            panel.text(column, row, text, ha="center", va="center", fontsize=NUMBERS, color=colour)
    for axis, name in ((panel.xaxis, "input_band"), (panel.yaxis, "band")):
        names = [str(band) for band in cells[name].to_numpy()]
        axis.set_ticks(range(len(names)), names, fontsize=SIZE)
    panel.tick_params(axis="x", rotation=90, length=1.5, pad=1)
    panel.tick_params(axis="y", length=1.5, pad=1)
    return image
