"""Time and memory of the jobs over each size, both axes logarithmic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from bandprobe.drawing import STYLE, panels
from bandprobe.files import replacing

MARKERS = "osD^vPX"
COLOURS = [mpl.color_sequences["okabe_ito"][number] for number in (5, 6, 3, 7, 1, 2, 0)]
UNITS = {"time": ("processor_s", 1.0, "processor time (s)"), "memory": ("peak_bytes", 2**20, "MiB")}
LABELS = {
    "images": "images of each split",
    "channels": "channels",
    "classes": "classes",
    "bands": "bands",
}


def draw(found: Mapping[str, Any], path: Path) -> None:
    """A column a size, time above and memory below; in grey the method's steepest exponent."""
    axes_of = found["axes"]
    with mpl.rc_context(STYLE):
        figure, grid = panels(2, len(axes_of), 2.4, 2.3)
        for column, (axis, one) in enumerate(axes_of.items()):
            for row, quantity in enumerate(UNITS):
                chosen = [
                    line
                    for line in found["rows"]
                    if (line["axis"], line["quantity"]) == (axis, quantity)
                ]
                _panel(grid[row, column], axis, one, quantity, max(r["bound"] for r in chosen))
        for row, (_, _, text) in enumerate(UNITS.values()):
            grid[row, 0].set_ylabel(text if row == 0 else f"peak memory ({text})")
        lines, texts = grid[0, 0].get_legend_handles_labels()
        figure.legend(lines, texts, loc="outside right center")
        figure.suptitle("Cost of each job, of which the start is the dotted line")
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as partial:
            figure.savefig(partial, format="png")
        plt.close(figure)


def _panel(panel: Axes, axis: str, one: Mapping[str, Any], quantity: str, steepest: float) -> None:
    key, unit, _ = UNITS[quantity]
    sizes = one["sizes"]
    most = 0.0
    for number, (job, points) in enumerate(one["jobs"].items()):
        costs = [point[key] / unit for point in points]
        most = max(most, *costs)
        style: Any = {"color": COLOURS[number], "marker": MARKERS[number], "markersize": 3.5}
        panel.plot(sizes, costs, label=job.replace("intervene_random", "random"), lw=1, **style)
    start = float(np.median([job[key] for job in one["start"].values()])) / unit
    panel.axhline(start, color="0.5", lw=0.8, ls=":")
    _guide(panel, sizes, most, steepest)
    panel.set(xscale="log", yscale="log", xlabel=LABELS[axis])
    panel.xaxis.set_major_locator(FixedLocator(sizes))
    panel.xaxis.set_minor_locator(NullLocator())
    panel.xaxis.set_major_formatter(ScalarFormatter())


def _guide(panel: Axes, sizes: Sequence[int], most: float, steepest: float) -> None:
    """The steepest slope that the method allows, through the dearest point."""
    reach = np.array([sizes[-1] / 4, sizes[-1]])
    label = f"method's steepest: size$^{{{steepest:g}}}$"
    line = most * 1.3 * (reach / reach[-1]) ** steepest
    panel.plot(reach, line, color="0.4", lw=1.2, ls="--")
    panel.annotate(label, (reach[-1], line[-1]), ha="right", va="bottom", fontsize=6, color="0.3")
