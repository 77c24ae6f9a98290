"""Figures of maps: one stored array, or one map with its bands and interventions."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from bandprobe.base.arrays import MapArray
from bandprobe.figures.drawing import STYLE, panels
from bandprobe.inspection.one_map import ChangedMap
from bandprobe.inspection.pictures import Picture

SIDE = 1.05
MAP, PART = "viridis", "PuOr_r"


def stored_array(picture: Picture) -> Figure:
    """A map in colours, or bars."""
    with plt.rc_context(STYLE):
        figure, axes = panels(1, 1, 3.2, 2.6)
        panel: Axes = axes[0, 0]
        if picture.values.ndim == 2:
            image = panel.imshow(picture.values, cmap=MAP)
            figure.colorbar(image, ax=panel)
            _bare(panel)
        else:
            panel.bar(range(len(picture.values)), picture.values, color="0.4")
            if len(picture.labels) <= 16:
                at = range(len(picture.labels))
                panel.set_xticks(at, picture.labels, rotation=45, ha="right")
        panel.set_title(picture.caption, fontsize=6.5, wrap=True)
    return figure


def interventions(maps: ChangedMap, title: str) -> Figure:
    """The map and its bands; below, one row per mode with the map after changing each band.

    The untouched map and all changed maps share one colour scale; each band has its own, centred
    on zero.
    """
    names, counts = maps.names, maps.bins
    shown = [maps.untouched, *maps.changed.values()]
    low, high = (float(f([f(values) for values in shown])) for f in (np.min, np.max))
    shared: dict[str, Any] = {"cmap": MAP, "vmin": low, "vmax": high}
    with plt.rc_context(STYLE):
        rows, columns = 1 + len(maps.changed), 1 + len(names)
        figure, axes = panels(rows, columns, SIDE, SIDE + 0.2)
        image = axes[0, 0].imshow(maps.untouched, **shared)
        axes[0, 0].set_title("untouched", fontsize=6.5)
        for column, name in enumerate(names):
            panel = axes[0, column + 1]
            if counts[column]:
                part = maps.bands[column]
                limit = max(float(np.abs(part).max()), 1e-12)
                panel.imshow(part, cmap=PART, vmin=-limit, vmax=limit)
                panel.set_title(f"{name}\n± {limit:.2g}", fontsize=6.5)
            else:
                _nothing(panel, f"{name}\nno bin")
        for row, (mode, changed) in enumerate(maps.changed.items(), start=1):
            _label(axes[row, 0], mode)
            for column in range(len(names)):
                panel = axes[row, column + 1]
                if counts[column]:
                    panel.imshow(changed[column], **shared)
                    _note_if_same(panel, changed[column], maps.untouched)
                else:
                    _nothing(panel, "N/A")
        for panel in axes.flat:
            _bare(panel)
        bar = figure.colorbar(image, ax=axes, pad=0.01, shrink=min(1.0, 2 / rows))
        bar.set_label("untouched and changed maps", fontsize=6.5)
        figure.suptitle(title, fontsize=8)
    return figure


def _bare(panel: Axes) -> None:
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)


def _label(panel: Axes, text: str) -> None:
    panel.text(1.0, 0.5, text, transform=panel.transAxes, ha="right", va="center", fontsize=7)


def _nothing(panel: Axes, title: str) -> None:
    panel.set_facecolor("0.93")
    panel.add_patch(
        Rectangle((0, 0), 1, 1, transform=panel.transAxes, facecolor="0.93", hatch="////", lw=0)
    )
    panel.set_title(title, fontsize=6.5)


def _note_if_same(panel: Axes, changed: MapArray, untouched: NDArray[Any]) -> None:
    spread = float(np.abs(untouched).max())
    if float(np.abs(changed - untouched).max()) <= 1e-5 * spread:
        panel.set_title("unchanged", fontsize=5.5, color="0.4", pad=2)
