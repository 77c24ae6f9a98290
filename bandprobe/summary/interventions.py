"""All targets of a data set as one labelled data set, and their flags as a table."""

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
from bandprobe.scoring.cluster_interval import design_effect, detectable_drop
from bandprobe.scoring.corrections import corrected, corrected_in_levels
from bandprobe.scoring.fields import (
    CONTROLLED,
    EFFECTS,
    RANDOMISED,
    SHARES,
    control_fields,
    mask_fields,
)
from bandprobe.scoring.flags import FLAG_MEANINGS, STRUCTURAL
from bandprobe.summary import names
from bandprobe.summary.names import AXES
from bandprobe.summary.tables import ENDS, axis_labels, layer_order, variable_attrs

# name: (long name, units)
SCORED = {
    "top1": ("top-1 accuracy", "1"),
    "top5": ("top-5 accuracy", "1"),
    "rank": ("mean rank of the ground-truth class", "1"),
    "margin": ("mean margin", "logits"),
}
TESTS = {
    "p_value": ("p-value of the change in accuracy: exact sign test over groups", "1"),
    "mcnemar_p": ("p-value of the change in accuracy: exact McNemar test over images", "1"),
}
# name: method, long name
CORRECTIONS = {
    "p_holm": ("holm", "p_value with Holm's correction over all networks, or over another model"),
    "p_bh": ("fdr_bh", "p_value with Benjamini and Hochberg's correction over the same"),
}
LEVELS = {
    "p_levels": "p_value corrected in levels: over a model's layers and readouts, then within each",
    "detectable_drop": "drop that would be found in 80 % of repetitions, corrected",
    "n_tests": "tests that p_holm and p_bh correct over",
    "distinct": "1 where a test counts, 0 where a cell before it has the same intervention",
}
# Of each readout: name: (long name, units)
UNITS = {
    "n_units": ("independent units of evaluation images", "1"),
    "n_units_effective": (
        "units of equal size that are worth as much as the independent ones",
        "1",
    ),
    "p_smallest": ("p-value that a loss of every right answer would have", "1"),
}
CLEAN = tuple(f"clean_{name}" for name in SCORED)
WITH_INTERVAL = (*SHARES, *EFFECTS, *control_fields(), "clean_top1")


def _facts() -> dict[str, tuple[str, str]]:
    """Long name and units of every variable that is not a bound."""
    facts = {
        **TESTS,
        **UNITS,
        "bins": ("full-plane bins in the band", "1"),
        "structural": ("1 where the value is fixed by construction", "1"),
    }
    for name, (text, units) in SCORED.items():
        facts[name] = (f"{text} after the intervention", units)
        facts[f"clean_{name}"] = (f"{text} on the untouched map", units)
    facts |= {name: (quantity.text, quantity.units) for name, quantity in names.EFFECTS.items()}
    facts |= {name: (text, "1") for name, (_, text) in CORRECTIONS.items()}
    facts |= {name: (text, "1") for name, text in LEVELS.items()}
    for control, (_, masks) in names.CONTROLS.items():
        for effect in CONTROLLED:
            text, units = facts[effect]
            facts[f"{control}_{effect}"] = (f"{text} by {masks}", units)
            more = f"{text} by the band in excess of that by {masks}"
            facts[f"{control}_{effect}_excess"] = (more, units)
        facts[f"{control}_masks"] = (f"number of {masks}, outside the band", "1")
        for effect in RANDOMISED:
            text, units = facts[effect]
            between = f"standard deviation of the {text} between {masks}"
            facts[f"{control}_{effect}_spread"] = (between, units)
            for end, word in (("greater", "larger"), ("less", "smaller")):
                test = f"randomisation test that the {text} is {word} than by {masks}"
                facts[f"{control}_{effect}_p_{end}"] = (test, "1")
    return facts


