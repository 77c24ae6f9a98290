"""Figures of the effects and of the readouts: bands are columns, layers are in order of depth."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bandprobe.figures.blocks import Block, heat_blocks
from bandprobe.figures.drawing import (
    PANEL,
    STYLE,
    footer,
    layers_of,
    panels,
    title,
)
from bandprobe.figures.palette import colours
from bandprobe.summary.names import EFFECTS

# What each readout can see.
SEES = {
    "map": "sees every band",
    "pattern": "sees all but the spatial mean (DC)",
    "pooled": "sees the spatial mean (DC) only",
    "energy": "sees the strength of bands, no phase",
    "refit": "fitted again on the changed maps",
    "head": "the rest of the network",
    "head-ablated": "the same, prefix tokens ablated",
}


def effects(
    interventions: xr.Dataset, score: str, readout: str, modes: Sequence[str] | None = None
) -> Figure:
    """Heat maps of an effect on one readout, layer by band: one block per mode, one scale.

    Without `modes`, all under which the readout has a result.
    """
    cells = interventions.sel(readout=readout)
    # Heads have results for neither the pixels nor every mode.
    there = with_values(cells[score], "mode")
    shown = [mode for mode in modes if mode in there] if modes else there
    blocks = [
        Block(mode, f"{readout}: {SEES.get(readout, '')}", cells.sel(mode=mode)) for mode in shown
    ]
    return heat_blocks(blocks, score, f"{EFFECTS[score].label}, {readout} readout")


def readouts(interventions: xr.Dataset, score: str, mode: str) -> Figure:
    """Heat maps of an effect of one mode, layer by band: one block per readout, one scale."""
    cells = interventions.sel(mode=mode)
    blocks = [
        Block(readout, SEES.get(readout, ""), cells.sel(readout=readout))
        for readout in with_values(cells[score], "readout")
    ]
    return heat_blocks(blocks, score, f"{EFFECTS[score].label} by {mode}")


def with_values(values: xr.DataArray, axis: str) -> list[str]:
    """Names along an axis that have any value."""
    others = [dim for dim in values.dims if dim != axis]
    exists = values.notnull().any(others).to_numpy()
    return [str(name) for name in values[axis].to_numpy()[exists]]


def penalty_paths(probes: xr.Dataset) -> Figure:
    """Accuracy on evaluation maps by penalty; they play no part in choosing a penalty."""
    models = [str(model) for model in probes["model"].to_numpy()]
    readouts = [str(readout) for readout in probes["readout"].to_numpy()]
    with plt.rc_context(STYLE):
        figure, axes = panels(len(readouts), len(models), PANEL, 2.0)
        for row, readout in enumerate(readouts):
            for column, model in enumerate(models):
                panel: Axes = axes[row, column]
                cells = probes.sel(model=model, readout=readout)
                layers = layers_of(probes, model)
                for layer, colour in zip(layers, colours(len(layers)), strict=True):
                    fit = cells.sel(layer=layer)
                    # Of many images not all penalties are visited.
                    path = fit["eval_accuracy"].dropna("penalty")
                    panel.plot(path["penalty"], path, color=colour, lw=1.2, label=layer)
                    chosen = float(fit["penalty_chosen"])
                    panel.plot(chosen, float(path.sel(penalty=chosen)), "o", color=colour, ms=5)
                panel.set_xscale("log")
                panel.set_ylim(0, 1.02)
                panel.axhline(float(probes.attrs["chance"]), color="0.6", lw=0.8, ls=":")
                title(panel, f"{model}, {readout}")
                panel.set_ylabel("top-1 accuracy" if column == 0 else "")
                if row == len(readouts) - 1:
                    below: Any = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12)}
                    panel.legend(ncols=3, handlelength=1.2, columnspacing=0.8, **below)
        footer(
            figure,
            "Accuracy on evaluation maps. Horizontal: L2 penalty (mean squared norm = 1). Dots: "
            "chosen by grouped cross-validation on training maps. Dotted line: chance.",
        )
    return figure
