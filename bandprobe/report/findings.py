"""The effects that pass, in numbers and words: intervals, controls, tests and sources."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.scoring.flags import (
    CONTROL_IS_BAND,
    DISAGREE,
    MISSING,
    NO_BETTER_THAN_CHANCE,
    STRUCTURAL,
)
from bandprobe.scoring.head_flags import PREFIX_BYPASS
from bandprobe.study.paths import Paths
from bandprobe.study.within import relative
from bandprobe.summary.names import AXES, CONTROLS

# With one of these a cell is not a finding, whatever its number.
NO_FINDING = (*STRUCTURAL, *MISSING, NO_BETTER_THAN_CHANCE, DISAGREE)
SCORE = "top1_drop"
FILLS = {"zero": "set to zero", "mean": "set to the training mean"}
ACTIONS = {
    "remove": "Removing {band} from {layer} of {model} ({fill})",
    "isolate": "Keeping only {band} in {layer} of {model} (the rest {fill})",
    "lowpass": "Keeping only {band} and all bands below in {layer} of {model} (the rest {fill})",
    "highpass": "Keeping only {band} and all bands above in {layer} of {model} (the rest {fill})",
    "resample": "Replacing {band} in {layer} of {model} by that of an image of another class",
    "phase": "Randomising the phases of {band} in {layer} of {model}",
    "noise": "Adding noise to {band} in {layer} of {model}",
}


@dataclass(frozen=True)
class Tally:
    """How many cells there are, and in how many the interval excludes zero."""

    cells: int
    away_from_zero: int

    @classmethod
    def of(cls, low: pd.Series, high: pd.Series) -> Tally:
        """Count the intervals."""
        return cls(len(low), int(excludes_zero(low, high).sum()))


@dataclass(frozen=True)
class Finding:
    """One effect.

    Attributes
    ----------
    cell : mapping
        Its name along each axis.
    value, low, high : float
        Drop of top-1 accuracy and its interval.
    clean, changed : float
        Accuracy on untouched and on changed maps.
    excess : mapping
        For each control that says something: value, lower and upper bound of the band's drop minus
        that of the masks.
    p_holm, p_levels : float
        Of the sign test, corrected.
    text, headline : str
        The sentences, and the first of them.
    figure, target : str
        Paths from the folder of the report; `figure` is empty where there is none.
    """

    cell: Mapping[str, str]
    value: float
    low: float
    high: float
    clean: float
    changed: float
    excess: Mapping[str, tuple[float, float, float]]
    p_holm: float
    p_levels: float
    text: str
    headline: str
    figure: str
    target: str


def number(value: float) -> str:
    """Three decimals, or two significant digits of a smaller number."""
    if not np.isfinite(value):
        return "N/A"
    return f"{value:.3f}" if value == 0 or abs(value) >= 5e-4 else f"{value:.2g}"


def span(low: float, high: float) -> str:
    """An interval in words."""
    return f"{number(low)} to {number(high)}"


def excludes_zero(low: pd.Series, high: pd.Series) -> pd.Series:
    """Whether each interval exists and excludes zero."""
    return (low > 0) | (high < 0)


def cell_table(interventions: xr.Dataset) -> pd.DataFrame:
    """One row per target that exists, with the columns of `summary/interventions.csv`."""
    table = interventions.to_dataframe().reset_index()
    cells: pd.DataFrame = table[table["structural"].notna()].reset_index(drop=True)
    return cells


def cell_keys(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Name of each row along all axes."""
    return list(zip(*(table[axis].astype(str) for axis in AXES), strict=True))


