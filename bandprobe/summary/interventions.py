"""All targets and all readouts of a data set as labelled arrays and tables."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.errors import StoreError
from bandprobe.scoring.flags import FLAG_MEANINGS, STRUCTURAL
from bandprobe.scoring.intervals import corrected
from bandprobe.scoring.records import CONTROL_NAMES, EFFECTS, control_fields
from bandprobe.summary.names import AXES, CLEAN, EFFECT_NAMES, VALUES
from bandprobe.summary.tables import ENDS, axis_labels, layer_order

CORRECTIONS = {
    "p_holm": ("holm", "p_value after Holm's correction over all cells of the study"),
    "p_bh": ("fdr_bh", "p_value after Benjamini and Hochberg's correction over all cells"),
}
WITH_INTERVAL = (*EFFECTS, *control_fields(), "clean_top1")


def _long_names() -> dict[str, tuple[str, str]]:
    facts = VALUES | EFFECT_NAMES | CLEAN
    facts |= {name: (text, "1") for name, (_, text) in CORRECTIONS.items()}
    for field in control_fields():
        control = next(name for name in CONTROL_NAMES.values() if field.startswith(name))
        effect = field.removeprefix(f"{control}_").removesuffix("_excess")
        text, unit = EFFECT_NAMES[effect]
        kind = f"random masks of {control.replace('_', ' ')}"
        more = f", band in excess of {kind}" if field.endswith("_excess") else f" by {kind}"
        facts[field] = (text + more, unit)
    facts["bins"] = ("full-plane bins in the band", "1")
    facts["structural"] = ("1 where the value is forced by construction", "1")
    return facts


def read_records(folder: Path, axes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every target of a study, in the order of its axes.

    Parameters
    ----------
    folder : Path
        Holds `<model>/<layer>/<readout>/<mode>/<band>.json`.
    axes : mapping
        `layers` (model to its layers), `readouts`, `modes` and `bands`; `heads`, if there are any,
        with the `models`, `readouts` and `modes` that they have.

    Raises
    ------
    StoreError
        If a target is missing.
    """
    heads = axes.get("heads") or {"models": (), "readouts": (), "modes": ()}
    records = []
    for model, layers in axes["layers"].items():
        for layer in layers:
            cells = [*product(axes["readouts"], axes["modes"])]
            if model in heads["models"]:
                cells += product(heads["readouts"], heads["modes"])
            for (readout, mode), band in product(cells, axes["bands"]):
                path = folder / model / layer / readout / mode / f"{band}.json"
                records.append(_read_json(path))
    return records


def _read_json(path: Path) -> dict[str, Any]:
    try:
        record: dict[str, Any] = dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise StoreError(
            f"cannot read the target {path}",
            found=error,
            hint=f"make it again: snakemake --cores all --force {path}",
        ) from error
    return record


def interventions_dataset(
    records: Sequence[Mapping[str, Any]], axes: Mapping[str, Any]
) -> xr.Dataset:
    """Targets along (model, layer, readout, mode, band); NaN where a cell does not exist."""
    labels = axis_labels(axes)
    shape = tuple(len(labels[axis]) for axis in AXES)
    names = [*VALUES, *WITH_INTERVAL, *(f"{n}_{end}" for n in WITH_INTERVAL for end in ENDS)]
    arrays = {name: np.full(shape, np.nan) for name in (*names, *CLEAN, "bins", "structural")}
    for record in records:
        cell = tuple(labels[axis].index(record[axis]) for axis in AXES)
        for name in (*VALUES, *CLEAN, *EFFECTS, *control_fields()):
            arrays[name][cell] = _or_nan(record[name])
        for name in WITH_INTERVAL:
            bounds = record[f"{name}_ci"] or (np.nan, np.nan)
            for end, value in zip(ENDS, bounds, strict=True):
                arrays[f"{name}_{end}"][cell] = value
        arrays["bins"][cell] = record["bins"]
        arrays["structural"][cell] = float(is_structural(record))
    # A forced value is no hypothesis.
    tested = np.where(arrays["structural"] == 0, arrays["p_value"], np.nan)
    for name, (method, _) in CORRECTIONS.items():
        arrays[name] = corrected(tested, method)
    facts = _long_names()
    variables = {}
    for name, values in arrays.items():
        dims: tuple[str, ...] = AXES
        kept = values
        if name.startswith("clean_"):
            dims, kept = AXES[:3], _first(values, (3, 4))
        elif name == "bins":
            dims, kept = ("model", "layer", "band"), _first(values, (2, 3))
        variables[name] = xr.Variable(dims, kept, _facts(name, facts))
    coordinates = {axis: labels[axis] for axis in AXES}
    return xr.Dataset(variables, coords=coordinates, attrs=layer_order(axes["layers"]))


def _first(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """What is the same along some axes, from the cells that exist."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN")
        return np.asarray(np.nanmax(values, axis=axes))


def is_structural(record: Mapping[str, Any]) -> bool:
    """Whether the value of a target is forced by construction."""
    return any(flag in STRUCTURAL for flag in record["flags"])


def _facts(name: str, facts: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Long name and units of a variable or of a bound of its interval."""
    base = name.removesuffix("_low").removesuffix("_high")
    end = {"_low": ", lower bound", "_high": ", upper bound"}.get(name[len(base) :], "")
    return {"long_name": facts[base][0] + end, "units": facts[base][1]}


def _or_nan(value: float | None) -> float:
    return np.nan if value is None else value


def flag_table(records: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """One row for each flag of each target, with its meaning."""
    rows = [
        {axis: record[axis] for axis in ("dataset", *AXES)}
        | {"flag": flag, "meaning": FLAG_MEANINGS[flag]}
        for record in records
        for flag in record["flags"]
    ]
    return pd.DataFrame(rows, columns=["dataset", *AXES, "flag", "meaning"])
