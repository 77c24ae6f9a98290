"""What is known of a study in words: a few sentences per network, and the legend of its cells."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bandprobe.summary.names import CONTROLS
from bandprobe.summary.verdict import (
    ABSENT,
    AT_CHANCE,
    FIXED,
    LIKE_CONTROLS,
    NOT_SHOWN,
    READERS,
    USED,
    Cell,
    ModelVerdict,
)

MASKS = "random masks "
# Effects of a reader that a sentence names one by one; of more, the largest and the range.
NAMED = 2
# What a page or a figure says above its cells if no reader of any layer is better than chance.
BANNER = (
    "Nothing here is better than chance.",
    "No linear readout of any layer tells the classes apart, so this study says nothing about "
    "which bands are used.",
)
LEGEND = {
    USED: "used: the loss of the band passes the test, corrected in levels, and exceeds that of "
    "random masks, if the band has any",
    LIKE_CONTROLS: "passes, but random masks may cost as much",
    NOT_SHOWN: "no loss shown: there may be a smaller one",
    FIXED: "fixed by construction",
    ABSENT: "N/A",
    AT_CHANCE: "readout at chance",
}
HELD_TITLE = "holds: share of the energy, without DC"


def used_title(reader: str) -> str:
    """What the cells of a reader show."""
    return f"uses: drop in accuracy, {reader} readout"


def sentences(verdict: ModelVerdict, bands: Sequence[str]) -> list[str]:
    """What a network holds, and what each of its readers uses."""
    return [
        held_sentence(verdict, bands),
        *(used_sentence(verdict, reader) for reader in verdict.used),
    ]


def short(value: float) -> str:
    """Two decimals."""
    return f"{value + 0.0:.2f}".replace("-0.00", "0.00")


def _with_interval(value: float, low: float, high: float) -> str:
    return f"{short(value)} ({short(low)} to {short(high)})"


def held_sentence(verdict: ModelVerdict, bands: Sequence[str]) -> str:
    """Which bands have at least half of the energy of the last layer, without DC."""
    last = verdict.held[-1]
    known = np.nan_to_num(np.array(last.values))
    if not known.sum():
        return f"{last.layer} has no energy but DC."
    order = np.argsort(-known, kind="stable")
    enough = int(np.searchsorted(known[order].cumsum(), 0.5 * known.sum())) + 1
    parts = [
        f"{bands[at]}: {_with_interval(last.values[at], last.low[at], last.high[at])}"
        for at in order[:enough]
    ]
    return f"Without DC, {last.layer} holds most of its energy in {_listed(parts)}."


def used_sentence(verdict: ModelVerdict, reader: str) -> str:
    """What a reader uses, with intervals, or that nothing is shown."""
    cells = verdict.used[reader]
    what = READERS[reader]
    tested = [cell for cell in cells if cell.state not in (ABSENT, FIXED)]
    if not tested:
        return f"For a linear reader of {what}, all values are missing or fixed by construction."
    above = [cell for cell in tested if cell.state != AT_CHANCE]
    if not above:
        return f"A linear reader of {what} is not distinguishable from chance in any layer."
    used = [cell for cell in above if cell.state == USED]
    alike = [cell for cell in above if cell.state == LIKE_CONTROLS]
    text = f"A linear reader of {what} "
    if used:
        return f"{text}uses {_listed(_effects(used, _dc_alone(verdict, cells)))}.{_alike(alike)}"
    return f"{text}is not shown to use any single band.{_alike(alike)}"


def _dc_alone(verdict: ModelVerdict, cells: Sequence[Cell]) -> set[tuple[str, str]]:
    """Layers and bands in which a band has DC and no other bin."""
    bands = list(dict.fromkeys(cell.band for cell in cells))
    alone = {
        (held.layer, band)
        for held in verdict.held
        for band, share in zip(bands, held.values, strict=True)
        if np.isnan(share)
    }
    return {(cell.layer, cell.band) for cell in cells if cell.state != ABSENT} & alone


def _effects(cells: Sequence[Cell], dc_alone: set[tuple[str, str]]) -> list[str]:
    """Each band with its drops."""
    texts = []
    for band in dict.fromkeys(cell.band for cell in cells):
        own = [cell for cell in cells if cell.band == band]
        alone = [cell.layer for cell in own if (cell.layer, band) in dc_alone]
        several = len(own) > NAMED
        texts += [_several(own, alone)] if several else [_one(cell, alone) for cell in own]
    return texts


def _one(cell: Cell, dc_alone: Sequence[str]) -> str:
    kinds = " or ".join(CONTROLS[name][1].removeprefix(MASKS) for name in cell.exceeds)
    compared = f", more than for {MASKS}{kinds}" if kinds else ""
    is_dc = _where_dc([cell.layer], dc_alone)
    return f"{cell.band} in {cell.layer}{is_dc} ({_fall(cell)}{compared})"


def _several(cells: Sequence[Cell], dc_alone: Sequence[str]) -> str:
    largest, last = max(cells, key=lambda cell: cell.drop), cells[-1]
    deepest = "" if last is largest else f"; in {last.layer}, the deepest of them, {_by(last)}"
    layers = [cell.layer for cell in cells]
    return (
        f"{last.band} in {_listed(layers)}{_where_dc(layers, dc_alone)} "
        f"({_fall(largest, f'most in {largest.layer}, ')}{deepest})"
    )


def _where_dc(layers: Sequence[str], dc_alone: Sequence[str]) -> str:
    """In which of some layers a band is DC alone: the means of the channels, and no pattern."""
    found = [layer for layer in layers if layer in dc_alone]
    if not found:
        return ""
    return (
        ", where it is DC alone" if len(found) == len(layers) else f", DC alone in {_listed(found)}"
    )


def _fall(cell: Cell, where: str = "") -> str:
    return f"without it, accuracy falls {where}{_by(cell)}"


def _by(cell: Cell) -> str:
    drop = _with_interval(cell.drop, cell.low, cell.high)
    return f"by {drop} from {short(cell.clean)}"


def _alike(cells: Sequence[Cell]) -> str:
    if not cells:
        return ""
    texts = [
        f"{cell.band} in {cell.layer} ({_with_interval(cell.drop, cell.low, cell.high)})"
        for cell in cells
    ]
    return f" The loss of {_listed(texts)} is not distinguishable from that by random masks."


def _listed(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    return f"{', '.join(texts[:-1])} and {texts[-1]}"


def brief(value: float) -> str:
    """Two decimals without the zero before the point, for a cell."""
    return short(value).replace("0.", ".", 1)
