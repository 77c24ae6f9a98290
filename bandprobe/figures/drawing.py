"""What all figures share: one style, panels, colours, and how they are written."""

from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple, cast

import matplotlib as mpl
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.gridspec import GridSpec
from matplotlib.transforms import ScaledTranslation

from bandprobe.base.files import replacing
from bandprobe.figures.entry import PAGE_HIGH

mpl.use("Agg")
STYLE: Any = mpl.rc_params_from_file(
    Path(__file__).with_name("publication.mplstyle"), use_default_template=False
)
PANEL = 2.6
# The same figure makes the same file.
UNDATED = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
# Mean width of a letter in ems.
LETTER = 0.55
_width: ContextVar[float | None] = ContextVar("width", default=None)


@contextmanager
def as_wide_as(width: float | None) -> Iterator[None]:
    """Figures begun within the block get this width in inches; None: as wide as they need."""
    token = _width.set(width)
    try:
        yield
    finally:
        _width.reset(token)


def width_of_page() -> float | None:
    """Width in inches that figures get within `as_wide_as`; None: as wide as they need."""
    return _width.get()


def layers_of(dataset: xr.Dataset, model: str) -> list[str]:
    """Layers of a model, in the order of the study."""
    layers: list[str] = json.loads(dataset.attrs["layers"])[model]
    return layers


def panels(n_rows: int, n_columns: int, width: float, height: float) -> tuple[Figure, Any]:
    """A figure of equal panels, sized in inches, and its axes by (row, column).

    Where the rows are higher than a page, each becomes lower, down to half its height.
    """
    room = (PAGE_HIGH - 0.6) / n_rows
    return plt.subplots(
        n_rows,
        n_columns,
        figsize=(
            _width.get() or width * n_columns + 1.2,
            min(height, max(room, height / 2)) * n_rows + 0.6,
        ),
        squeeze=False,
        layout="constrained",
    )


class LayerPanel(NamedTuple):
    """A panel of one layer, and where it stands."""

    panel: Axes
    model: str
    layer: str
    column: int
    is_last: bool
    is_leftmost: bool


def panels_of_layers(
    cells: xr.Dataset, width: float, height: float
) -> tuple[Figure, Any, list[LayerPanel]]:
    """A figure with one row per layer and one column per model, its axes, and the panels in use.

    The last layer of a model has nothing below it; a panel is the leftmost of its row if no model
    before it has so many layers.
    """
    layers = {str(model): layers_of(cells, str(model)) for model in cells["model"].to_numpy()}
    figure, axes = panels(max(map(len, layers.values())), len(layers), width, height)
    found = []
    for column, (model, names) in enumerate(layers.items()):
        before = [len(other) for other in list(layers.values())[:column]]
        for row, panel in enumerate(axes[:, column]):
            if row >= len(names):
                panel.set_axis_off()
                continue
            is_leftmost = all(row >= count for count in before)
            last = row == len(names) - 1
            found.append(LayerPanel(panel, model, names[row], column, last, is_leftmost))
    return figure, axes, found


def folded(text: str, inches: float, size: float) -> str:
    """A text broken into lines of at most that length; the size of the font in points."""
    letters = max(8, int(inches * 72 / (LETTER * size)))
    lines = [fill(line, letters, break_on_hyphens=False) for line in text.splitlines()]
    return "\n".join(lines)


def _beside(panel: Axes) -> tuple[float, int]:
    """Width of the figure in inches, and how many panels lie side by side."""
    figure = cast(Figure, panel.get_figure(root=True))
    grid = cast(GridSpec, panel.get_gridspec())
    return figure.get_figwidth(), grid.ncols


def _room(panel: Axes) -> float:
    """Inches for a text above or below a panel; between others, a fifth goes to their labels."""
    inches, columns = _beside(panel)
    return inches if columns == 1 else 0.8 * inches / columns


def title(panel: Axes, text: str, size: float | None = None) -> None:
    """A title in lines that fit the panel; the size in points, or that of the style."""
    size = size or mpl.rcParams["axes.titlesize"]
    panel.set_title(folded(text, _room(panel), size), fontsize=size)


def x_label(panel: Axes, text: str) -> None:
    """What the horizontal axis is, in lines that fit the panel."""
    panel.set_xlabel(folded(text, _room(panel), mpl.rcParams["font.size"]))


def footer(figure: Figure, text: str) -> None:
    """How to read a figure, below it, in lines that fit its width."""
    size = 7
    figure.supxlabel(folded(text, figure.get_figwidth(), size), fontsize=size)


def legend_above(
    figure: Figure, handles: Sequence[Any], labels: Sequence[str], title: str | None = None
) -> None:
    """One legend for all panels, in as many columns as fit."""
    letters = max(map(len, labels), default=0)
    inches = (LETTER * letters + 5) * mpl.rcParams["legend.fontsize"] / 72
    columns = max(1, min(len(labels), int(figure.get_figwidth() / inches)))
    figure.legend(handles, labels, title=title, loc="outside upper center", ncols=columns)


def legend_below(panel: Axes, inches: float = 0.5) -> None:
    """The legend of one panel below the labels of its axis, clear of its lines."""
    figure = cast(Figure, panel.get_figure(root=True))
    lower = ScaledTranslation(0, -inches, figure.dpi_scale_trans)
    panel.legend(
        ncols=2,
        handlelength=1.2,
        columnspacing=0.8,
        loc="upper center",
        bbox_to_anchor=(0.5, 0),
        bbox_transform=panel.transAxes + lower,
    )


def save(figure: Figure, paths: Sequence[Path]) -> None:
    """Write a figure to each path, in the format of its suffix; it appears when complete.

    Ticks depend on the style when they are laid out, fonts on the style when they are written.
    """
    with plt.rc_context(STYLE):
        engine = figure.get_layout_engine()
        if engine is not None:
            # Once, for all formats; with an engine each format would be drawn twice.
            engine.execute(figure)
            figure.set_layout_engine(None)
        for path in paths:
            kind = path.suffix.removeprefix(".")
            with replacing(path) as partial:
                figure.savefig(partial, format=kind, metadata=UNDATED.get(kind, {}))
    plt.close(figure)


@dataclass(frozen=True)
class Drawing:
    """A figure to be drawn, and the files to write it to."""

    draw: Callable[[], Figure]
    paths: Sequence[Path]

    def __call__(self) -> None:
        """Draw and write it."""
        save(self.draw(), self.paths)


def save_all(drawings: Sequence[Drawing], workers: int) -> None:
    """Draw and write figures in several processes, which start with all modules loaded."""
    if workers == 1:
        for drawing in drawings:
            drawing()
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for done in [pool.submit(drawing) for drawing in drawings]:
            done.result()
