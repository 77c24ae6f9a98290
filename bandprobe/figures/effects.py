"""Figures of the effects and of the readouts: bands are columns, layers are in order of depth."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bandprobe.figures.drawing import (
    PANEL,
    STYLE,
    colour_bar,
    colours,
    footer,
    layers_of,
    panels,
    share_of_width,
    title,
)
from bandprobe.summary.names import EFFECTS

DIVERGING = "PuOr_r"


def effects(interventions: xr.Dataset, score: str, readout: str) -> Figure:
    """Heat maps of an effect, layer by band: one row per mode, one column per model, one scale."""
    cells = interventions.sel(readout=readout)
    # Heads have results for neither the pixels nor every mode.
    models, modes = (with_values(cells[score], axis) for axis in ("model", "mode"))
    limit = max(float(np.nanmax(np.abs(cells[score].to_numpy()), initial=0.0)), 1e-9)
    heights = [len(layers_of(cells, model)) for model in models]
    with plt.rc_context(STYLE):
        figure, axes = panels(len(modes), len(models), 2.9, 0.75 + 0.24 * max(heights))
        image = None
        for row, mode in enumerate(modes):
            for column, model in enumerate(models):
                layers = layers_of(cells, model)
                part = cells.sel(model=model, mode=mode, layer=layers)
                image = heat(axes[row, column], part, score, limit)
                title(axes[row, column], f"{model}: {mode}")
                if row < len(modes) - 1:
                    axes[row, column].set_xticks([])
        if image is not None:
            colour_bar(figure, image, axes, f"{EFFECTS[score].label}, {readout} readout")
        footer(
            figure,
            "In brackets: the interval of the difference includes zero.  ////: no result (N/A), as "
            "in a band without bins.  ....: fixed by construction.  summary/flags.csv says why.",
        )
    return figure


def with_values(values: xr.DataArray, axis: str) -> list[str]:
    """Names along an axis that have any value."""
    others = [dim for dim in values.dims if dim != axis]
    exists = values.notnull().any(others).to_numpy()
    return [str(name) for name in values[axis].to_numpy()[exists]]


def heat(panel: Axes, cells: xr.Dataset, score: str, limit: float) -> Any:
    """One heat map, layer by band, with its numbers; fixed and missing cells are hatched."""
    layers, bands = cells["layer"].to_numpy(), cells["band"].to_numpy()
    values = cells[score].transpose("layer", "band").to_numpy()
    low, high = (
        cells[f"{score}_{end}"].transpose("layer", "band").to_numpy() for end in ("low", "high")
    )
    forced = cells["structural"].transpose("layer", "band").to_numpy() == 1
    missing = np.isnan(values)
    # Six characters have to fit a cell; the panels take about four fifths of the width.
    size = min(6.0, 0.75 * 72 * share_of_width(panel) / len(bands) / (6 * 0.5))
    image = panel.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto")
    for row, column in np.ndindex(values.shape):
        if missing[row, column] or forced[row, column]:
            hatch = "////" if missing[row, column] else "...."
            _hatch(panel, row, column, hatch)
            continue
        includes_zero = low[row, column] <= 0 <= high[row, column]
        text = _short(float(values[row, column]), limit)
        dark = abs(values[row, column]) > 0.6 * limit
        panel.text(
            column,
            row,
            f"({text})" if includes_zero else text,
            ha="center",
            va="center",
            fontsize=size,
            color="white" if dark else "0.45" if includes_zero else "black",
            # The text lies inside its panel; measuring thousands of them would take seconds.
            in_layout=False,
        )
    panel.set_xticks(range(len(bands)), bands, rotation=45, ha="right", fontsize=6.5)
    panel.set_yticks(range(len(layers)), layers, fontsize=6.5)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    return image


def _hatch(panel: Axes, row: int, column: int, hatch: str) -> None:
    corner = (column - 0.5, row - 0.5)
    panel.add_patch(Rectangle(corner, 1, 1, fc="0.93", ec="0.6", hatch=hatch, lw=0))


def _short(value: float, limit: float) -> str:
    text = f"{value:.2f}" if limit < 5 else f"{value:.1f}"
    if not float(text):
        return "0"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


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
                panel.set_ylabel("top-1 accuracy on evaluation maps" if column == 0 else "")
                if row == len(readouts) - 1:
                    below: Any = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12)}
                    panel.legend(ncols=3, handlelength=1.2, columnspacing=0.8, **below)
        footer(
            figure,
            "Horizontal: L2 penalty (mean squared norm = 1). Dots: chosen by grouped "
            "cross-validation on training maps. Dotted line: chance.",
        )
    return figure
