"""Time and memory of the jobs over each size, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter
from numpy.typing import NDArray

from bandprobe.base.files import replacing
from bandprobe.figures.drawing import STYLE, panels
from benchmarks.exponents import LEAST_RISE

MARKERS = "osD^vPX"
COLOURS = [mpl.color_sequences["okabe_ito"][number] for number in (5, 6, 3, 7, 1, 2, 0)]
UNITS = {
    "time": ("processor_s", 1.0, "processor time\nabove the start (s)"),
    "memory": ("peak_bytes", 2.0**20, "peak memory\nabove the start (MiB)"),
}
LABELS = {
    "images": "images of each split",
    "channels": "channels",
    "classes": "classes",
    "bands": "bands",
}


def draw(found: Mapping[str, Any], path: Path) -> None:
    """A column a size, time above and memory below, each above the cost of almost no data.

    Open markers are not in the fitted exponents; in grey is the method's steepest exponent.
    """
    axes_of = found["axes"]
    with mpl.rc_context(STYLE):
        figure, grid = panels(2, len(axes_of), 2.1, 2.3)
        for column, axis in enumerate(axes_of):
            for row, quantity in enumerate(UNITS):
                chosen = [one for one in found["rows"] if one["axis"] == axis]
                bound = max(one["bound"] for one in chosen if one["quantity"] == quantity)
                _panel(grid[row, column], axes_of[axis], quantity, bound)
                grid[row, column].set_xlabel(LABELS[axis])
        for row, (_, _, text) in enumerate(UNITS.values()):
            grid[row, 0].set_ylabel(text)
        lines = [
            Line2D([], [], color=COLOURS[number], marker=MARKERS[number], lw=1, markersize=3.5)
            for number in range(len(found["costs"]))
        ]
        names = [job.replace("intervene_random", "random") for job in found["costs"]]
        figure.legend(lines, names, loc="outside right center")
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            figure.savefig(partial, format="png")
        plt.close(figure)


def _panel(panel: Axes, one: Mapping[str, Any], quantity: str, steepest: float) -> None:
    key, unit, _ = UNITS[quantity]
    sizes, shown, is_above = np.array(one["sizes"]), [np.nan], False
    for number, (job, points) in enumerate(one["jobs"].items()):
        start = one["start"][job][key]
        rise = np.array([point[key] for point in points]) - start
        told = rise > LEAST_RISE * start
        values = np.where(rise > 0, rise, np.nan) / unit
        is_above |= bool((rise > 0).any())
        style: Any = {"color": COLOURS[number], "marker": MARKERS[number], "markersize": 3.5}
        panel.plot(sizes, np.where(told, values, np.nan), lw=1, **style)
        panel.plot(sizes[~told], values[~told], ls="none", fillstyle="none", mew=0.6, **style)
        shown += values[told].tolist()
    # Where nothing is above the start there is nothing that a logarithm could show.
    panel.set(xscale="log", yscale="log" if is_above else "linear")
    if np.isfinite(shown).any():
        panel.set_ylim(np.nanmin(shown) / 2, np.nanmax(shown) * 4)
        _guide(panel, sizes, float(np.nanmax(shown)), steepest)
    panel.xaxis.set_major_locator(FixedLocator(sizes[::2].tolist()))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(ScalarFormatter())


def _guide(panel: Axes, sizes: NDArray[np.int64], most: float, steepest: float) -> None:
    """The steepest slope that the method has along this size, above the dearest point."""
    reach = np.array([sizes[-1] / 4, sizes[-1]])
    line = most * 1.7 * (reach / reach[-1]) ** steepest
    panel.plot(reach, line, color="0.4", lw=1.2, ls="--")
    text = f"method: size$^{{{steepest:g}}}$" if steepest != 1 else "method: size"
    panel.annotate(text, (reach[0], line[-1]), ha="right", va="center", fontsize=6, color="0.3")