def read_records(folder: Path, axes: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every target of a study, in the order of its axes.

    Parameters
    ----------
    folder : Path
        Holds `<model>/<layer>/<readout>/<mode>/<band>.json`.
    axes : mapping
        `layers` (model to its layers), `readouts`, `modes`, `bands` and `networks`, the models that
        are networks; `heads`, if there are any, with the `models`, `readouts` and `modes` that they
        have.

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
    """Targets along (model, layer, readout, mode, band); NaN where a cell does not exist.

    The attribute `unit` says what counts as independent in intervals and tests.
    """
    labels = axis_labels(axes)
    shape = tuple(len(labels[axis]) for axis in AXES)
    fields = [*SCORED, *TESTS, *WITH_INTERVAL, *(f"{n}_{e}" for n in WITH_INTERVAL for e in ENDS)]
    arrays = {
        name: np.full(shape, np.nan)
        for name in (*fields, *mask_fields(), *CLEAN, *UNITS, "bins", "structural")
    }
    for record in records:
        cell = tuple(labels[axis].index(record[axis]) for axis in AXES)
        for name in (*SCORED, *TESTS, *CLEAN, *UNITS, *EFFECTS, *control_fields(), *mask_fields()):
            arrays[name][cell] = _or_nan(record[name])
        for name in WITH_INTERVAL:
            bounds = record[f"{name}_ci"] or (np.nan, np.nan)
            for end, value in zip(ENDS, bounds, strict=True):
                arrays[f"{name}_{end}"][cell] = value
        arrays["bins"][cell] = record["bins"]
        arrays["structural"][cell] = float(is_structural(record))
    arrays |= _corrections(records, arrays, labels, axes["networks"])
    facts = _facts()
    variables = {}
    for name, values in arrays.items():
        dims: tuple[str, ...] = AXES
        stored = values
        if name.startswith("clean_") or name in UNITS:
            dims, stored = AXES[:3], _first(values, (3, 4))
        elif name == "bins":
            dims, stored = ("model", "layer", "band"), _first(values, (2, 3))
        variables[name] = xr.Variable(dims, stored, variable_attrs(name, facts))
    coordinates = {axis: labels[axis] for axis in AXES}
    attrs = layer_order(axes["layers"]) | {"unit": str(records[0]["unit"])}
    return xr.Dataset(variables, coords=coordinates, attrs=attrs)


def _corrections(
    records: Sequence[Mapping[str, Any]],
    arrays: Mapping[str, np.ndarray],
    labels: Mapping[str, Sequence[str]],
    networks: Sequence[str],
) -> dict[str, np.ndarray]:
    """Corrected p-values, of each distinct intervention once; those that repeat it have the same.

    A value that is fixed by construction tests no hypothesis. All networks are one family of tests,
    each other model, such as the images themselves, is another.
    """
    shape = arrays["p_value"].shape
    corrections = {name: np.full(shape, np.nan) for name in (*CORRECTIONS, *LEVELS)}
    cells: dict[tuple[str, ...], list[tuple[int, ...]]] = {}
    for record in records:
        cell = tuple(labels[axis].index(record[axis]) for axis in AXES)
        if arrays["structural"][cell] == 0 and np.isfinite(arrays["p_value"][cell]):
            key = (*(str(record[axis]) for axis in AXES[:3]), str(record["intervention"]))
            cells.setdefault(key, []).append(cell)
    if not cells:
        return corrections
    p_values = np.array([arrays["p_value"][same[0]] for same in cells.values()])
    models = np.array([model for model, *_ in cells])
    claims = np.array(["" if model in networks else model for model in models])
    _, position, count = np.unique(claims, return_inverse=True, return_counts=True)
    results = {name: np.empty(len(p_values)) for name in (*CORRECTIONS, "p_levels")}
    for claim in np.unique(claims):
        together = claims == claim
        for name, (method, _) in CORRECTIONS.items():
            results[name][together] = corrected(p_values[together], method)
    results["n_tests"] = count[position].astype(np.float64)
    results["detectable_drop"] = _detectable(records, cells, labels, results["n_tests"])
    families = np.array(["/".join(key[1:3]) for key in cells])
    for model in dict.fromkeys(models):
        of_model = models == model
        _, family = np.unique(families[of_model], return_inverse=True)
        results["p_levels"][of_model] = corrected_in_levels(p_values[of_model], family)
    for number, same in enumerate(cells.values()):
        for place, cell in enumerate(same):
            for name, values in results.items():
                corrections[name][cell] = values[number]
            corrections["distinct"][cell] = float(place == 0)
    return corrections


def _detectable(
    records: Sequence[Mapping[str, Any]],
    cells: Mapping[tuple[str, ...], Sequence[tuple[int, ...]]],
    labels: Mapping[str, Sequence[str]],
    n_tests: np.ndarray,
) -> np.ndarray:
    """What could have been seen, at a level that is divided by the number of tests."""
    at = {tuple(labels[axis].index(record[axis]) for axis in AXES): record for record in records}
    tested = [at[same[0]] for same in cells.values()]
    per_image = [
        design_effect(one["n_samples"] / one["n_units"]) / one["n_samples"] for one in tested
    ]
    return detectable_drop(
        np.array([_or_nan(one["top1_drop_error"]) for one in tested]),
        np.array([float(one["degrees_of_freedom"]) for one in tested]),
        np.array(per_image),
        1 - (1 - tested[0]["level"]) / n_tests,
    )


def _first(values: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    """Values that are the same along some axes, taken from the cells that exist."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="All-NaN")
        return np.asarray(np.nanmax(values, axis=axes))


def is_structural(record: Mapping[str, Any]) -> bool:
    """Whether the value of a target is fixed by construction."""
    return any(flag in STRUCTURAL for flag in record["flags"])


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
