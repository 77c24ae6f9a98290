"""Small multiples over the bands of each layer, and the contribution of each band."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bandprobe.figures.blocks import Block, heat_blocks
from bandprobe.figures.drawing import (
    STYLE,
    footer,
    layers_of,
    legend_above,
    legend_below,
    panels,
    panels_of_layers,
    title,
)
from bandprobe.figures.effects import SEES
from bandprobe.figures.palette import MARKERS, NAMED, colours
from bandprobe.summary.names import COMPARED, CONTROLS, EFFECTS, SHAPLEY

Series = Mapping[str, xr.Dataset]


def controls(interventions: xr.Dataset, readout: str, mode: str) -> Figure:
    """Drop in accuracy by each band and by its random masks, one panel per layer."""
    cells = interventions.sel(readout=readout, mode=mode)
    series = {"the band": renamed(cells, "top1_drop")}
    for control, (text, _) in CONTROLS.items():
        series[text] = renamed(cells, f"{control}_top1_drop")
    heading = f"{mode}: {readout} readout, bands and their random controls"
    return multiples(cells, series, EFFECTS["top1_drop"].label, heading, zero=True)


def used_available(interventions: xr.Dataset, mode: str) -> Figure:
    """Accuracy of the frozen readout and the head compared with that of the refitted readout."""
    cells = interventions.sel(mode=mode)
    series = {}
    for readout, text in COMPARED.items():
        if readout in cells["readout"].to_numpy():
            series[text] = _accuracy(cells.sel(readout=readout))
    heading = f"{mode}: used and available"
    return multiples(cells.isel(readout=0), series, "top-1 accuracy", heading, zero=False)


def renamed(cells: xr.Dataset, name: str) -> xr.Dataset:
    """A variable and its interval as `multiples` takes them."""
    ends = {name: "value", f"{name}_low": "low", f"{name}_high": "high"}
    return cells[list(ends)].rename(ends)


def _accuracy(cells: xr.Dataset) -> xr.Dataset:
    """Accuracy with its own interval, and the clean accuracy."""
    return renamed(cells, "top1").assign(clean=cells["clean_top1"])


def multiples(
    cells: xr.Dataset,
    series: Series,
    label: str,
    heading: str,
    *,
    zero: bool,
    bars: str | None = None,
) -> Figure:
    """One panel per layer with a point for each band of each series.

    Parameters
    ----------
    cells : Dataset
        With `bins`, along (model, layer, band).
    series : mapping of str to Dataset
        From what the legend says to `value`, `low` and `high`, and perhaps `clean`.
    label, heading : str
        Of the vertical axis, and above the legend.
    zero : bool
        Whether the values are drops, not accuracies.
    bars : str, optional
        What the bars are; intervals if not given.
    """
    bands = [str(band) for band in cells["band"].to_numpy()]
    with plt.rc_context(STYLE):
        figure, axes, found = panels_of_layers(cells, 2.7, 1.25)
        for one in found:
            where = {"model": one.model, "layer": one.layer}
            empty = cells["bins"].sel(where).to_numpy() == 0
            for number, (text, points) in enumerate(series.items()):
                _points(one.panel, points.sel(where), number, len(series), text)
            _finish(one.panel, bands, empty, zero=zero)
            title(one.panel, f"{one.model}: {one.layer}", size=8)
            if not one.is_last:
                one.panel.set_xticklabels([])
            if one.column == 0:
                one.panel.set_ylabel(label, fontsize=7)
        # The images themselves, if they are first, may not have all series.
        handles, labels = axes[0, min(1, axes.shape[1] - 1)].get_legend_handles_labels()
        legend_above(figure, handles, labels, heading)
        of_what = "drop" if zero else "accuracy"
        footer(
            figure,
            f"Bars: {bars or f'intervals of the {of_what}'}. "
            "////: no bin in the band (N/A). "
            + ("" if zero else "Dashed lines: accuracy on untouched maps."),
        )
    return figure


def _points(panel: Axes, cells: xr.Dataset, number: int, count: int, text: str) -> None:
    values = cells["value"].to_numpy()
    exists = np.isfinite(values)
    if not exists.any():
        return
    at = np.arange(len(values)) + 0.22 * (number - (count - 1) / 2)
    errors = np.stack([values - cells["low"].to_numpy(), cells["high"].to_numpy() - values])
    panel.errorbar(
        at[exists],
        values[exists],
        np.maximum(errors[:, exists], 0),
        color=NAMED[number],
        marker=MARKERS[number],
        ms=3.2,
        lw=1,
        ls="none",
        label=text,
        mfc="white" if number else NAMED[number],
    )
    if "clean" in cells:
        panel.axhline(float(cells["clean"]), color=NAMED[number], lw=0.7, ls=(0, (4, 2 + number)))


def _finish(panel: Axes, bands: list[str], empty: np.ndarray, *, zero: bool) -> None:
    panel.set_xticks(range(len(bands)), bands, rotation=45, ha="right", fontsize=6.5)
    panel.set_xlim(-0.6, len(bands) - 0.4)
    for band in np.flatnonzero(empty):
        panel.axvspan(band - 0.45, band + 0.45, fc="0.95", ec="0.7", hatch="////", lw=0)
    if zero:
        panel.axhline(0, color="0.6", lw=0.7)
    else:
        # Whole markers, at 0 and at 1 too.
        panel.set_ylim(-0.06, 1.06)


def sweeps(interventions: xr.Dataset, readout: str, modes: list[str]) -> Figure:
    """Accuracy when only what lies below or above a band is kept, one line per layer."""
    cells = interventions.sel(readout=readout)
    models = [str(model) for model in cells["model"].to_numpy()]
    bands = [str(band) for band in cells["band"].to_numpy()]
    with plt.rc_context(STYLE):
        figure, axes = panels(len(modes), len(models), 2.7, 2.1)
        for row, mode in enumerate(modes):
            for column, model in enumerate(models):
                panel: Axes = axes[row, column]
                layers = layers_of(cells, model)
                for layer, colour in zip(layers, colours(len(layers)), strict=True):
                    accuracy = _accuracy(cells.sel(model=model, layer=layer, mode=mode))
                    _line(panel, accuracy, colour, layer)
                panel.set_xticks(range(len(bands)), bands, rotation=45, ha="right", fontsize=6.5)
                panel.set_ylim(0, 1.02)
                title(panel, f"{model}: {mode}")
                panel.set_ylabel("top-1 accuracy" if column == 0 else "")
                if row == len(modes) - 1:
                    legend_below(panel)
        footer(
            figure,
            "Kept: the band and all bands below it (lowpass) or above it (highpass). "
            f"Readout: {readout}. Areas and bars: intervals of the accuracy. "
            "Gaps: no bin in the band (N/A).",
        )
    return figure


def _line(panel: Axes, cells: xr.Dataset, colour: Any, layer: str) -> None:
    # What is NaN leaves a gap: a line across it would show numbers that do not exist.
    at = np.arange(cells.sizes["band"])
    values, low, high = (cells[name].to_numpy() for name in ("value", "low", "high"))
    panel.plot(at, values, color=colour, lw=1.2, marker="o", ms=2.5, label=layer)
    panel.fill_between(at, low, high, color=colour, alpha=0.2, lw=0)
    # A point between gaps has no area; its interval is a bar.
    exists = np.pad(np.isfinite(values), 1)
    alone = exists[1:-1] & ~exists[:-2] & ~exists[2:]
    panel.vlines(at[alone], low[alone], high[alone], color=colour, lw=1)


def shapley(values: xr.Dataset, score: str) -> Figure:
    """Heat maps of Shapley values, layer by band: one block per readout."""
    blocks = [
        Block(str(readout), SEES.get(str(readout), ""), values.sel(readout=readout))
        for readout in values["readout"].to_numpy()
    ]
    how = (
        "Shapley values over all subsets of bands: over the bands they add up to the score of the "
        "complete map minus that without any band.  In brackets: the interval includes zero.  "
        "////: no bin in the band (N/A).  ....: the readout has no weight in the band."
    )
    # Margins of different readouts have different scales.
    return heat_blocks(blocks, score, SHAPLEY[score].label, how=how, one_scale=score == "accuracy")
