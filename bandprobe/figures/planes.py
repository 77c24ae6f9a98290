"""Figures of the Fourier plane: log power over both frequencies, and energy by orientation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from bandprobe.base.arrays import FloatArray
from bandprobe.figures.drawing import (
    PANEL,
    STYLE,
    as_wide_as,
    footer,
    layers_of,
    legend_above,
    panels,
    title,
    width_of_page,
)
from bandprobe.figures.palette import MARKERS, NAMED, ORDERED, colours

PLANE = ("frequency_y", "frequency_x")
# Panels of a row on a page of one and of two columns, by the narrowest that can be read.
NARROWEST = 0.9
MOST = 6
# Inches for the labels at the side.
BESIDE = 0.4
TITLE, TICKS = 6.0, 6.0
MARKED = ((-0.5, 0, 0.5), ("-0.5", "0", "0.5"))


def plane_of(planes: xr.Dataset, model: str, layer: str) -> xr.DataArray:
    """The plane of one layer, of dimensions `frequency_y` and `frequency_x`."""
    plane = planes[f"{model}.{layer}.log_power"]
    names = dict(zip(map(str, plane.dims), PLANE, strict=True))
    return plane.rename(names)


def power_planes(planes: xr.Dataset) -> Figure:
    """Mean log power of each layer over (y, x) frequency, DC in the middle, on one scale.

    The scale is relative to the mean of the bins outside DC, which is what differs between layers
    for reasons other than frequency: their units and their channels.
    """
    models = [str(model) for model in planes["model"].to_numpy()]
    shown = {
        f"{model}\n{layer}": plane_of(planes, model, layer)
        for model in models
        for layer in layers_of(planes, model)
    }
    relative = {name: _relative(plane) for name, plane in shown.items()}
    return drawn_planes(
        relative,
        _limits(relative),
        "log10 power per bin, relative to the mean outside DC",
        "Frequency: Nyquist = 1, which is half a cycle per pixel of the map; DC in the middle. "
        "Power is averaged over channels, its logarithm over images. Values beyond the scale "
        "have its end's colour. Grey: no image has power (N/A)." + _window(planes),
    )


def drawn_planes(
    planes: Mapping[str, xr.DataArray], limits: tuple[float, float], label: str, words: str
) -> Figure:
    """Planes on one scale, each under its name, with the label of the scale and words below."""
    with plt.rc_context(STYLE):
        figure, panel_of = flow(list(planes))
        image = None
        for name, plane in planes.items():
            image = draw_plane(panel_of[name], plane, limits)
            title(panel_of[name], name, size=TITLE)
        if image is not None:
            below_panels(figure, image, panel_of, label)
        footer(figure, words)
    return figure


def below_panels(figure: Figure, image: Any, panel_of: Mapping[str, Axes], label: str) -> None:
    """A colour bar below all panels, which takes none of the width."""
    axes = list(panel_of.values())
    bar = figure.colorbar(image, ax=axes, location="bottom", aspect=50, shrink=0.7, pad=0.02)
    bar.set_label(label, fontsize=TITLE + 1)
    bar.ax.tick_params(labelsize=TICKS)


def _window(planes: xr.Dataset) -> str:
    return "  Maps under a Hann window." if planes.attrs["window"] == "hann" else ""


def flow(
    names: list[str],
    axes_of: tuple[str, str] = ("frequency x", "frequency y"),
    most: int = MOST,
    narrowest: float = NARROWEST,
) -> tuple[Figure, dict[str, Axes]]:
    """A figure of square panels in rows as long as its width allows, and the panel of each name.

    The labels `axes_of` are at the bottom and on the left; a row has at most `most` panels, each
    at least `narrowest` inches wide.
    """
    page = width_of_page()
    fitting = most if page is None else max(1, int((page - BESIDE) / narrowest))
    columns = min(most, fitting, len(names))
    rows = -(-len(names) // columns)
    width = page or 1.4 * narrowest * columns + BESIDE
    side = (width - BESIDE) / columns
    # The colour bar and the words below, which take more lines where the page is narrow.
    below = 0.4 + 2.4 / width
    with as_wide_as(width):
        figure, axes = panels(rows, columns, side, min(side, 2.6) + 0.45 + below / rows)
    for number, panel in enumerate(axes.flat):
        if number >= len(names):
            panel.set_axis_off()
        if number % columns == 0:
            panel.set_ylabel(axes_of[1], fontsize=TICKS, labelpad=1)
        if number + columns >= len(names):
            panel.set_xlabel(axes_of[0], fontsize=TICKS, labelpad=1)
    return figure, dict(zip(names, axes.flat, strict=False))


def _relative(plane: xr.DataArray) -> xr.DataArray:
    """Log power relative to that of the mean power outside DC, from means of logarithms."""
    values = plane.to_numpy()
    outside = np.ones(values.shape, bool)
    outside[values.shape[0] // 2, values.shape[1] // 2] = False
    power = 10.0 ** (values[outside] - np.nanmax(values[outside], initial=-np.inf))
    known = power[np.isfinite(power)]
    if not known.size:
        return plane * np.nan
    level = float(np.log10(known.mean()) + np.nanmax(values[outside]))
    return plane - level


def _limits(relative: Mapping[str, xr.DataArray]) -> tuple[float, float]:
    """Ends of a colour scale for bins outside DC: of most layers the lowest, of all the highest.

    Images have far less at high frequencies than any layer of a network; a scale down to there
    would leave the layers without contrast.
    """
    ends = []
    for plane in relative.values():
        values = plane.to_numpy().copy()
        values[values.shape[0] // 2, values.shape[1] // 2] = np.nan
        if np.isfinite(values).any():
            ends.append(np.nanquantile(values, [0.01, 0.99]))
    if not ends:
        return -1.0, 1.0
    low, high = np.median(ends, axis=0)[0], np.max(ends, axis=0)[1]
    return float(low), float(max(high, low + 1e-6))


def draw_plane(panel: Axes, plane: xr.DataArray, limits: tuple[float, float]) -> Any:
    """One plane; its axes are in units of Nyquist, y downwards as in the map."""
    y, x = (plane[axis].to_numpy() for axis in ("frequency_y", "frequency_x"))
    image = panel.imshow(
        np.ma.masked_invalid(plane.to_numpy()),
        cmap=ORDERED,
        vmin=limits[0],
        vmax=limits[1],
        extent=(*_edges(x), *_edges(y)[::-1]),
        interpolation="nearest",
    )
    panel.set_facecolor("0.8")
    panel.set_xticks(*MARKED)
    panel.set_yticks(*MARKED)
    panel.set_xlim(*_edges(x))
    panel.set_ylim(*_edges(y)[::-1])
    panel.tick_params(labelsize=TICKS, length=2, pad=1)
    return image


def _edges(frequency: FloatArray) -> tuple[float, float]:
    """Outer borders of the first and the last bin of an axis."""
    half = 1 / len(frequency)
    return float(frequency[0]) - half, float(frequency[-1]) + half


def orientation(planes: xr.Dataset) -> Figure:
    """Energy by orientation relative to isotropic maps, and the anisotropy, one panel per model."""
    models = [str(model) for model in planes["model"].to_numpy()]
    with plt.rc_context(STYLE):
        figure, axes = panels(2, len(models), PANEL, 2.1)
        for column, model in enumerate(models):
            layers = layers_of(planes, model)
            for row in axes if column else ():
                row[column].sharey(row[0])
            _sectors(axes[0, column], planes, model, layers)
            title(axes[0, column], model)
            _anisotropy(axes[1, column], planes, model, layers)
        # Room for the legends.
        axes[0, 0].set_ylim(0, 1.45 * axes[0, 0].get_ylim()[1])
        axes[0, 0].set_ylabel("energy (isotropic = 1)")
        axes[1, 0].set_ylabel("anisotropy (-1 to 1)")
        handles, labels = axes[1, 0].get_legend_handles_labels()
        legend_above(figure, handles, labels, "anisotropy (below)")
        footer(
            figure,
            "Above: energy outside DC in eight sectors of orientation, relative to an isotropic "
            "map with the same radial profile. 0: changes along a row (upright stripes), 45: "
            "towards the upper right, 90: along a column. Gaps: no bin (N/A). Bars: intervals "
            "over independent units." + _window(planes),
        )
    return figure


def _sectors(panel: Axes, planes: xr.Dataset, model: str, layers: list[str]) -> None:
    angles = planes["orientation"].to_numpy()
    for number, (layer, colour) in enumerate(zip(layers, colours(len(layers)), strict=True)):
        cells = planes.sel(model=model, layer=layer)
        # The first orientation again at the end: 180 degrees are 0.
        values, low, high = (
            np.append(part, part[0]) for part in (_ends(cells, "relative", *_ENDS))
        )
        at = np.append(angles, 180) + 1.2 * (number - (len(layers) - 1) / 2)
        errors = np.maximum(np.nan_to_num([values - low, high - values]), 0)
        panel.errorbar(at, values, errors, color=colour, marker="o", ms=2.5, lw=1, label=layer)
    panel.axhline(1, color="0.6", lw=0.8, ls=":", zorder=0)
    panel.set_xticks([0, 45, 90, 135, 180])
    panel.set_xlabel("orientation (degrees)")
    panel.legend(fontsize=6, ncols=2, loc="upper center", handlelength=1.2, columnspacing=1)


_ENDS = ("", "_low", "_high")
COMPONENTS = {
    "anisotropy_axes": "along rows minus along columns",
    "anisotropy_diagonals": "upper right minus lower right",
}


def _ends(cells: xr.Dataset, name: str, *ends: str) -> list[FloatArray]:
    return [cells[name + end].to_numpy() for end in ends]


def _anisotropy(panel: Axes, planes: xr.Dataset, model: str, layers: list[str]) -> None:
    cells = planes.sel(model=model, layer=layers)
    for number, (name, text) in enumerate(COMPONENTS.items()):
        values, low, high = _ends(cells, name, *_ENDS)
        at = np.arange(len(layers)) + 0.16 * (number - 0.5)
        errors = np.maximum(np.nan_to_num([values - low, high - values]), 0)
        style: dict[str, Any] = {"color": NAMED[number], "marker": MARKERS[number], "label": text}
        panel.errorbar(at, values, errors, ls="none", ms=3.5, lw=1, **style)
    panel.axhline(0, color="0.6", lw=0.8, ls=":", zorder=0)
    panel.set_xticks(range(len(layers)), layers, rotation=45, ha="right", fontsize=6.5)
    panel.set_xlim(-0.5, len(layers) - 0.5)
