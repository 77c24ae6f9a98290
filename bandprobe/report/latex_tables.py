"""The effects of a readout under a mode as a LaTeX table, with intervals, marks and a caption."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.errors import BandprobeError
from bandprobe.summary.names import PLURALS
from bandprobe.summary.verdict import ABSENT, AT_CHANCE, FIXED, LIKE_CONTROLS, USED, Cell, cells_of

# Characters that LaTeX reads as commands, and those that a font without them would leave out.
ESCAPES = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    # At the beginning of a row, these would belong to the end of the row before.
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
}
SPECIAL = re.compile("|".join(map(re.escape, ESCAPES)))
NOTHING, FIXED_MARK = "--", r"$\circ$"
PASSES, EXCEEDS, CHANCE = r"^{*}", r"^{*\dagger}", r"$^{c}$"
# Layers on a page, each in two lines, beside a long caption.
MOST_LAYERS = 24
PACKAGES = (
    r"\usepackage[T1]{fontenc}",
    r"\usepackage[utf8]{inputenc}",
    r"\usepackage{textcomp}",
    r"\usepackage{booktabs}",
)


@dataclass(frozen=True)
class EffectTable:
    """What one table shows.

    Attributes
    ----------
    readout, mode : str
    bands : tuple of str
    cells : mapping of str to tuple of Cell
        By model, layer by layer, each with all bands.
    clean : mapping of (str, str) to tuple of float
        Of each model and layer: accuracy on untouched maps with its interval.
    """

    readout: str
    mode: str
    bands: tuple[str, ...]
    cells: Mapping[str, tuple[Cell, ...]]
    clean: Mapping[tuple[str, str], tuple[float, float, float]]


def effect_table(
    interventions: xr.Dataset,
    flags: pd.DataFrame,
    readout: str,
    mode: str,
    models: Sequence[str],
    level: float,
) -> EffectTable:
    """The table of a readout under a mode; models without any result are left out.

    Raises
    ------
    BandprobeError
        If none of the models has a result.
    """
    layers = json.loads(interventions.attrs["layers"])
    found = cells_of(
        interventions, flags, {name: layers[name] for name in models}, readout, mode, level
    )
    cells = {
        model: own for model, own in found.items() if any(np.isfinite(cell.drop) for cell in own)
    }
    if not cells:
        what = f"the readout {readout} has no result under {mode} for {', '.join(models)}"
        raise BandprobeError(what, hint="choose other models: --model")
    clean = {}
    for model in cells:
        for layer in layers[model]:
            part = interventions.sel(model=model, layer=layer, readout=readout)
            low, high = (float(part[f"clean_top1_{end}"]) for end in ("low", "high"))
            clean[model, layer] = (float(part["clean_top1"]), low, high)
    bands = tuple(map(str, interventions["band"].to_numpy()))
    return EffectTable(readout, mode, bands, cells, clean)


@dataclass(frozen=True)
class Setting:
    """What the captions say of a study.

    Attributes
    ----------
    dataset : str
    level : float
        Of intervals; tests are at one minus it.
    unit : str
        What counts as independent: a key of `bandprobe.summary.names.PLURALS`.
    """

    dataset: str
    level: float
    unit: str


def escaped(text: str) -> str:
    """A name as LaTeX prints it; other characters than ASCII are left to its input encoding."""
    return SPECIAL.sub(lambda found: ESCAPES[found[0]], text)


def document(tables: Sequence[EffectTable], setting: Setting) -> str:
    """A complete document with all tables, one on each page."""
    body = "\n\\clearpage\n".join(_all(tables, setting))
    margins = r"\usepackage[a4paper,margin=15mm]{geometry}"
    lines = [r"\documentclass{article}", *PACKAGES, margins, r"\begin{document}", body]
    return "\n".join([*lines, r"\end{document}", ""])


def fragment(tables: Sequence[EffectTable], setting: Setting) -> str:
    """All tables, to be read by an `input` command into a document that loads `PACKAGES`."""
    need = "\n".join(f"%   {line}" for line in PACKAGES)
    head = f"% Tables of bandprobe for \\input; the document needs\n{need}\n"
    return head + "\n".join(_all(tables, setting))


def _all(tables: Sequence[EffectTable], setting: Setting) -> list[str]:
    return [
        latex_table(part, setting, number)
        for table in tables
        for number, part in enumerate(page_parts(table))
    ]


def page_parts(table: EffectTable) -> list[EffectTable]:
    """A table in parts that fit a page each: LaTeX breaks no table."""
    rows = [
        (model, layer)
        for model, cells in table.cells.items()
        for layer in dict.fromkeys(cell.layer for cell in cells)
    ]
    parts = []
    for first in range(0, len(rows), MOST_LAYERS):
        chosen = rows[first : first + MOST_LAYERS]
        cells = {
            model: tuple(cell for cell in table.cells[model] if (model, cell.layer) in chosen)
            for model in dict.fromkeys(model for model, _ in chosen)
        }
        parts.append(replace(table, cells=cells))
    return parts


def latex_table(table: EffectTable, setting: Setting, number: int = 0) -> str:
    """One table: layers as rows, bands as columns; below each drop its interval.

    Parts of a table after the first, by their `number`, refer to its caption.
    """
    bands = [escaped(band) for band in table.bands]
    name = re.sub(r"[^A-Za-z0-9-]+", "-", f"{setting.dataset}-{table.readout}-{table.mode}")
    label = f"tab:{name}" + (f"-{number + 1}" if number else "")
    words = rf"Table~\ref{{tab:{name}}}, continued." if number else caption(table, setting)
    rows = []
    for model, cells in table.cells.items():
        rows.append(rf"\midrule \multicolumn{{{len(bands) + 2}}}{{l}}{{{escaped(model)}}} \\")
        for layer in dict.fromkeys(cell.layer for cell in cells):
            own = [cell for cell in cells if cell.layer == layer]
            rows += _rows(layer, own, table.clean[model, layer])
    return "\n".join(
        [
            r"\begin{table}[htbp]",
            r"\centering",
            r"\footnotesize",
            r"\setlength{\tabcolsep}{3pt}",
            rf"\caption{{{words}}}",
            rf"\label{{{label}}}",
            rf"\begin{{tabular}}{{l{'c' * (len(bands) + 1)}}}",
            r"\toprule",
            " & ".join(["layer", "clean", *bands]) + r" \\",
            *rows,
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
            "",
        ]
    )


def _rows(layer: str, cells: Sequence[Cell], clean: tuple[float, float, float]) -> list[str]:
    """Values of a layer, and their intervals in the row below."""
    at_chance = any(cell.state == AT_CHANCE for cell in cells)
    values = [escaped(layer), _number(clean[0]) + (CHANCE if at_chance else "")]
    spans = ["", _span(clean[1], clean[2])]
    for cell in cells:
        if cell.state in (ABSENT, FIXED):
            values.append(NOTHING if cell.state == ABSENT else FIXED_MARK)
            spans.append("")
            continue
        values.append(_number(cell.drop, MARKS.get(cell.state, "")))
        spans.append(_span(cell.low, cell.high))
    return [" & ".join(values) + r" \\[-2pt]", " & ".join(spans) + r" \\"]


# A band of DC alone has no random masks to exceed; the caption says so.
MARKS = {USED: EXCEEDS, LIKE_CONTROLS: PASSES}


def _number(value: float, mark: str = "") -> str:
    text = f"{value:.2f}".replace("-0.00", "0.00") if np.isfinite(value) else ""
    return f"${text}{mark}$" if text else NOTHING


def _span(low: float, high: float) -> str:
    if not (np.isfinite(low) and np.isfinite(high)):
        return ""
    return rf"{{\scriptsize [{_number(low)}, {_number(high)}]}}"


def caption(table: EffectTable, setting: Setting) -> str:
    """What is shown, and what was corrected and how."""
    percent, alpha = f"{100 * setting.level:g}", f"{1 - setting.level:.3g}"
    cells = [cell for part in table.cells.values() for cell in part]
    states = {cell.state for cell in cells}
    texts = [
        f"Drop in top-1 accuracy of the {escaped(table.readout)} readout when one band of one "
        f"layer is changed by the mode {escaped(table.mode)}; data set {escaped(setting.dataset)}.",
        "Clean: accuracy on untouched maps.",
        rf"In brackets: {percent}\,\% intervals, each for itself, over {PLURALS[setting.unit]}.",
        rf"$*$: the exact sign test over {PLURALS[setting.unit]} passes at {alpha}, corrected in "
        "levels for each model apart: Benjamini and Hochberg's procedure selects among the "
        "readouts of its layers by Simes' tests, then among the interventions within the selected "
        "ones (Benjamini and Bogomolov 2014); and the interval lies above zero.",
        r"$\dagger$: the drop also exceeds that of random masks outside the band, or the band is "
        "DC alone, for which there are none.",
    ]
    if AT_CHANCE in states:
        texts.append("$c$: the readout is not distinguishable from chance, so nothing is marked.")
    if FIXED in states:
        texts.append(rf"{FIXED_MARK}: fixed by construction.")
    if ABSENT in states:
        texts.append(f"{NOTHING}: no result, as in a band without bins.")
    return " ".join(texts)
