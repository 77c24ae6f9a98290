"""The answer at the top of the page: sentences and strips, as plain data for the template."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bandprobe.report.context import Results
from bandprobe.summary.names import CONTROLS
from bandprobe.summary.verdict import (
    ABSENT,
    AT_CHANCE,
    FIXED,
    LIKE_CONTROLS,
    NOT_SHOWN,
    USED,
    Cell,
    Shares,
    removal_mode,
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

# Fractions of a colour scale beyond which text is inverted, in the light and in the dark scheme, as
# in heat.js.
STRONG = {"amount": (0.83, 0.54), "up": (0.96, 0.57)}
# Classes of the style sheet.
CLASSES = {
    USED: "used",
    LIKE_CONTROLS: "alike",
    NOT_SHOWN: "none",
    FIXED: "forced",
    ABSENT: "absent",
    AT_CHANCE: "chance",
}
WORDS = {
    USED: "used",
    LIKE_CONTROLS: "lost, but random masks may cost as much",
    NOT_SHOWN: "no loss shown",
    FIXED: "fixed by construction",
    ABSENT: "N/A: no bin in the band",
    AT_CHANCE: "the reader is not distinguishable from chance",
}


def answer(results: Results) -> dict[str, Any]:
    """What each network holds and uses, in words and as rows of coloured cells.

    Returns
    -------
    dict
        `mode`; `bands`; `chance`: whether nothing in the study is better than chance, and the
        `banner` that says so; `legend`: class and meaning of each kind of cell; `models`, each with
        `name`, `chance`, `sentences` and `strips`: `title` and `rows`.
    """
    mode = removal_mode(results.config["modes"])
    found = study_verdict(
        results.interventions, results.spectra, results.flags, mode, results.level
    )
    most, largest = found.largest_share, found.largest_drop
    return {
        "mode": mode,
        "bands": found.bands,
        "chance": found.at_chance,
        "banner": BANNER,
        "legend": [(CLASSES[state], text) for state, text in LEGEND.items()],
        "models": [
            {
                "name": verdict.model,
                "chance": verdict.at_chance,
                "sentences": sentences(verdict, found.bands),
                "strips": [
                    {
                        "title": HELD_TITLE,
                        "rows": [_held(one, found.bands, most) for one in verdict.held],
                    },
                    *(
                        {
                            "title": used_title(reader),
                            "rows": _used(cells, results.layers[verdict.model], largest),
                        }
                        for reader, cells in verdict.used.items()
                    ),
                ],
            }
            for verdict in found.models
        ],
    }


def _held(shares: Shares, bands: Sequence[str], most: float) -> dict[str, Any]:
    cells = []
    for band, value, low, high in zip(bands, shares.values, shares.low, shares.high, strict=True):
        if not np.isfinite(value):
            about = f"{shares.layer}, {band}: no bin but DC"
            cells.append({"kind": "absent", "text": "", "about": about, "part": 0.0})
            continue
        about = f"{shares.layer}, {band}: {value:.3f} ({low:.3f} to {high:.3f})"
        cells.append(_value(value / max(most, 1e-9), "amount", brief(value), about))
    return {"layer": shares.layer, "cells": cells}


def _used(cells: Sequence[Cell], layers: Sequence[str], largest: float) -> list[dict[str, Any]]:
    rows = []
    for layer in layers:
        shown = [_used_cell(cell, largest) for cell in cells if cell.layer == layer]
        rows.append({"layer": layer, "cells": shown})
    return rows


def _used_cell(cell: Cell, largest: float) -> dict[str, Any]:
    about = f"{cell.layer}, {cell.band}: {WORDS[cell.state]}"
    if np.isfinite(cell.drop) and cell.state not in (FIXED, ABSENT):
        about += f"; drop {cell.drop:.3f} ({cell.low:.3f} to {cell.high:.3f})"
    if cell.exceeds:
        about += f", more than {' and '.join(CONTROLS[name][1] for name in cell.exceeds)}"
    if cell.state == USED:
        if not cell.controlled:
            about += "; there are no random masks to compare it with"
        return _value(cell.drop / largest, "up", brief(cell.drop), about)
    text = brief(cell.drop) if cell.state == LIKE_CONTROLS else ""
    return {"kind": CLASSES[cell.state], "text": text, "about": about, "part": 0.0}


def _value(part: float, hue: str, text: str, about: str) -> dict[str, Any]:
    light, dark = STRONG[hue]
    strong = (" strong-light" if part > light else "") + (" strong-dark" if part > dark else "")
    return {"kind": f"value {hue}{strong}", "text": text, "about": about, "part": round(part, 3)}
