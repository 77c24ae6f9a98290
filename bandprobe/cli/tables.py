"""Results as tables for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bandprobe.scoring.flags import FLAG_MEANINGS, MISSING, STRUCTURAL
from bandprobe.summary.names import AXES, CONTROLS, EFFECTS, PLURALS

SHOWN_ALWAYS = ("top1_drop", "top5_drop", "rank_degradation")


def console() -> Console:
    """A console wide enough for a row of bands, also when the output goes to a file.

    Square brackets are shown: as markup a list of names would be lost.
    """
    terminal = Console(markup=False)
    return terminal if terminal.is_terminal else Console(width=120, markup=False)


def target_table(record: Mapping[str, Any], checks: Mapping[str, str]) -> Table:
    """One target's scores, and how they were checked."""
    names = [str(record[axis]) for axis in ("dataset", *AXES)]
    table = Table(title=" / ".join(names), show_header=False)
    table.add_column(justify="left")
    table.add_column(justify="left", overflow="fold")
    for name, text in [*_rows(record), *checks.items()]:
        table.add_row(name, text)
    return table


def _rows(record: Mapping[str, Any]) -> list[tuple[str, str]]:
    rows = [
        ("bins in the band", str(record["bins"])),
        ("images (groups)", f"{record['n_samples']} ({record['n_groups']})"),
        ("independent units", _units(record)),
        ("classes (chance)", f"{record['n_classes']} ({record['chance']:.3f})"),
        ("top-1, untouched map", _shown(record["clean_top1"], record["clean_top1_ci"])),
        ("top-1, changed map", _shown(record["top1"], record["top1_ci"])),
        ("ground-truth rank, untouched map", _shown(record["clean_rank"], None)),
        ("ground-truth rank, changed map", _shown(record["rank"], None)),
    ]
    scores = {name: quantity.label for name, quantity in EFFECTS.items()}
    for control, (_, masks) in CONTROLS.items():
        scores[f"{control}_top1_drop"] = f"{EFFECTS['top1_drop'].label}, {masks}"
    rows += [
        (text, _shown(record[name], record[f"{name}_ci"]))
        for name, text in scores.items()
        if name in SHOWN_ALWAYS or record[name] is not None
    ]
    rows += [
        (
            f"sign test over {PLURALS[record['unit']]}, p (uncorrected)",
            p_text(record["p_value"]),
        )
    ]
    flags = [("flag", f"{flag}: {FLAG_MEANINGS[flag]}") for flag in record["flags"]]
    return rows + (flags or [("flags", "none")])


def _units(record: Mapping[str, Any]) -> str:
    text = f"{record['n_units']} {PLURALS[record['unit']]}"
    if record["n_units_effective"] < record["n_units"] - 0.05:
        text += f", worth {record['n_units_effective']:.1f} of equal size"
    return text


def _shown(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "N/A"
    text = f"{value:.4f}"
    return text + (f"   interval {interval[0]:.4f} to {interval[1]:.4f}" if interval else "")


def p_text(value: float | None) -> str:
    """A p-value; a small one by its order of magnitude, never as zero."""
    if value is None:
        return "N/A"
    return f"{value:.4f}" if value >= 0.0001 else f"{value:.1e}"


def layer_table(
    title: str, bands: Sequence[str], rows: Mapping[str, Sequence[Mapping[str, Any]]], score: str
) -> Table:
    """An effect of one mode, layer by band; brackets where the interval includes zero."""
    table = Table(title=title)
    table.add_column("layer")
    table.add_column("clean top-1", justify="right")
    for band in bands:
        table.add_column(band, justify="right")
    for layer, records in rows.items():
        cells = [_cell(record, score) for record in records]
        table.add_row(layer, f"{records[0]['clean_top1']:.3f}", *cells)
    return table


def _cell(record: Mapping[str, Any], score: str) -> str:
    if any(flag in MISSING for flag in record["flags"]):
        return "N/A"
    if any(flag in STRUCTURAL for flag in record["flags"]):
        return "forced"
    text = f"{record[score]:+.3f}"
    low, high = record[f"{score}_ci"] or (0, 0)
    return f"({text})" if low <= 0 <= high else text
