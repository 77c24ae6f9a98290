"""Which bands complement each other, and which can stand in for each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bandprobe.figures.drawing import (
    STYLE,
    footer,
    layers_of,
    panels,
    title,
)
from bandprobe.figures.palette import EFFECT, text_on
from bandprobe.summary.names import SHAPLEY


def interactions(values: xr.Dataset, score: str, readout: str) -> Figure:
    """Matrices of interactions, band by band: one row per layer, one column per model."""
    cells = values.sel(readout=readout)
    models = [str(model) for model in cells["model"].to_numpy()]
    depth = max(len(layers_of(cells, model)) for model in models)
    name = f"{score}_interaction"
    limit = max(float(np.nanmax(np.abs(cells[name].to_numpy()), initial=0.0)), 1e-9)
    image: Any = None
    with plt.rc_context(STYLE):
        figure, axes = panels(depth, len(models), 1.8, 1.35)
        for column, model in enumerate(models):
            layers = layers_of(cells, model)
            for row in range(depth):
                panel: Axes = axes[row, column]
                if row >= len(layers):
                    panel.set_axis_off()
                    continue
                of_layer = cells.sel(model=model, layer=layers[row])
                image = _matrix(panel, of_layer, name, limit)
                title(panel, f"{model}: {layers[row]}", size=7)
                if any(row < len(layers_of(cells, other)) for other in models[:column]):
                    panel.set_yticklabels([])
                if row < len(layers) - 1:
                    panel.set_xticklabels([])
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
