"""What all pictures share: one style, panels, colours, and how they are written."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib as mpl
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from bandprobe.files import replacing

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
# Models are not ordered. The palette of Okabe and Ito, without its black and its yellow, which is
# faint on white; markers tell apart what colours do not.
NAMED = [mpl.color_sequences["okabe_ito"][number] for number in (5, 6, 3, 7, 1, 2)]
MARKERS = "osD^vP"
PANEL = 2.6


def layers_of(dataset: xr.Dataset, model: str) -> list[str]:
    """Layers of a model, in the order of the study."""
    layers: list[str] = json.loads(dataset.attrs["layers"])[model]
    return layers


def panels(n_rows: int, n_columns: int, width: float, height: float) -> tuple[Figure, Any]:
    """A figure of equal panels, their sizes in inches, and its axes as (row, column)."""
    return plt.subplots(
        n_rows,
        n_columns,
        figsize=(width * n_columns + 1.2, height * n_rows + 0.6),
        squeeze=False,
        layout="constrained",
    )


def colours(count: int) -> list[Any]:
    """Colours of things that have an order."""
    return [ORDERED(0.95 * position / max(1, count - 1)) for position in range(count)]


def save(figure: Figure, paths: Sequence[Path]) -> None:
    """Write a figure under each path, by its suffix; it appears when complete."""
    engine = figure.get_layout_engine()
    if engine is not None:
        # Once, for all formats; with an engine each format would be drawn twice.
        engine.execute(figure)
        figure.set_layout_engine(None)
    for path in paths:
        kind = path.suffix.removeprefix(".")
        metadata = {"Date": None} if kind == "svg" else {}
        with replacing(path) as partial:
            figure.savefig(partial, format=kind, metadata=metadata)
    plt.close(figure)


@dataclass(frozen=True)
class Drawing:
    """A figure yet to be drawn, and the files that it becomes."""

    draw: Callable[[], Figure]
    paths: Sequence[Path]

    def __call__(self) -> None:
        """Draw and write it."""
        save(self.draw(), self.paths)


def save_all(drawings: Sequence[Drawing], workers: int) -> None:
    """Draw and write figures in some processes at once, which have all modules from the start."""
    if workers == 1:
        for drawing in drawings:
            drawing()
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for done in [pool.submit(drawing) for drawing in drawings]:
            done.result()
