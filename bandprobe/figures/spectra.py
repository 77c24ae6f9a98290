"""Figures of the spectra: which frequencies each layer holds, and how that changes with depth."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from bandprobe.figures.drawing import (
    PANEL,
    STYLE,
    footer,
    layers_of,
    legend_above,
    panels,
    title,
    x_label,
)
from bandprobe.figures.palette import MARKERS, NAMED, colours

DEPTH = "depth (first layer of the study 0, last 1)"
DELTA = "Δ log amplitude (nats, relative to DC)"
ON_AXES = "frequency on each axis (Nyquist = 1)"
NO_ENERGY = "N/A: no energy outside DC"
# What is drawn anew for intervals, by the unit of the study's statistics.
RESAMPLED = {"group": "groups of images", "class": "classes"}
# Rows of `band_energy`: variable, title, label of the axis.
ENERGY_ROWS = (
    ("share", "with DC", "share of the energy"),
    ("share_without_dc", "without DC", "share of the energy"),
    ("relative_density_without_dc", "per bin, without DC", "energy per bin\n(white noise = 1)"),
)


def _models_of(spectra: xr.Dataset) -> list[str]:
    return [str(model) for model in spectra["model"].to_numpy()]


def intervals(spectra: xr.Dataset) -> str:
    """Which intervals are shown."""
    resampled = RESAMPLED[str(spectra.attrs["unit"])]
    return f"Bars and shaded areas: intervals by resampling {resampled}."


def _footer(spectra: xr.Dataset) -> str:
    window = "  Maps under a Hann window." if spectra.attrs["window"] == "hann" else ""
    return intervals(spectra) + window


def band_energy(spectra: xr.Dataset) -> Figure:
    """Energy of each band across layers, one panel per model: share with and without DC, per bin.

    The last row divides the share by the band's share of the bins: unequal bands can be compared.
    """
    models = _models_of(spectra)
    bands = [str(band) for band in spectra["band"].to_numpy()]
    with plt.rc_context(STYLE):
        figure, axes = panels(len(ENERGY_ROWS), len(models), PANEL, 2.2)
        for row, (name, which, label) in enumerate(ENERGY_ROWS):
            for column, model in enumerate(models):
                panel: Axes = axes[row, column]
                layers = layers_of(spectra, model)
                cells = spectra.sel(model=model, layer=layers)
                for band, colour in zip(bands, colours(len(bands)), strict=True):
                    _band_line(panel, cells.sel(band=band), name, colour, band)
                _crosses(panel, cells, name)
                title(panel, f"{model}, {which}")
                panel.set_xticks(range(len(layers)), layers, rotation=45, ha="right")
                panel.set_xlim(-0.4, len(layers) - 0.6)
                panel.set_ylabel(label if column == 0 else "")
                if name.startswith("share"):
                    panel.set_ylim(-0.06, 1.02)
        _share_log_axis(axes[-1], spectra[ENERGY_ROWS[-1][0]].to_numpy())
        handles, labels = axes[0, -1].get_legend_handles_labels()
        legend_above(figure, handles, labels)
        footer(figure, f"{_footer(spectra)}  Crosses: no bin, or only DC, lies in the band (N/A).")
    return figure


def _bins(name: str) -> str:
    return "bins_without_dc" if name.endswith("_without_dc") else "bins"


def _band_line(panel: Axes, cells: xr.Dataset, name: str, colour: Any, band: str) -> None:
    exists = cells[_bins(name)].to_numpy() > 0
    values = np.where(exists, cells[name].to_numpy(), np.nan)
    _line(panel, np.arange(len(exists)), values, *_bounds(cells, name), colour, label=band)


def _crosses(panel: Axes, cells: xr.Dataset, name: str) -> None:
    """A cross at the bottom where a band has no bins, side by side for several bands."""
    empty = cells[_bins(name)].transpose("layer", "band").to_numpy() == 0
    shades = colours(empty.shape[1])
    for layer, band in np.argwhere(empty):
        at = layer + 0.12 * (band - np.flatnonzero(empty[layer]).mean())
        bottom = panel.get_xaxis_transform()
        panel.plot(at, 0.025, "x", color=shades[band], ms=4, transform=bottom)


def _bounds(cells: xr.Dataset, name: str) -> tuple[Any, Any]:
    return cells[f"{name}_low"].to_numpy(), cells[f"{name}_high"].to_numpy()


def _line(
    panel: Axes, x: Any, y: Any, low: Any, high: Any, colour: Any, marker: str = "o", **more: Any
) -> None:
    """A line with a bar at each point; where a bound is missing there is no bar."""
    errors = np.maximum(np.nan_to_num([y - low, high - y]), 0)
    panel.errorbar(x, y, errors, color=colour, marker=marker, ms=3, lw=1.2, **more)


def _share_log_axis(axes: Sequence[Axes], values: Any) -> None:
    """The same logarithmic axis for all panels of a row."""
    shown = values[values > 0]
    for panel in axes:
        panel.set_yscale("log")
        if shown.size:
            panel.set_ylim(shown.min() / 3, shown.max() * 1.6)
        panel.axhline(1, color="0.6", lw=0.8, ls=":", zorder=0)


def radial_profiles(spectra: xr.Dataset, edges: Sequence[float], axis: str = "frequency") -> Figure:
    """Power per bin against radial frequency, in both units of frequency, one panel per model.

    The edges of the bands are drawn in the panels of their unit, `axis`.
    """
    models = _models_of(spectra)
    kinds = (("frequency", "frequency (Nyquist = 1)"), ("cycles_per_image", "cycles per image"))
    with plt.rc_context(STYLE):
        figure, axes = panels(2, len(models), PANEL, 2.2)
        for column, model in enumerate(models):
            layers = layers_of(spectra, model)
            for row, (name, label) in enumerate(kinds):
                panel: Axes = axes[row, column]
                held = []
                for layer, colour in zip(layers, colours(len(layers)), strict=True):
                    # DC is larger by orders of magnitude and has its own figure.
                    cells = spectra.sel(model=model, layer=layer).isel(radius=slice(1, None))
                    held.append(bool((cells["profile"] > 0).any()))
                    text = layer if held[-1] else f"{layer}: N/A"
                    _curve(panel, cells.where(cells["profile"] > 0), name, "profile", colour, text)
                _log_axis(panel, any(held))
                x_label(panel, label)
                panel.set_ylabel("power per bin (feature units²)" if column == 0 else "")
                if name == axis:
                    for edge in edges:
                        panel.axvline(edge, color="0.85", lw=0.6, zorder=0)
                if name == "frequency":
                    panel.set_title(model)
                elif any(held):
                    panel.set_xscale("log")
            axes[0, column].legend()
        footer(figure, _footer(spectra))
    return figure


def _log_axis(panel: Axes, has_values: bool) -> None:
    """A logarithmic axis, or a word where there is nothing that it could show."""
    if has_values:
        panel.set_yscale("log")
        return
    panel.text(0.5, 0.5, NO_ENERGY, ha="center", va="center", transform=panel.transAxes)
    panel.set_yticks([])


def _curve(panel: Axes, cells: xr.Dataset, axis: str, name: str, colour: Any, label: str) -> None:
    """A curve of one layer with its interval as a shaded area."""
    x = cells[axis].to_numpy()
    panel.plot(x, cells[name].to_numpy(), color=colour, lw=1.2, label=label)
    panel.fill_between(x, *_bounds(cells, name), color=colour, alpha=0.25, lw=0)


def delta_log_amplitude(spectra: xr.Dataset) -> Figure:
    """Log amplitude on the half diagonal relative to DC, one panel per model, and its end by depth.

    After Park and Kim, How Do Vision Transformers Work? (ICLR 2022), figures 2a and 8.
    """
    models = _models_of(spectra)
    with plt.rc_context(STYLE):
        figure, axes = panels(1, len(models) + 1, PANEL, 2.9)
        for column, model in enumerate(models):
            panel: Axes = axes[0, column]
            layers = layers_of(spectra, model)
            missing = json.loads(spectra.attrs["without_diagonal"]).get(model, {})
            for layer, colour in zip(layers, colours(len(layers)), strict=True):
                if layer in missing:
                    panel.plot([], [], " ", label=f"{layer}: N/A, not square")
                    continue
                cells = spectra.sel(model=model, layer=layer)
                _curve(panel, cells, "diagonal_frequency", "delta_log_amplitude", colour, layer)
            panel.set_title(model)
            x_label(panel, ON_AXES)
            panel.set_xlim(0, 1)
            panel.set_ylabel(DELTA if column == 0 else "")
            panel.legend()
        for panel in axes[0, 1:-1]:
            panel.sharey(axes[0, 0])
        _across_depth(axes[0, -1], highest_frequency(spectra), "delta_log_amplitude")
        title(axes[0, -1], "at the highest frequency")
        axes[0, -1].legend()
        highest = "Highest frequency: the last bin of the diagonal below Nyquist."
        footer(figure, f"{intervals(spectra)}  {highest}")
    return figure


def highest_frequency(spectra: xr.Dataset) -> xr.Dataset:
    """The ends of the half diagonals, whose place on the padded axis differs between layers."""
    if not spectra.sizes["diagonal"]:
        return spectra.drop_dims("diagonal").assign(
            {
                f"delta_log_amplitude{end}": spectra["centroid"] * np.nan
                for end in ("", "_low", "_high")
            }
        )
    last = spectra["diagonal_frequency"].notnull().sum("diagonal")
    return spectra.isel(diagonal=np.maximum(last - 1, 0))


def spectral_centroid(spectra: xr.Dataset) -> Figure:
    """Energy-weighted mean radial frequency by depth, one line per model, in both units."""
    kinds = (
        ("centroid", "frequency (Nyquist = 1)"),
        ("centroid_cycles_per_image", "cycles per image"),
    )
    with plt.rc_context(STYLE):
        figure, axes = panels(2, 2, 3.2, 2.3)
        for column, (name, label) in enumerate(kinds):
            for row, (end, which) in enumerate((("", "with DC"), ("_without_dc", "without DC"))):
                panel: Axes = axes[row, column]
                # A layer without energy outside DC has a centroid of zero.
                shown = spectra[name + end] > 0
                values = spectra.where(shown) if column == 1 else spectra
                _across_depth(panel, values, name + end)
                title(panel, f"spectral centroid, {which}")
                panel.set_ylabel(label)
                if column == 1:
                    _log_axis(panel, bool(shown.any()))
                if column == 1 and shown.any():
                    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
                    panel.yaxis.set_major_formatter("{x:g}")
                    panel.yaxis.set_minor_formatter(NullFormatter())
        handles, labels = axes[0, 0].get_legend_handles_labels()
        legend_above(figure, handles, labels)
        footer(figure, _footer(spectra))
    return figure


def _across_depth(panel: Axes, spectra: xr.Dataset, name: str) -> None:
    """A variable of (model, layer) against depth; a model with one layer is a horizontal line."""
    for number, model in enumerate(_models_of(spectra)):
        layers = layers_of(spectra, model)
        colour = NAMED[number % len(NAMED)]
        cells = spectra.sel(model=model, layer=layers)
        values, (low, high) = cells[name].to_numpy(), _bounds(cells, name)
        if len(layers) == 1:
            panel.axhline(float(values[0]), color=colour, lw=1.2, ls="--", label=model)
            panel.axhspan(float(low[0]), float(high[0]), color=colour, alpha=0.2, lw=0)
            continue
        depth = np.linspace(0, 1, len(layers))
        marker = MARKERS[number % len(MARKERS)]
        _line(panel, depth, values, low, high, colour, marker, label=model)
    x_label(panel, DEPTH)
    panel.set_xlim(-0.05, 1.05)
