"""Which bands complement each other, and which can stand in for each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bandprobe.figures.drawing import STYLE, footer, panels_of_layers, title
from bandprobe.figures.palette import EFFECT, text_on
from bandprobe.summary.names import SHAPLEY


def interactions(values: xr.Dataset, score: str, readout: str) -> Figure:
    """Matrices of interactions, band by band: one row per layer, one column per model."""
    cells = values.sel(readout=readout)
    name = f"{score}_interaction"
    limit = max(float(np.nanmax(np.abs(cells[name].to_numpy()), initial=0.0)), 1e-9)
    image: Any = None
    with plt.rc_context(STYLE):
        figure, axes, found = panels_of_layers(cells, 1.8, 1.35)
        for one in found:
            of_layer = cells.sel(model=one.model, layer=one.layer)
            image = _matrix(one.panel, of_layer, name, limit)
            title(one.panel, f"{one.model}: {one.layer}", size=7)
            if not one.is_leftmost:
                one.panel.set_yticklabels([])
            if not one.is_last:
                one.panel.set_xticklabels([])
        text = SHAPLEY[score].short
        figure.colorbar(
            image, ax=axes, label=f"interaction of two bands: {text}", location="bottom", aspect=50
        )
        footer(
            figure,
            "Above zero: the two bands bring more together than one by one. Below: each can stand "
            f"in for the other. Readout: {readout}. Dots: the interval excludes zero, for all "
            "pairs of the layer at once. ////: no bin in one of the bands (N/A). ....: the readout "
            "has no weight in one of them.",
        )
    return figure


def _matrix(panel: Axes, cells: xr.Dataset, name: str, limit: float) -> Any:
    """The pairs below the diagonal; the others are the same ones again."""
    bands = [str(band) for band in cells["band"].to_numpy()]
    values, low, high = (
        cells[name + end].transpose("band", "other_band").to_numpy()
        for end in ("", "_low", "_high")
    )
    blind = cells["structural"].to_numpy() == 1
    below = np.tril(np.ones(values.shape, bool), -1)
    drawn = np.ma.masked_where(~below | np.isnan(values), values)
    image = panel.imshow(drawn, cmap=EFFECT, vmin=-limit, vmax=limit, aspect="auto")
    for row, column in np.argwhere(below):
        if np.isnan(values[row, column]) or blind[row] or blind[column]:
            hatch = "////" if np.isnan(values[row, column]) else "...."
            corner = (column - 0.5, row - 0.5)
            panel.add_patch(Rectangle(corner, 1, 1, fc="0.93", ec="0.6", hatch=hatch, lw=0))
        elif low[row, column] > 0 or high[row, column] < 0:
            under = image.cmap(image.norm(values[row, column]))
            panel.plot(column, row, "o", color=text_on(under), ms=2.2)
    panel.set_xticks(range(len(bands)), bands, rotation=45, ha="right", fontsize=6)
    panel.set_yticks(range(len(bands)), bands, fontsize=6)
    panel.set_xlim(-0.5, len(bands) - 1.5 if len(bands) > 1 else 0.5)
    panel.set_ylim(len(bands) - 0.5, 0.5 if len(bands) > 1 else -0.5)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)
    return image
