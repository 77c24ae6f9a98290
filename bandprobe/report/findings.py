"""The largest effects as sentences, each with its interval, its controls and its sources."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

AXES = ("model", "layer", "readout", "mode", "band")
# With one of these a cell is no finding, whatever its number.
NO_FINDING = (*STRUCTURAL, *MISSING, NO_BETTER_THAN_CHANCE, DISAGREE)
SCORE = "top1_drop"
FILLS = {"zero": "leaving zero", "mean": "leaving its training mean"}
OTHERS = {"zero": "the others are zero", "mean": "the others are at their training mean"}
ACTIONS = {
    "remove": "Taking {band} out of {layer} of {model}, {fill}",
    "isolate": "Keeping {band} alone in {layer} of {model}, where {others}",
    "lowpass": "Keeping {band} and all below it in {layer} of {model}, where {others}",
    "highpass": "Keeping {band} and all above it in {layer} of {model}, where {others}",
    "resample": "Taking {band} of {layer} of {model} from an image of another class",
    "phase": "Turning the phases of {band} in {layer} of {model} at random",
    "noise": "Adding noise to {band} in {layer} of {model}",
}
CONTROLS = {
    "equal_bins": "random masks of as many bins",
    "equal_energy": "random masks of as much energy",
}


@dataclass(frozen=True)
class Tally:
    """How many cells there are, and in how many the interval does not hold zero."""

    cells: int
    away_from_zero: int

    @classmethod
    def of(cls, low: pd.Series, high: pd.Series) -> Tally:
        """Count intervals."""
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
    text : str
        The sentence.
    figure, target : str
        Paths from the folder of the report; `figure` is empty where there is none.
    """

    cell: Mapping[str, str]
    value: float
    low: float
    high: float
    text: str
    figure: str
    target: str


def number(value: float) -> str:
    """Three decimals, or two digits of what is smaller."""
    if not np.isfinite(value):
        return "N/A"
    return f"{value:.3f}" if value == 0 or abs(value) >= 5e-4 else f"{value:.2g}"


def span(low: float, high: float) -> str:
    """An interval in words."""
    return f"{number(low)} to {number(high)}"


def excludes_zero(low: pd.Series, high: pd.Series) -> pd.Series:
    """Whether each interval exists and does not hold zero."""
    return (low > 0) | (high < 0)


def cell_table(interventions: xr.Dataset) -> pd.DataFrame:
    """One row a target that exists, with the columns of `summary/interventions.csv`."""
    table = interventions.to_dataframe().reset_index()
    kept: pd.DataFrame = table[table["structural"].notna()].reset_index(drop=True)
    return kept


def cell_keys(table: pd.DataFrame) -> list[tuple[str, ...]]:
    """Name of each row along all axes."""
    return list(zip(*(table[axis].astype(str) for axis in AXES), strict=True))


