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

from bandprobe.base.files import replacing, write_text
from bandprobe.errors import StoreError
from bandprobe.scoring.flags import FLAG_MEANINGS, STRUCTURAL
from bandprobe.scoring.intervals import corrected
from bandprobe.scoring.records import CONTROL_NAMES, EFFECTS, control_fields
from bandprobe.store.zarr_store import Store

AXES = ("model", "layer", "readout", "mode", "band")
ENDS = ("low", "high")
# name: (long name, units)
VALUES = {
    "top1": ("top-1 accuracy after the intervention", "1"),
    "top5": ("top-5 accuracy after the intervention", "1"),
    "rank": ("mean rank of the ground-truth class after the intervention", "1"),
    "margin": ("mean margin after the intervention", "logits"),
    "p_value": ("exact sign test over groups: p-value of the change of accuracy", "1"),
    "mcnemar_p": ("exact McNemar test over images: p-value of the change of accuracy", "1"),
}
EFFECT_NAMES = {
    "top1_drop": ("drop of top-1 accuracy", "1"),
    "top5_drop": ("drop of top-5 accuracy", "1"),
    "rank_degradation": ("growth of the mean rank of the ground-truth class", "1"),
    "margin_drop": ("drop of the mean margin", "logits"),
}
CLEAN = {
    "clean_top1": ("top-1 accuracy of the untouched map", "1"),
    "clean_top5": ("top-5 accuracy of the untouched map", "1"),
    "clean_rank": ("mean rank of the ground-truth class, untouched map", "1"),
    "clean_margin": ("mean margin of the untouched map", "logits"),
}
CORRECTIONS = {
    "p_holm": ("holm", "p_value after Holm's correction over all cells of the study"),
    "p_bh": ("fdr_bh", "p_value after Benjamini and Hochberg's correction over all cells"),
}
PERMUTED = {
    "permuted_accuracy": "mean accuracy of readouts of permuted labels, which should be chance",
    "permuted_highest": "highest accuracy of a readout of permuted labels",
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


def layer_order(layers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Layers of each model in the order of the study, which the common axis cannot show."""
    return {"layers": json.dumps({model: list(found) for model, found in layers.items()})}


def axis_labels(axes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names along each axis that a study has."""
    layers = dict.fromkeys(layer for found in axes["layers"].values() for layer in found)
    return {
        "model": list(axes["layers"]),
        "layer": list(layers),
        "readout": [*axes["readouts"], *(axes.get("heads") or {}).get("readouts", ())],
        "mode": list(axes["modes"]),
        "band": list(axes["bands"]),
    }


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


def probes_dataset(folder: Path, axes: Mapping[str, Any]) -> xr.Dataset:
    """Penalty paths along (model, layer, readout, penalty), and the penalties that were chosen."""
    labels = axis_labels(axes)
    shape = [len(labels[axis]) for axis in AXES[:3]]
    chosen = np.full(shape, np.nan)
    paths: dict[str, np.ndarray] = {}
    controls = {name: np.full(shape, np.nan) for name in PERMUTED}
    penalties, n_classes = np.empty(0), 0
    for model, layers in axes["layers"].items():
        for layer in layers:
            for readout in axes["readouts"]:
                store = Store(folder / model / layer / f"{readout}.zarr")
                names = (model, layer, readout)
                cell = tuple(labels[a].index(n) for a, n in zip(AXES, names, strict=False))
                penalties = store.read("penalty")
                permuted = store.read("permuted_accuracy")
                controls["permuted_accuracy"][cell] = permuted.mean() if len(permuted) else np.nan
                controls["permuted_highest"][cell] = permuted.max() if len(permuted) else np.nan
                n_classes = store.array("intercept").shape[0]
                chosen[cell] = json.loads(store.attrs["config"])["penalty"]
                for name, values in (
                    ("eval_accuracy", store.read("eval_accuracy")),
                    ("cv_log_loss", store.read("cv_log_loss").mean(0)),
                ):
                    paths.setdefault(name, np.full((*shape, len(values)), np.nan))[cell] = values
    facts = {
        "eval_accuracy": ("top-1 accuracy on evaluation maps; not used to choose", "1"),
        "cv_log_loss": ("held-out log loss at the best temperature", "nats"),
    }
    variables = {
        name: xr.Variable(
            (*AXES[:3], "penalty"), values, {"long_name": facts[name][0], "units": facts[name][1]}
        )
        for name, values in paths.items()
    }
    variables["penalty_chosen"] = xr.Variable(
        AXES[:3], chosen, {"long_name": "penalty chosen by grouped cross-validation", "units": "1"}
    )
    for name, values in controls.items():
        facts_of = {"long_name": PERMUTED[name], "units": "1"}
        variables[name] = xr.Variable(AXES[:3], values, facts_of)
    coordinates = {axis: labels[axis] for axis in AXES[:3]} | {"penalty": penalties}
    attrs = layer_order(axes["layers"]) | {"chance": 1.0 / n_classes}
    return xr.Dataset(variables, coords=coordinates, attrs=attrs)


def write_summary(dataset: xr.Dataset, netcdf: Path, csv: Path, attrs: Mapping[str, str]) -> None:
    """Write a data set as NetCDF, and its cells that exist as CSV, each whole or not at all."""
    with replacing(netcdf) as partial:
        dataset.assign_attrs(attrs).to_netcdf(partial, engine="h5netcdf")
    write_text(csv, cells_table(dataset).to_csv(index=False))


def cells_table(dataset: xr.Dataset) -> pd.DataFrame:
    """One row a cell that exists."""
    # Curves have tables of their own.
    cells = [n for n in dataset.data_vars if not {"radius", "diagonal"} & set(dataset[n].dims)]
    table = dataset[cells].to_dataframe().reset_index()
    # What every cell has, and none that does not exist.
    exists = next(n for n in ("structural", "bins", "penalty_chosen") if n in table)
    return table[table[exists].notna()]
