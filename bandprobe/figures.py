"""Pictures of the summaries: bands are colours or columns, layers run with depth."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

mpl.use("Agg")
STYLE: Any = {
    "font.size": 8,
    "axes.titlesize": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.fontsize": 7,
    "legend.frameon": False,
    "figure.dpi": 200,
    "svg.hashsalt": "bandprobe",
}
# Perceptually uniform, readable with colour-vision deficiency; bands and layers are ordered.
ORDERED = mpl.colormaps["viridis"]
DIVERGING = "PuOr_r"
PANEL = 2.6


def layers_of(dataset: xr.Dataset, model: str) -> list[str]:
    """Layers of a model, in the order of the study."""
    layers: list[str] = json.loads(dataset.attrs["layers"])[model]
    return layers


def _panels(n_rows: int, n_columns: int, width: float, height: float) -> tuple[Figure, Any]:
    return plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns + 1.2, height * n_rows + 0.6),
        squeeze=False,
        layout="constrained",
    )


def _colours(count: int) -> list[Any]:
    return [ORDERED(0.95 * position / max(1, count - 1)) for position in range(count)]


def band_energy(spectra: xr.Dataset) -> Figure:
    """Energy share of each band across layers, a panel a model, with and without DC."""
    models = [str(model) for model in spectra["model"].to_numpy()]
    bands = [str(band) for band in spectra["band"].to_numpy()]
    colours = _colours(len(bands))
    with plt.rc_context(STYLE):
        figure, axes = _panels(2, len(models), PANEL, 2.4)
        for row, (suffix, title) in enumerate((("", "with DC"), ("_without_dc", "without DC"))):
            for column, model in enumerate(models):
                panel: Axes = axes[row, column]
                layers = layers_of(spectra, model)
                cells = spectra.sel(model=model, layer=layers)
                for band, colour in zip(bands, colours, strict=True):
                    _band_line(panel, cells.sel(band=band), suffix, colour, band)
                panel.set_title(f"{model}, {title}")
                panel.set_xticks(range(len(layers)), layers, rotation=45, ha="right")
                panel.set_xlim(-0.4, len(layers) - 0.6)
                panel.set_ylim(-0.06, 1.02)
                panel.set_ylabel("share of the energy" if column == 0 else "")
        handles, labels = axes[0, -1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside upper center", ncols=len(bands))
        figure.supxlabel(
            "Bars: intervals by resampling groups of images.  "
            "Crosses below zero: no bin of that grid lies in the band (N/A).",
            fontsize=7,
        )
    return figure


def _band_line(panel: Axes, cells: xr.Dataset, suffix: str, colour: Any, band: str) -> None:
    exists = cells["bins"].to_numpy() > 0
    at = np.arange(len(exists))
    share = np.where(exists, cells[f"share{suffix}"].to_numpy(), np.nan)
    low = share - cells[f"share{suffix}_low"].to_numpy()
    high = cells[f"share{suffix}_high"].to_numpy() - share
    errors = np.maximum(np.nan_to_num([low, high]), 0)
    panel.errorbar(at, share, errors, color=colour, label=band, marker="o", ms=3, lw=1.2)
    panel.plot(at[~exists], np.full((~exists).sum(), -0.04), "x", color=colour, ms=4)


def radial_profiles(spectra: xr.Dataset, edges: Sequence[float]) -> Figure:
    """Power a bin against radial frequency, on both axes of frequency, a panel a model."""
    models = [str(model) for model in spectra["model"].to_numpy()]
    kinds = (("frequency", "frequency (Nyquist = 1)"), ("cycles_per_image", "cycles per image"))
    with plt.rc_context(STYLE):
        figure, axes = _panels(2, len(models), PANEL, 2.2)
        for column, model in enumerate(models):
            layers = layers_of(spectra, model)
            for row, (name, label) in enumerate(kinds):
                panel: Axes = axes[row, column]
                for layer, colour in zip(layers, _colours(len(layers)), strict=True):
                    _profile(panel, spectra.sel(model=model, layer=layer), name, colour, layer)
                panel.set_yscale("log")
                panel.set_xlabel(label)
                panel.set_ylabel("power a bin (feature units²)" if column == 0 else "")
                if name == "frequency":
                    panel.set_title(model)
                    for edge in edges:
                        panel.axvline(edge, color="0.85", lw=0.6, zorder=0)
                else:
                    panel.set_xscale("log")
            axes[0, column].legend()
    return figure


def _profile(panel: Axes, cells: xr.Dataset, axis: str, colour: Any, layer: str) -> None:
    # DC stands apart by orders of magnitude and is a figure of its own.
    part = cells.isel(radius=slice(1, None))
    x = part[axis].to_numpy()
    panel.plot(x, part["profile"].to_numpy(), color=colour, lw=1.2, label=layer)
    panel.fill_between(
        x,
        part["profile_low"].to_numpy(),
        part["profile_high"].to_numpy(),
        color=colour,
        alpha=0.25,
        lw=0,
    )


SCORES = {
    "top1_drop": "drop of top-1 accuracy",
    "rank_degradation": "degradation of the ground-truth rank",
}


def effects(interventions: xr.Dataset, score: str, readout: str) -> Figure:
    """Heat maps of an effect, layer by band: a row a mode, a column a model, one scale."""
    cells = interventions.sel(readout=readout)
    models = [str(model) for model in cells["model"].to_numpy()]
    modes = [str(mode) for mode in cells["mode"].to_numpy()]
    limit = max(float(np.nanmax(np.abs(cells[score].to_numpy()), initial=0.0)), 1e-9)
    heights = [len(layers_of(cells, model)) for model in models]
    with plt.rc_context(STYLE):
        figure, axes = _panels(len(modes), len(models), 2.9, 0.75 + 0.24 * max(heights))
        image = None
        for row, mode in enumerate(modes):
            for column, model in enumerate(models):
                layers = layers_of(cells, model)
                part = cells.sel(model=model, mode=mode, layer=layers)
                image = _heat(axes[row, column], part, score, limit)
                axes[row, column].set_title(f"{model}: {mode}")
                if row < len(modes) - 1:
                    axes[row, column].set_xticks([])
        if image is not None:
            figure.colorbar(image, ax=axes, label=f"{SCORES[score]} ({readout} readout)", pad=0.01)
        figure.supxlabel(
            "In brackets: the interval holds zero.  ////: no bin in the band (N/A).  "
            "....: the readout has no weight in the band, the value is forced.",
            fontsize=7,
        )
    return figure


def _heat(panel: Axes, cells: xr.Dataset, score: str, limit: float) -> Any:
    layers, bands = cells["layer"].to_numpy(), cells["band"].to_numpy()
    values = cells[score].transpose("layer", "band").to_numpy()
    low, high = (
        cells[f"{score}_{end}"].transpose("layer", "band").to_numpy() for end in ("low", "high")
    )
    blind = cells["blind"].transpose("layer", "band").to_numpy() == 1
    empty = cells["bins"].transpose("layer", "band").to_numpy() == 0
    image = panel.imshow(values, cmap=DIVERGING, vmin=-limit, vmax=limit, aspect="auto")
    for row, column in np.ndindex(values.shape):
        if empty[row, column] or blind[row, column]:
            hatch = "////" if empty[row, column] else "...."
            _hatch(panel, row, column, hatch)
            continue
        holds_zero = low[row, column] <= 0 <= high[row, column]
        text = _short(float(values[row, column]), limit)
        dark = abs(values[row, column]) > 0.6 * limit
        panel.text(
            column,
            row,
            f"({text})" if holds_zero else text,
            ha="center",
            va="center",
            fontsize=6,
            color="white" if dark else "0.45" if holds_zero else "black",
            # A cell's text lies inside its panel; measuring thousands of them takes seconds.
            in_layout=False,
        )
    panel.set_xticks(range(len(bands)), bands, rotation=45, ha="right", fontsize=6.5)
    panel.set_yticks(range(len(layers)), layers, fontsize=6.5)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    return image


def _hatch(panel: Axes, row: int, column: int, hatch: str) -> None:
    panel.add_patch(
        Rectangle(
            (column - 0.5, row - 0.5), 1, 1, facecolor="0.93", edgecolor="0.6", hatch=hatch, lw=0
        )
    )


def _short(value: float, limit: float) -> str:
    text = f"{value:.2f}" if limit < 5 else f"{value:.1f}"
    if not float(text):
        return "0"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text


def penalty_paths(probes: xr.Dataset) -> Figure:
    """Accuracy on evaluation maps along the penalty path; the chosen penalty has not seen them."""
    models = [str(model) for model in probes["model"].to_numpy()]
    readouts = [str(readout) for readout in probes["readout"].to_numpy()]
    with plt.rc_context(STYLE):
        figure, axes = _panels(len(readouts), len(models), PANEL, 2.0)
        for row, readout in enumerate(readouts):
            for column, model in enumerate(models):
                panel: Axes = axes[row, column]
                cells = probes.sel(model=model, readout=readout)
                layers = layers_of(probes, model)
                for layer, colour in zip(layers, _colours(len(layers)), strict=True):
                    one = cells.sel(layer=layer)
                    path = one["eval_accuracy"]
                    panel.plot(path["penalty"], path, color=colour, lw=1.2, label=layer)
                    chosen = float(one["penalty_chosen"])
                    panel.plot(chosen, float(path.sel(penalty=chosen)), "o", color=colour, ms=5)
                panel.set_xscale("log")
                panel.set_ylim(0, 1.02)
                panel.axhline(float(probes.attrs["chance"]), color="0.6", lw=0.8, ls=":")
                panel.set_title(f"{model}, {readout}")
                panel.set_ylabel("top-1 accuracy, evaluation" if column == 0 else "")
                if row == len(readouts) - 1:
                    below: Any = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.12)}
                    panel.legend(ncols=3, handlelength=1.2, columnspacing=0.8, **below)
        figure.supxlabel(
            "ridge penalty (mean squared norm = 1). Dots: chosen by grouped cross-validation "
            "on training maps. Dotted: chance.",
            fontsize=7,
        )
    return figure


def save(figure: Figure, paths: Sequence[Path]) -> None:
    """Write a figure under each path, by its suffix; it appears when complete."""
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = path.suffix.removeprefix(".")
        partial = path.with_name(f".{path.name}.partial")
        metadata = {"Date": None} if kind == "svg" else {}
        figure.savefig(partial, format=kind, metadata=metadata)
        os.replace(partial, path)
        # The layout is the same for every format.
        figure.set_layout_engine("none")
    plt.close(figure)