def flags_by_cell(flags: pd.DataFrame) -> dict[tuple[str, ...], tuple[str, ...]]:
    """Flags of each target that has any, by its name along all axes."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    for key, flag in zip(cell_keys(flags), flags["flag"], strict=True):
        found[key] = (*found.get(key, ()), str(flag))
    return found


def candidates(interventions: xr.Dataset, flags: pd.DataFrame) -> pd.DataFrame:
    """Targets that may be findings: a number, not forced, of a readout above chance.

    Parameters
    ----------
    interventions : xr.Dataset
    flags : pd.DataFrame
        One row a flag, with the names along all axes.

    Returns
    -------
    pd.DataFrame
        The columns of the summary, and `flags`, those of each target in one text.
    """
    table = cell_table(interventions)
    table = table[(table["structural"] == 0) & table[SCORE].notna()]
    own = flags_by_cell(flags)
    found = [own.get(key, ()) for key in cell_keys(table)]
    table = table.assign(flags=[" ".join(one) for one in found])
    kept: pd.DataFrame = table[[not set(one) & set(NO_FINDING) for one in found]]
    return kept


def mode_findings(
    interventions: xr.Dataset,
    flags: pd.DataFrame,
    modes: Mapping[str, Mapping[str, Any]],
    *,
    level: float,
    figures: Sequence[str],
    count: int = 5,
) -> list[dict[str, Any]]:
    """For each mode how many cells show an effect, and the largest of them in sentences.

    Parameters
    ----------
    interventions, flags
    modes : mapping
        Resolved specifications by name.
    level : float
        Of the intervals.
    figures : sequence of str
        Names of the figures that there are.
    count : int
        How many sentences at most over all bands, and over all but the lowest, which holds the
        zero frequency. Each is the largest effect of another readout.
    """
    table = candidates(interventions, flags)
    lowest = str(interventions["band"].to_numpy()[0])
    found = []
    for mode, spec in modes.items():
        rows = table[table["mode"] == mode]
        shown = excludes_zero(rows[f"{SCORE}_low"], rows[f"{SCORE}_high"])
        effects = rows[shown]
        parts = {"over all bands": effects, f"outside {lowest}": effects[effects["band"] != lowest]}
        told: set[int] = set()
        groups = []
        for title, part in parts.items():
            picked = _largest(part[~part.index.isin(told)], count)
            told |= set(picked.index)
            findings = [_finding(row, spec, level, figures) for _, row in picked.iterrows()]
            if findings:
                groups.append({"title": title, "findings": findings})
        found.append(
            {
                "mode": mode,
                "cells": len(rows),
                "effects": len(effects),
                "holm": int((effects["p_holm"] < 1 - level).sum()),
                "groups": groups,
            }
        )
    return found


def _largest(effects: pd.DataFrame, count: int) -> pd.DataFrame:
    order = effects[SCORE].abs().sort_values(ascending=False, kind="stable").index
    ranked: pd.DataFrame = effects.loc[order].drop_duplicates("readout")
    return ranked.head(count)


def _finding(
    row: pd.Series, spec: Mapping[str, Any], level: float, figures: Sequence[str]
) -> Finding:
    cell = {axis: str(row[axis]) for axis in AXES}
    figure = f"{SCORE}_{cell['readout']}"
    value, low, high = (float(row[f"{SCORE}{end}"]) for end in ("", "_low", "_high"))
    return Finding(
        cell=cell,
        value=value,
        low=low,
        high=high,
        text=" ".join(_sentences(row, cell, spec, level)),
        figure=f"figures/{figure}.svg" if figure in figures else "",
        target=f"targets/{'/'.join(cell[axis] for axis in AXES)}.json",
    )


def _sentences(
    row: pd.Series, cell: Mapping[str, str], spec: Mapping[str, Any], level: float
) -> list[str]:
    fill = str(spec.get("fill", "zero"))
    action = ACTIONS[spec["kind"]].format(**cell, fill=FILLS[fill], others=OTHERS[fill])
    value, low, high = (float(row[f"{SCORE}{end}"]) for end in ("", "_low", "_high"))
    said = [
        f"{action}: top-1 accuracy of the {cell['readout']} readout "
        f"{_change(value, low, high, level)}, from {number(float(row['clean_top1']))} to "
        f"{number(float(row['top1']))}."
    ]
    for name, text in CONTROLS.items():
        if np.isfinite(row[f"{name}_{SCORE}_excess_low"]):
            if name == "equal_bins" and CONTROL_IS_BAND in row["flags"].split():
                continue
            said.append(_control(row, name, text))
    if np.isfinite(row["p_holm"]):
        weak = "" if row["p_holm"] < 1 - level else ", so among so many cells it may be chance"
        said.append(f"Sign test over groups, corrected (Holm): p = {row['p_holm']:.2g}{weak}.")
    if PREFIX_BYPASS in row["flags"].split():
        said.append("Prefix tokens were kept, so this is a lower bound.")
    return said


def _change(value: float, low: float, high: float, level: float) -> str:
    verb = "falls by" if value >= 0 else "rises by"
    low, high = (low, high) if value >= 0 else (-high, -low)
    return f"{verb} {number(abs(value))} ({100 * level:g} % interval {span(low, high)})"


def _control(row: pd.Series, name: str, text: str) -> str:
    drop = f"{name}_{SCORE}"
    own, own_low, own_high = (float(row[f"{drop}{end}"]) for end in ("", "_low", "_high"))
    more, low, high = (float(row[f"{drop}_excess{end}"]) for end in ("", "_low", "_high"))
    told = f"With {text} the drop is {number(own)} ({span(own_low, own_high)}); the band's minus "
    told += f"theirs is {number(more)} ({span(low, high)})"
    if low == high == 0:
        return told + ": the readout sees no difference, so they control nothing here."
    return told + (", which holds zero." if low <= 0 <= high else ".")
