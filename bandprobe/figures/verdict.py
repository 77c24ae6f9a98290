"""The answer of a study as a figure: its sentences, and what each layer holds and what is used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from bandprobe.figures.drawing import LETTER, STYLE, folded, save, width_of_page
from bandprobe.figures.entry import COLUMNS, PAGE_HIGH, Entry
from bandprobe.figures.palette import EFFECT, MANY, MIDDLE, MORE, text_on
from bandprobe.figures.sheet import Sheet, lines_height
from bandprobe.summary.verdict import (
    ABSENT,
    AT_CHANCE,
    FIXED,
    LIKE_CONTROLS,
    NOT_SHOWN,
    USED,
    Cell,
    ModelVerdict,
    Shares,
    StudyVerdict,
    study_verdict,
)
from bandprobe.summary.verdict_sentences import (
    BANNER,
    HELD_TITLE,
    LEGEND,
    brief,
    sentences,
    used_title,
)

NAMES, SMALLEST = 6.5, 6.0
# Lengths in inches. A number of four characters fits the narrowest cell.
MARGIN, GAP = 0.06, 0.16
LEAST_CELL, ROW, LEAST_ROW = 0.19, 0.19, 0.135
MODEL = 0.14
WIDE = 5.0
FRAME = "0.35"
# Bold letters are wider than others by so much.
BOLD = 1.1
Box = tuple[float, float, float, float]
AMOUNT = LinearSegmentedColormap.from_list("amount", [MIDDLE, MANY])
GREYS = LinearSegmentedColormap.from_list("greys", [MIDDLE, "#5a6069"])
# Cells without a number, as in the other figures of effects; those at chance are hatched otherwise.
PLAIN: Mapping[str, Mapping[str, Any]] = {
    NOT_SHOWN: {"fc": "0.95"},
    FIXED: {"fc": "0.93", "ec": "0.6", "hatch": "...."},
    ABSENT: {"fc": "0.93", "ec": "0.6", "hatch": "////"},
    AT_CHANCE: {"fc": "0.9", "ec": "0.75", "hatch": "xxxx"},
}


def draw_verdict_files(
    interventions: Path, spectra: Path, flags: Path, entry: Entry, outputs: Sequence[Path]
) -> None:
    """Read the summaries and flags of a study, and write the figure of an entry to files."""
    save(verdict(read_verdict(interventions, spectra, flags, entry)), outputs)


def read_verdict(
    interventions: Path,
    spectra: Path,
    flags: Path,
    entry: Entry,
    models: Sequence[str] | None = None,
) -> StudyVerdict:
    """What summaries and flags say of some models, or of all; mode and level are the entry's."""
    options = entry.options
    table = pd.read_csv(flags, dtype=str, keep_default_na=False)
    return study_verdict(
        xr.load_dataset(interventions),
        xr.load_dataset(spectra),
        table,
        options["mode"],
        options["level"],
        models,
    )


@dataclass(frozen=True)
class Grid:
    """Where the strips of all models lie, and what their lines end at.

    Attributes
    ----------
    edge, left : float
        Left end of the names, and of the cells.
    cell : tuple of float
        Width and height.
    across : int
        Strips side by side.
    strip : float
        Width of a strip.
    ends : tuple of float
        What the right end of a cell stands for: a share of the energy, and a drop.
    """

    edge: float
    left: float
    cell: tuple[float, float]
    across: int
    strip: float
    ends: tuple[float, float]

    def corner(self, number: int) -> float:
        """Left end of a strip."""
        return self.left + (number % self.across) * (self.strip + GAP)


def verdict(found: StudyVerdict) -> Figure:
    """Sentences and strips of all models, at the width of the page; at most as high as a page.

    Rows become lower where the page would be too small for them, down to the height of a number.
    """
    width = width_of_page() or COLUMNS[2]
    with plt.rc_context(STYLE):
        sheet = Sheet(width, PAGE_HIGH)
        end = draw_verdict(sheet, found, MARGIN, MARGIN, width - 2 * MARGIN, ROW)
        if end + MARGIN > PAGE_HIGH:
            plt.close(sheet.figure)
            sheet = Sheet(width, PAGE_HIGH)
            row = fitting_row(found, end - PAGE_HIGH, width - 2 * MARGIN)
            end = draw_verdict(sheet, found, MARGIN, MARGIN, width - 2 * MARGIN, row)
        sheet.cut(end + MARGIN)
    return sheet.figure