def flags_by_cell(flags: pd.DataFrame) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Flags of each target that has any, by its name along all axes."""
    by_cell: dict[tuple[str, ...], tuple[str, ...]] = {}
    for key, flag in zip(cell_keys(flags), flags["flag"], strict=True):
        by_cell[key] = (*by_cell.get(key, ()), str(flag))
    return by_cell


def candidates(interventions: xr.Dataset, flags: pd.DataFrame) -> pd.DataFrame:
    """Targets that may be findings: with a number that is not forced, of a readout above chance.

    Parameters
    ----------
    interventions : xr.Dataset
    flags : pd.DataFrame
        One row per flag, with the names along all axes.

    Returns
    -------
    pd.DataFrame
        The columns of the summary, and `flags`: all flags of a target, separated by spaces.
    """
    table = cell_table(interventions)
    table = table[(table["structural"] == 0) & table[SCORE].notna()]
    by_cell = flags_by_cell(flags)
    cell_flags = [by_cell.get(key, ()) for key in cell_keys(table)]
    table = table.assign(flags=[" ".join(names) for names in cell_flags])
    is_able = np.array([not set(names) & set(NO_FINDING) for names in cell_flags], bool)
    able: pd.DataFrame = table[is_able]
    return able


def mode_counts(
    interventions: xr.Dataset,
    flags: pd.DataFrame,
    modes: Iterable[str],
    level: float,
) -> list[dict[str, Any]]:
    """How many targets could show an effect under each mode, and how many do.

    Returns
    -------
    list of dict
        `mode`; `cells`, `effects` (the interval excludes zero), `holm` (of these, the test passes
        too); `unseen`: the drop that would have been found where the interval includes zero.
    """
    table = candidates(interventions, flags)
    by_mode = []
    for mode in modes:
        rows = table[table["mode"] == mode]
        shown = excludes_zero(rows[f"{SCORE}_low"], rows[f"{SCORE}_high"])
        by_mode.append(
            {
                "mode": mode,
                "cells": len(rows),
                "effects": int(shown.sum()),
                "holm": int((rows[shown]["p_holm"] < 1 - level).sum()),
                "unseen": number(float(rows[~shown]["detectable_drop"].median())),
            }
        )
    return by_mode


def passing(
    interventions: xr.Dataset,
    flags: pd.DataFrame,
    modes: Mapping[str, Mapping[str, Any]],
    *,
    level: float,
    figures: Sequence[str],
) -> list[Finding]:
    """Effects that pass the test corrected over all targets (Holm), the largest first.

    Parameters
    ----------
    interventions, flags
    modes : mapping
        Resolved specifications by name.
    level : float
        Of the intervals.
    figures : sequence of str
        Names of the figures that there are.
    """
    table = candidates(interventions, flags)
    shown = excludes_zero(table[f"{SCORE}_low"], table[f"{SCORE}_high"])
    rows = table[shown & (table["p_holm"] < 1 - level)]
    order = rows[SCORE].abs().sort_values(ascending=False, kind="stable").index
    return [
        _finding(row, modes[row["mode"]], level, figures) for _, row in rows.loc[order].iterrows()
    ]


def model_lines(
    findings: Sequence[Finding], models: Iterable[str], lowest: str
) -> list[dict[str, Any]]:
    """For each model how many effects there are, and the largest outside the lowest band.

    The lowest band contains DC, whose loss is the largest almost always.
    """
    lines = []
    for model in models:
        own = [one for one in findings if one.cell["model"] == model]
        outside = [one for one in own if one.cell["band"] != lowest]
        lines.append(
            {"model": model, "count": len(own), "largest": next(iter([*outside, *own]), None)}
        )
    return lines


def _finding(
    row: pd.Series, spec: Mapping[str, Any], level: float, figures: Sequence[str]
) -> Finding:
    cell = {axis: str(row[axis]) for axis in AXES}
    figure = f"{SCORE}_{cell['readout']}"
    value, low, high = (float(row[f"{SCORE}{end}"]) for end in ("", "_low", "_high"))
    sentences = _sentences(row, cell, spec, level)
    return Finding(
        cell=cell,
        value=value,
        low=low,
        high=high,
        clean=float(row["clean_top1"]),
        changed=float(row["top1"]),
        excess=_excess(row),
        p_holm=float(row["p_holm"]),
        p_levels=float(row["p_levels"]),
        text=" ".join(sentences),
        headline=sentences[0],
        figure=relative(Paths.FIGURE, figure=figure, suffix="svg") if figure in figures else "",
        target=relative(Paths.TARGET, **cell),
    )


def _excess(row: pd.Series) -> dict[str, tuple[float, float, float]]:
    """Of each control that says something of a target."""
    if CONTROL_IS_BAND in row["flags"].split():
        return {}
    found = {}
    for name in CONTROLS:
        field = f"{name}_{SCORE}_excess"
        if np.isfinite(row[f"{field}_low"]):
            found[name] = (
                float(row[field]),
                float(row[f"{field}_low"]),
                float(row[f"{field}_high"]),
            )
    return found


def _sentences(
    row: pd.Series, cell: Mapping[str, str], spec: Mapping[str, Any], level: float
) -> list[str]:
    fill = str(spec.get("fill", "zero"))
    action = ACTIONS[spec["kind"]].format(**cell, fill=FILLS[fill])
    value, low, high = (float(row[f"{SCORE}{end}"]) for end in ("", "_low", "_high"))
    sentences = [
        f"{action}: top-1 accuracy of the {cell['readout']} readout "
        f"{_change(value, low, high, level)}, from {number(float(row['clean_top1']))} to "
        f"{number(float(row['top1']))}."
    ]
    sentences += [_control(row, name, CONTROLS[name][1]) for name in _excess(row)]
    sentences.append(
        f"Sign test, corrected (Holm): p = {row['p_holm']:.2g}. In levels: "
        f"p = {row['p_levels']:.2g}."
    )
    if PREFIX_BYPASS in row["flags"].split():
        sentences.append("Prefix tokens were kept, so this is a lower bound.")
    return sentences


def _change(value: float, low: float, high: float, level: float) -> str:
    verb = "falls by" if value >= 0 else "rises by"
    low, high = (low, high) if value >= 0 else (-high, -low)
    return f"{verb} {number(abs(value))} ({100 * level:g} % interval {span(low, high)})"


def _control(row: pd.Series, name: str, masks: str) -> str:
    field = f"{name}_{SCORE}"
    drop, drop_low, drop_high = (float(row[f"{field}{end}"]) for end in ("", "_low", "_high"))
    more, low, high = (float(row[f"{field}_excess{end}"]) for end in ("", "_low", "_high"))
    text = f"For {masks} the drop is {number(drop)} ({span(drop_low, drop_high)}); the difference, "
    text += f"band minus masks, is {number(more)} ({span(low, high)})"
    if low == high == 0:
        return text + ": the readout cannot tell them apart, so they are not a control here."
    return text + (", which includes zero." if low <= 0 <= high else ".")
