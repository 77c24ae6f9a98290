"""Heat maps side by side: one block per readout or mode, with the layers of all models.

All cells are of one size, whatever the number of layers of a model, and at the size of print no
number is smaller than 6 points. Lengths are in inches.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bandprobe.figures.drawing import LETTER, STYLE, folded, layers_of, width_of_page
from bandprobe.figures.entry import COLUMNS, PAGE_HIGH
from bandprobe.figures.palette import effect_scale, text_on

SMALLEST = 6.0
NAMES = 6.5
# Six characters of the smallest font, of digits and brackets.
CELL_WIDTH = 6 * 0.5 * SMALLEST / 72
CELL_HEIGHT, LEAST_HEIGHT = 0.19, 1.35 * SMALLEST / 72
# Of cells where a figure is as wide as it needs.
WIDEST = 0.42
GAP, MARGIN, RIGHT = 0.14, 0.06, 0.12
LINE = 1.3 * NAMES / 72
HEADING, MODEL = 0.34, 0.17
BAR, BAR_WIDTH, LABEL = 0.36, 2.6, 0.16
NOTHING = "Every value is fixed by construction, or does not exist: there is nothing to draw."
HOW = (
    "In brackets: the interval includes zero.  ////: no result (N/A), as in a band without bins.  "
    "....: fixed by construction.  summary/flags.csv says why."
)


@dataclass(frozen=True)
class Block:
    """One heat map over (model, layer, band), with a heading and a line below it."""

    heading: str
    caption: str
    cells: xr.Dataset


@dataclass(frozen=True)
class Plan:
    """Where everything lies: cells, blocks per row with their size, and the size of the figure."""

    width: float
    height: float
    left: float
    cell: tuple[float, float]
    across: int
    last: int
    share: bool
    block: float
    below: float


def has_findings(cells: xr.Dataset, score: str) -> bool:
    """Whether any cell has a value that is not fixed by construction."""
    known = cells[score].notnull() & (cells["structural"] != 1)
    return bool(known.any())


def heat_blocks(
    blocks: Sequence[Block], score: str, label: str, *, how: str = HOW, one_scale: bool = True
) -> Figure:
    """Blocks with a number in each cell; those whose values are all fixed are not drawn.

    Parameters
    ----------
    blocks : sequence of Block
        Their data sets have `score` with its bounds, `structural`, and the attribute `layers`.
    score : str
    label : str
        What the colours show.
    how : str
        How to read it, below the figure.
    one_scale : bool
        Whether all blocks share their colours; if not, each has a bar of its own.
    """
    shown = [block for block in blocks if has_findings(block.cells, score)]
    left_out = [block.heading for block in blocks if block not in shown]
    with plt.rc_context(STYLE):
        if not shown:
            return _only_text(f"{label} ({', '.join(left_out)}): {NOTHING}")
        if left_out:
            how += f"  Not drawn, since all is fixed by construction: {', '.join(left_out)}."
        if not one_scale:
            how = f"Colours: {label}, on a scale of each block.  {how}"
        models = _models(shown, score)
        rows = sum(len(layers_of(shown[0].cells, model)) for model in models)
        plan = _plan(shown, models, rows, one_scale=one_scale, how=how)
        figure = plt.figure(figsize=(plan.width, plan.height))
        ranges = [_range(block.cells, score) for block in shown]
        whole = (min(low for low, _ in ranges), max(high for _, high in ranges))
        for number, block in enumerate(shown):
            scale = effect_scale(*(whole if one_scale else ranges[number]))
            _draw_block(figure, plan, number, block, models, score, scale)
            if not one_scale:
                left, top = _corner(plan, number)
                bottom = top - plan.below + GAP + BAR
                _bar(figure, scale, left, bottom, plan.block)
        line = _foot(figure, plan, how)
        if one_scale:
            _text(figure, plan.left, line + BAR + LABEL, label, size=7)
            width = min(BAR_WIDTH, plan.width - plan.left - RIGHT)
            _bar(figure, effect_scale(*whole), plan.left, line + BAR, width)
    return figure


def _models(blocks: Sequence[Block], score: str) -> list[str]:
    """Models that have a value in any block."""
    names = [str(name) for name in blocks[0].cells["model"].to_numpy()]
    return [
        name
        for name in names
        if any(bool(block.cells[score].sel(model=name).notnull().any()) for block in blocks)
    ]


def _plan(
    blocks: Sequence[Block], models: Sequence[str], rows: int, *, one_scale: bool, how: str
) -> Plan:
    given = width_of_page()
    width = given or COLUMNS[2]
    layers = [layer for model in models for layer in layers_of(blocks[0].cells, model)]
    left = MARGIN + LETTER * NAMES / 72 * max(map(len, layers)) + 0.06
    room = width - left - RIGHT
    bands = blocks[0].cells.sizes["band"]
    across = int((room + GAP) / (bands * CELL_WIDTH + GAP))
    across = max(1, min(len(blocks), across))
    cell_width = (room - GAP * (across - 1)) / across / bands
    if given is None and cell_width > WIDEST:
        cell_width = WIDEST
        width = max(COLUMNS[1], left + RIGHT + across * (WIDEST * bands + GAP) - GAP)
    names = [str(name) for name in blocks[0].cells["band"].to_numpy()]
    labels = 0.75 * LETTER * NAMES / 72 * max(map(len, names)) + 0.12
    bar = 0.0 if one_scale else BAR
    # Below each other, blocks share the names of the bands.
    share = across == 1 and one_scale
    fixed = HEADING + MODEL * len(models) + (0.0 if share else labels) + bar + GAP
    foot = _foot_height(how, width) + (BAR + LABEL if one_scale else 0.0) + 2 * MARGIN
    foot += labels if share else 0.0
    deep = -(-len(blocks) // across)
    cell_height = (PAGE_HIGH - foot - deep * fixed) / (deep * rows)
    cell_height = min(CELL_HEIGHT, max(LEAST_HEIGHT, cell_height))
    below = fixed + rows * cell_height
    return Plan(
        width,
        deep * below + foot,
        left,
        (cell_width, cell_height),
        across,
        len(blocks) - 1,
        share,
        bands * cell_width,
        below,
    )


def _corner(plan: Plan, number: int) -> tuple[float, float]:
    """Left and upper end of a block."""
    row, column = divmod(number, plan.across)
    return plan.left + column * (plan.block + GAP), plan.height - MARGIN - row * plan.below


def _draw_block(
    figure: Figure,
    plan: Plan,
    number: int,
    block: Block,
    models: Sequence[str],
    score: str,
    scale: tuple[Any, Normalize],
) -> None:
    left, top = _corner(plan, number)
    first = number % plan.across == 0
    _text(figure, left, top, block.heading, size=8, weight="bold")
    _text(figure, left, top - 0.16, block.caption, size=NAMES, color="0.3")
    top -= HEADING
    for model in models:
        layers = layers_of(block.cells, model)
        top -= MODEL
        cells = block.cells.sel(model=model, layer=layers)
        nothing = "" if bool(cells[score].notnull().any()) else ": no result"
        _text(figure, left, top + 0.025, model + nothing, size=7, color="0.2", va="bottom")
        height = plan.cell[1] * len(layers)
        if nothing:
            top -= height
            continue
        box = (left, top - height, plan.block, height)
        panel = _panel(figure, *box)
        numbers = plan.cell[0] >= CELL_WIDTH - 1e-9
        heat(panel, cells, score, scale, numbers=numbers)
        if not first:
            panel.set_yticks([])
        if model != models[-1] or (plan.share and number != plan.last):
            panel.set_xticks([])
        top -= height


def _range(cells: xr.Dataset, score: str) -> tuple[float, float]:
    """Smallest and largest value that is not fixed by construction."""
    values = cells[score].where(cells["structural"] != 1).to_numpy()
    return float(np.nanmin(values)), float(np.nanmax(values))


def _text(figure: Figure, left: float, top: float, text: str, *, size: float, **more: Any) -> None:
    width, height = figure.get_size_inches()
    figure.text(left / width, top / height, text, fontsize=size, **{"va": "top"} | more)


def _panel(figure: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    x, y = figure.get_size_inches()
    return figure.add_axes((left / x, bottom / y, width / x, height / y))


def _bar(
    figure: Figure, scale: tuple[Any, Normalize], left: float, top: float, width: float
) -> None:
    """A colour bar of the range that is used."""
    colours, norm = scale
    low, high = float(norm.vmin or 0), float(norm.vmax or 0)
    panel = _panel(figure, left, top - 0.1, width, 0.09)
    panel.imshow(
        np.linspace(low, high, 256)[None],
        cmap=colours,
        norm=norm,
        aspect="auto",
        extent=(low, high, 0, 1),
    )
    panel.set_yticks([])
    panel.locator_params(axis="x", nbins=5)
    panel.tick_params(labelsize=NAMES, length=2, pad=1)
    panel.spines[:].set_visible(False)


def _foot_height(how: str, width: float) -> float:
    return LINE * len(folded(how, width - 2 * MARGIN, NAMES).splitlines()) + 0.08


def _foot(figure: Figure, plan: Plan, how: str) -> float:
    """How to read the figure, at its bottom; return the height of its upper end."""
    height = _foot_height(how, plan.width)
    text = folded(how, plan.width - 2 * MARGIN, NAMES)
    _text(figure, MARGIN, height + MARGIN - 0.04, text, size=NAMES, color="0.2")
    return height + MARGIN


def _only_text(text: str) -> Figure:
    width = width_of_page() or COLUMNS[2]
    lines = folded(text, width - 2 * MARGIN, 8)
    figure = plt.figure(figsize=(width, 0.3 + 0.15 * len(lines.splitlines())))
    _text(figure, MARGIN, figure.get_figheight() - 0.12, lines, size=8)
    return figure


def heat(
    panel: Axes, cells: xr.Dataset, score: str, scale: tuple[Any, Normalize], *, numbers: bool
) -> None:
    """One heat map, layer by band, with its numbers; fixed and missing cells are hatched."""
    colours, norm = scale
    layers, bands = cells["layer"].to_numpy(), cells["band"].to_numpy()
    values = cells[score].transpose("layer", "band").to_numpy()
    low, high = (
        cells[f"{score}_{end}"].transpose("layer", "band").to_numpy() for end in ("low", "high")
    )
    forced = cells["structural"].transpose("layer", "band").to_numpy() == 1
    missing = np.isnan(values)
    panel.imshow(values, cmap=colours, norm=norm, aspect="auto")
    limit = max(abs(float(norm.vmin or 0)), abs(float(norm.vmax or 0)))
    for row, column in np.ndindex(values.shape):
        if missing[row, column] or forced[row, column]:
            _hatch(panel, row, column, "////" if missing[row, column] else "....")
            continue
        if not numbers:
            continue
        value = float(values[row, column])
        includes_zero = low[row, column] <= 0 <= high[row, column]
        text = short(value, limit)
        panel.text(
            column,
            row,
            f"({text})" if includes_zero else text,
            ha="center",
            va="center_baseline",
            fontsize=SMALLEST,
            color=text_on(colours(norm(value))),
            # The text lies inside its panel; measuring thousands of them would take seconds.
            in_layout=False,
        )
    panel.set_xticks(range(len(bands)), bands, rotation=45, ha="right", fontsize=NAMES)
    panel.set_yticks(range(len(layers)), layers, fontsize=NAMES)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0, pad=2)


def _hatch(panel: Axes, row: int, column: int, hatch: str) -> None:
    corner = (column - 0.5, row - 0.5)
    panel.add_patch(Rectangle(corner, 1, 1, fc="0.93", ec="0.6", hatch=hatch, lw=0))


def short(value: float, limit: float) -> str:
    """A value in at most four characters and a sign: `-.12`, `1.30`, `12.5`."""
    text = f"{value:.2f}" if limit < 5 else f"{value:.1f}"
    if not float(text):
        return "0"
    return text.replace("0.", ".", 1) if abs(value) < 1 else text
