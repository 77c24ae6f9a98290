"""How sure the largest drops are if other images had been drawn, as plain data for the template."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.report.findings import flags_by_cell, number, span
from bandprobe.scoring.flags import NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import AXES

# So many of the largest drops of each model have a row.
LARGEST = 6
# What a column shows: a quantity of the summary, or the ends of an interval.
Shown = str | tuple[str, str]
COLUMNS: Mapping[str, Shown] = {
    "drop": "top1_drop",
    "this split": ("interval_low", "interval_high"),
    "both draws": ("top1_drop_low", "top1_drop_high"),
    "error, training groups": "training_error",
    "error, evaluation groups": "evaluation_error",
    "share of training": "training_share",
}
OF_SPLITS: Mapping[str, Shown] = {
    "splits drawn anew": ("replicate_low", "replicate_high"),
    "noise ceiling": "noise_ceiling",
}
FLAGS = {
    "few_train_groups": "too few groups train for a part of the training groups",
    "few_eval_groups": "too few groups evaluate for a part of the evaluation groups",
    "shared_groups": "groups are on both sides, so the two draws are not independent",
}


def replicate_table(
    replicates: xr.Dataset | None, flags: pd.DataFrame, removal: str | None
) -> dict[str, Any] | None:
    """The largest drops of each model with what their variance is made of.

    Drops are those of bands above the lowest, under the mode that removes a band. Values that are
    fixed by construction, and readouts that are no better than chance, have no row.

    Parameters
    ----------
    replicates : Dataset, optional
        As of `bandprobe.summary.replicates.replicates_dataset`.
    flags : DataFrame
        One row per flag of a target, with its names along all axes.
    removal : str, optional
        The mode that the answer of the page is about; the first of the replicates, if they lack it.

    Returns
    -------
    dict or None
        `mode`; `count`: splits drawn anew; `columns`: headings of the numbers; `rows`, each with
        its names and `cells` of `text` and `value`; `readouts`; `flags`, each with its `meaning`
        and the `layers` that have it. None of a study without replicates.
    """
    if replicates is None:
        return None
    modes = list(map(str, replicates["mode"].to_numpy()))
    mode = removal if removal in modes else modes[0]
    count = replicates.sizes.get("replicate", 0)
    columns = {**COLUMNS, **(OF_SPLITS if count else {})}
    at_chance = {key for key, own in flags_by_cell(flags).items() if NO_BETTER_THAN_CHANCE in own}
    rows = [_row(cell, columns) for cell in largest_drops(replicates, mode, at_chance)]
    layers = json.loads(replicates.attrs["layers"])
    found = {
        flag: [
            f"{model} {layer}"
            for model, names in layers.items()
            for layer in names
            if float(replicates[flag].sel(model=model, layer=layer)) == 1
        ]
        for flag in FLAGS
    }
    return {
        "mode": mode,
        "count": count,
        "columns": list(columns),
        "rows": rows,
        "readouts": list(map(str, replicates["readout"].to_numpy())),
        "flags": [
            {"flag": flag, "meaning": FLAGS[flag], "layers": names}
            for flag, names in found.items()
            if names
        ],
    }


def largest_drops(
    replicates: xr.Dataset, mode: str, at_chance: Collection[tuple[str, ...]]
) -> list[dict[str, Any]]:
    """Cells of the largest drops of each model under a mode, the largest of a model first."""
    above = replicates.sel(mode=[mode]).isel(band=slice(1, None))
    cells = [name for name, values in above.data_vars.items() if values.dims == AXES]
    table = above[cells].to_dataframe().reset_index()
    table = table[(table["structural"] == 0) & (table["top1_drop"] > 0)]
    keys = zip(*(table[axis].astype(str) for axis in AXES), strict=True)
    table = table[np.array([key not in at_chance for key in keys], bool)]
    table = table.sort_values("top1_drop", ascending=False, kind="stable")
    rows = [
        row
        for model in map(str, replicates["model"].to_numpy())
        for row in table[table["model"] == model].head(LARGEST).to_dict("records")
    ]
    return [{str(name): value for name, value in row.items()} for row in rows]


def _row(drop: Mapping[str, Any], columns: Mapping[str, Shown]) -> dict[str, Any]:
    """Names of a row, and its numbers."""
    names = {axis: str(drop[axis]) for axis in AXES}
    return {**names, "cells": [_cell(drop, shown) for shown in columns.values()]}


def _cell(drop: Mapping[str, Any], shown: Shown) -> dict[str, Any]:
    """A number or an interval as text, and the value that it is sorted by."""
    first, *end = (shown,) if isinstance(shown, str) else shown
    value = float(drop[first])
    if not np.isfinite(value):
        return {"text": "N/A", "value": ""}
    return {"text": span(value, drop[end[0]]) if end else number(value), "value": value}