def fitting_row(found: StudyVerdict, excess: float, width: float) -> float:
    """Height of rows that saves as much as there is too much of, but at least that of a number."""
    grid = _grid(found, 0, width, ROW)
    deep = -(-(1 + len(found.readers)) // grid.across)
    rows = deep * sum(len(model.held) for model in found.models)
    return max(LEAST_ROW, ROW - (excess + 2 * MARGIN) / max(rows, 1))


def draw_verdict(
    sheet: Sheet, found: StudyVerdict, left: float, top: float, width: float, row: float
) -> float:
    """Draw sentences, strips and legend on a part of a sheet, and return where they end.

    Parameters
    ----------
    sheet : Sheet
    found : StudyVerdict
    left, top, width : float
        Of that part, in inches.
    row : float
        Height of a row of cells.
    """
    if found.at_chance:
        height = lines_height(_banner(width), 8) + 0.1
        sheet.box(left, top, width, height, fc="0.93", ec="0.5", lw=0.8)
        sheet.text(left + 0.06, top + 0.05, _banner(width), size=8, weight="bold")
        top += height + 0.08
    for model in found.models:
        top = sheet.text(left, top, model.model, size=7.5, weight="bold")
        for sentence in sentences(model, found.bands):
            top = sheet.paragraph(left, top, sentence, width, size=7 if width > WIDE else NAMES)
        top += 0.05
    grid = _grid(found, left, width, row)
    titles = [HELD_TITLE, *map(used_title, found.readers)]
    for first in range(0, len(titles), grid.across):
        shown = range(first, min(first + grid.across, len(titles)))
        texts = [folded(titles[number], grid.strip, NAMES * BOLD) for number in shown]
        top += max(lines_height(text, NAMES) for text in texts)
        for number, text in zip(shown, texts, strict=True):
            above = top - lines_height(text, NAMES)
            sheet.text(grid.corner(number), above, text, size=NAMES, weight="bold")
        for model in found.models:
            top = _model(sheet, found, model, grid, shown, top)
        top = _band_names(sheet, found.bands, grid, shown, top + 0.04)
    return _legend(sheet, found, grid, top + 0.04, width)


def _banner(width: float) -> str:
    return folded(" ".join(BANNER), width - 0.12, 8 * BOLD)


def _grid(found: StudyVerdict, left: float, width: float, row: float) -> Grid:
    names = [shares.layer for model in found.models for shares in model.held]
    label = LETTER * NAMES / 72 * max(map(len, names), default=1) + 0.08
    room, bands, strips = width - label, len(found.bands), 1 + len(found.readers)
    across = max(1, min(strips, int((room + GAP) / (bands * LEAST_CELL + GAP))))
    strip = (room - GAP * (across - 1)) / across
    highs = [high for model in found.models for shares in model.held for high in shares.high]
    passed = [
        cell.high
        for model in found.models
        for cells in model.used.values()
        for cell in cells
        if cell.state in (USED, LIKE_CONTROLS)
    ]
    ends = (float(np.nanmax(highs, initial=1e-9)), max(passed, default=1.0))
    return Grid(left, left + label, (strip / bands, row), across, strip, ends)


def _model(
    sheet: Sheet,
    found: StudyVerdict,
    model: ModelVerdict,
    grid: Grid,
    shown: Sequence[int],
    top: float,
) -> float:
    """Rows of one model of the strips that lie side by side."""
    sheet.text(grid.edge, top + MODEL, model.model, size=NAMES, va="bottom", color="0.3")
    top += MODEL
    width, height = grid.cell
    colours = GREYS if model.at_chance else AMOUNT
    for shares in model.held:
        where = {"ha": "right", "va": "center_baseline"}
        sheet.text(grid.left - 0.05, top + height / 2, shares.layer, size=NAMES, **where)
        for number in shown:
            boxes = [
                (grid.corner(number) + at * width, top, width, height)
                for at in range(len(found.bands))
            ]
            if number == 0:
                _held(sheet, boxes, shares, found.largest_share, grid.ends[0], colours)
            else:
                cells = model.used.get(found.readers[number - 1], ())
                own = [cell for cell in cells if cell.layer == shares.layer]
                for box, cell in zip(boxes, own, strict=False):
                    _used(sheet, box, cell, found.largest_drop, grid.ends[1])
        top += height
    return top


def _held(
    sheet: Sheet,
    boxes: Sequence[Box],
    shares: Shares,
    largest: float,
    end: float,
    colours: LinearSegmentedColormap,
) -> None:
    for box, value, low, high in zip(boxes, shares.values, shares.low, shares.high, strict=True):
        if np.isfinite(value):
            colour = colours(value / max(largest, 1e-9))
            _number(sheet, box, value, colour, "none")
            _interval(sheet, box, (value, low, high), end, text_on(colour))
        else:
            sheet.box(*_inner(box), **PLAIN[ABSENT])


def _used(sheet: Sheet, box: Box, cell: Cell, largest: float, end: float) -> None:
    ends = (cell.drop, cell.low, cell.high)
    if cell.state in (USED, LIKE_CONTROLS):
        used = cell.state == USED
        colour = EFFECT(0.5 + 0.5 * cell.drop / largest) if used else "white"
        _number(sheet, box, cell.drop, colour, "none" if used else FRAME)
        _interval(sheet, box, ends, end, text_on(colour))
        return
    sheet.box(*_inner(box), **PLAIN[cell.state])
    if cell.state == NOT_SHOWN:
        _interval(sheet, box, ends, end, "0.55", dot=False)


def _inner(box: Box) -> Box:
    left, top, width, height = box
    return left + 0.007, top + 0.007, width - 0.014, height - 0.014


def _number(sheet: Sheet, box: Box, value: float, colour: Any, frame: str) -> None:
    left, top, width, height = box
    sheet.box(*_inner(box), fc=colour, ec=frame, lw=0.7 if frame != "none" else 0)
    where = {"ha": "center", "va": "center_baseline", "color": text_on(colour)}
    sheet.text(left + width / 2, top + 0.42 * height, brief(value), size=SMALLEST, **where)


def _interval(
    sheet: Sheet,
    box: Box,
    ends: tuple[float, float, float],
    largest: float,
    ink: str,
    *,
    dot: bool = True,
) -> None:
    """An interval as a line, from zero at the left end of the cell to the largest at its right."""
    left, top, width, height = _inner(box)
    left, width = left + 0.01, width - 0.02
    places = [left + width * float(np.clip(end / largest, 0, 1)) for end in ends]
    level = top + 0.87 * height
    if places[2] > places[1]:
        sheet.line(places[1:], [level, level], color=ink)
    if dot:
        sheet.line(places[:1], [level], color=ink, marker="o", ms=1.8, mew=0)


def _band_names(
    sheet: Sheet, bands: Sequence[str], grid: Grid, shown: Sequence[int], top: float
) -> float:
    how: Any = {"rotation": 45, "rotation_mode": "anchor", "ha": "right", "va": "center"}
    for number in shown:
        for at, band in enumerate(bands):
            middle = grid.corner(number) + (at + 0.5) * grid.cell[0]
            sheet.text(middle + 0.03, top, band, size=NAMES, **how)
    return top + 0.72 * LETTER * NAMES / 72 * max(map(len, bands)) + 0.05


def _legend(sheet: Sheet, found: StudyVerdict, grid: Grid, top: float, width: float) -> float:
    """The kinds of cells that can be seen, and what their lines are."""
    cells = [cell for one in found.models for part in one.used.values() for cell in part]
    seen = {cell.state for cell in cells}
    held = [value for one in found.models for shares in one.held for value in shares.values]
    if not np.isfinite(held).all():
        seen.add(ABSENT)
    for state, text in LEGEND.items():
        if state not in seen:
            continue
        colour = {USED: MORE, LIKE_CONTROLS: "white"}.get(state)
        frame = FRAME if state == LIKE_CONTROLS else "none"
        look = {"fc": colour, "ec": frame, "lw": 0.7} if colour else PLAIN[state]
        sheet.box(*_inner((grid.edge, top, 0.24, 0.11)), **look)
        top = sheet.paragraph(grid.edge + 0.3, top, text, width - 0.3, size=SMALLEST)
    mode = f"Loss of a band: mode {found.mode}. " if found.mode else ""
    ends = f"from 0 to {brief(grid.ends[0])} of the energy"
    ends += f", and to {brief(grid.ends[1])} of the accuracy" if found.readers else ""
    how = (
        f"{mode}Lines in cells: intervals, {100 * found.level:g} %, {ends}. "
        "What is not shown may still be there."
    )
    return sheet.paragraph(grid.edge, top + 0.03, how, width, size=SMALLEST, color="0.2")
