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
    READERS,
    USED,
    Cell,
    Shares,
    held_sentence,
    removal_mode,
    short,
    used_sentence,
    verdicts,
)

# Fractions of a colour scale beyond which text is inverted, in the light and in the dark scheme, as
# in heat.js.
STRONG = {"amount": (0.83, 0.54), "up": (0.96, 0.57)}
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
        `mode`; `chance`: whether nothing in the study is better than chance; `models`, each with
        `name`, `chance`, `sentences` and `strips`: `title`, `kind` and `rows`.
    """
    mode = removal_mode(results.config["modes"])
    bands = [str(band) for band in results.interventions["band"].to_numpy()]
    found = verdicts(
        results.interventions, results.spectra, results.flags, results.layers, mode, results.level
    )
    most = max((np.nanmax(one.values, initial=0.0) for v in found for one in v.held), default=0.0)
    drops = [c.drop for v in found for cells in v.used.values() for c in cells if _counts(c)]
    largest = max(drops, default=1.0)
    return {
        "mode": mode,
        "bands": bands,
        "chance": bool(found) and all(one.at_chance for one in found),
        "readers": [reader for reader in READERS if any(reader in one.used for one in found)],
        "models": [
            {
                "name": verdict.model,
                "chance": verdict.at_chance,
                "sentences": [
                    held_sentence(verdict, bands),
                    *(used_sentence(verdict, reader) for reader in verdict.used),
                ],
                "strips": [
                    {
                        "title": "holds: share of the energy, without DC",
                        "rows": [_held(one, bands, float(most)) for one in verdict.held],
                    },
                    *(
                        {
                            "title": f"uses: drop in accuracy, {reader} readout",
                            "rows": _used(cells, results.layers[verdict.model], largest),
                        }
                        for reader, cells in verdict.used.items()
                    ),
                ],
            }
            for verdict in found
        ],
    }


def _counts(cell: Cell) -> bool:
    return cell.state in (USED, LIKE_CONTROLS)


def _held(shares: Shares, bands: Sequence[str], most: float) -> dict[str, Any]:
    cells = []
    for band, value, low, high in zip(bands, shares.values, shares.low, shares.high, strict=True):
        if not np.isfinite(value):
            about = f"{shares.layer}, {band}: no bin but DC"
            cells.append({"kind": "absent", "text": "", "about": about, "part": 0.0})
            continue
        about = f"{shares.layer}, {band}: {value:.3f} ({low:.3f} to {high:.3f})"
        cells.append(_value(value / max(most, 1e-9), "amount", _brief(value), about))
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
        return _value(cell.drop / largest, "up", _brief(cell.drop), about)
    kinds = {
        LIKE_CONTROLS: "alike",
        NOT_SHOWN: "none",
        FIXED: "forced",
        ABSENT: "absent",
        AT_CHANCE: "chance",
    }
    text = _brief(cell.drop) if cell.state == LIKE_CONTROLS else ""
    return {"kind": kinds[cell.state], "text": text, "about": about, "part": 0.0}


def _value(part: float, hue: str, text: str, about: str) -> dict[str, Any]:
    light, dark = STRONG[hue]
    strong = (" strong-light" if part > light else "") + (" strong-dark" if part > dark else "")
    return {"kind": f"value {hue}{strong}", "text": text, "about": about, "part": round(part, 3)}


def _brief(value: float) -> str:
    """Two decimals without the zero before the point."""
    return short(value).replace("0.", ".", 1)
