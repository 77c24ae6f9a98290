"""The numbers that the page shows on demand, as plain data for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.report.context import Results, kind_of
from bandprobe.report.findings import cell_keys, cell_table, flags_by_cell
from bandprobe.scoring.flags import FLAG_MEANINGS, NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import AXES, COMPARED, CONTROLS, EFFECTS, PLURALS, SHAPLEY
from bandprobe.summary.verdict import removal_mode

# Quantities of each band; each with `_low` and `_high`.
SPECTRA = {
    "share": "share of the energy",
    "share_without_dc": "share of the energy, without DC",
    "relative_density": "energy per bin, relative to white noise",
    "relative_density_without_dc": "energy per bin, relative to white noise, without DC",
}
# name: (label, axis, label of the axis, whether both axes are logarithmic)
CURVES = {
    "profile": ("mean power per bin", "frequency", "radial frequency (Nyquist = 1)", True),
    "profile_by_cycles": (
        "mean power per bin",
        "cycles_per_image",
        "radial frequency (cycles per image)",
        True,
    ),
    "delta_log_amplitude": (
        "log amplitude relative to DC (nats)",
        "diagonal_frequency",
        "frequency on each axis (Nyquist = 1)",
        False,
    ),
}
CENTROIDS = {
    "centroid": "spectral centroid (Nyquist = 1)",
    "centroid_without_dc": "spectral centroid without DC (Nyquist = 1)",
    "centroid_cycles_per_image": "spectral centroid (cycles per image)",
    "centroid_cycles_per_image_without_dc": "spectral centroid without DC (cycles per image)",
}
ENDS = ("", "_low", "_high")
# Columns of the table of targets that the plots of a section at which the page is opened need.
FIRST_COLUMNS = (
    *AXES,
    "structural",
    "bins",
    "clean_top1",
    *(f"{name}{end}" for name in ("top1", "top1_drop") for end in ENDS),
)
# What each readout can see.
SEES = {
    "map": "linear in the complete map. It sees DC, and mostly lives on it: the means of channels.",
    "pattern": "linear in the map without DC. It sees all bands but DC.",
    "pooled": "sees DC only, the mean of each channel: all other bands are fixed by construction.",
    "energy": "sees how much energy each channel has in each band, but not where.",
    "refit": "the map readout, fitted again on the changed maps: what is still available.",
    "head": "the rest of the network: what the network itself uses.",
    "head-ablated": "the rest of the network, with the prefix tokens replaced as well.",
}


def page_data(results: Results) -> dict[str, Any]:
    """What the script of the page reads; numbers are those of the summaries, not rounded.

    Returns
    -------
    dict
        Lists, numbers, texts and None, for JSON.
    """
    data = results.interventions
    return {
        "dataset": results.dataset,
        "level": results.level,
        "units": PLURALS[results.unit],
        "layers": results.layers,
        "readouts": _names(data, "readout"),
        "modes": {name: dict(spec) for name, spec in results.config["modes"].items()},
        "bands": _names(data, "band"),
        "axes": AXES,
        "metrics": {name: quantity.label for name, quantity in EFFECTS.items()},
        "short_metrics": {name: quantity.short for name, quantity in EFFECTS.items()},
        "controls": {name: label for name, (label, _) in CONTROLS.items()},
        "compared": COMPARED,
        "figures": list(results.figures),
        "sees": SEES,
        "at_chance": NO_BETTER_THAN_CHANCE,
        "removal": removal_mode(results.config["modes"]),
        "flags": {
            flag: {"meaning": FLAG_MEANINGS.get(flag, ""), "kind": kind_of(flag)}
            for flag in dict.fromkeys(results.flags["flag"])
        },
        "targets": target_flags(results),
        "spectra": spectra_data(results.spectra, results.layers),
        "shapley": shapley_data(results.shapley),
    }


def _names(data: xr.Dataset, axis: str) -> list[str]:
    return [str(name) for name in data[axis].to_numpy()]


def target_flags(results: Results) -> dict[str, Any]:
    """Names of the columns of the table of targets, and the flags of each row, as of `packed`."""
    table = cell_table(results.interventions)
    flags = flags_by_cell(results.flags)
    return {
        "columns": [str(name) for name in table.columns],
        "flags": packed([flags.get(key, ()) for key in cell_keys(table)]),
    }


def target_columns(results: Results) -> dict[str, Any]:
    """The table of targets by column, as `summary/interventions.csv`, each as of `packed`."""
    table = cell_table(results.interventions)
    return {str(name): packed(plain(table[name])) for name in table.columns}


def packed(values: list[Any]) -> Any:
    """A column, or its different `values` and the place `at` which each is, if that is shorter."""
    places: dict[Any, int] = {}
    at = [places.setdefault(value, len(places)) for value in values]
    return {"values": list(places), "at": at} if 2 * len(places) < len(values) else values


def plain(values: Iterable[Any]) -> list[Any]:
    """Texts and numbers for JSON; None in place of NaN and infinity."""
    column = pd.Series(values)
    if column.dtype.kind == "f":
        exists = np.isfinite(column.to_numpy())
        return [value if ok else None for value, ok in zip(column.tolist(), exists, strict=True)]
    return [str(value) for value in column]


def spectra_data(spectra: xr.Dataset, layers: Mapping[str, list[str]]) -> dict[str, Any]:
    """Quantities of each band, curves and centroids of each layer, in the order of the study."""
    rows: list[dict[str, Any]] = []
    for model, names in layers.items():
        for layer in names:
            spectrum = spectra.sel(model=model, layer=layer)
            rows.append(
                {
                    "model": model,
                    "layer": layer,
                    "bins": plain(spectrum["bins"].to_numpy()),
                    "bins_without_dc": plain(spectrum["bins_without_dc"].to_numpy()),
                    "bands": {
                        name: [plain(spectrum[f"{name}{end}"].to_numpy()) for end in ENDS]
                        for name in SPECTRA
                    },
                    "centroids": {
                        name: plain([float(spectrum[f"{name}{end}"]) for end in ENDS])
                        for name in CENTROIDS
                    },
                    "curves": {name: curve(spectrum, name) for name in CURVES},
                }
            )
    return {
        "rows": rows,
        "bands": SPECTRA,
        "centroids": CENTROIDS,
        "curves": {
            name: {"label": label, "axis": axis, "log": log}
            for name, (label, _, axis, log) in CURVES.items()
        },
        "notes": json.loads(spectra.attrs.get("without_diagonal", "{}")),
    }


def curve(spectrum: xr.Dataset, name: str) -> list[list[float | None]]:
    """Frequency, mean, lower and upper bound of one layer's curve, where it exists.

    A profile leaves out DC, as its figure does.
    """
    quantity = "profile" if name.startswith("profile") else name
    at = spectrum[CURVES[name][1]].to_numpy()
    columns = [at, *(spectrum[f"{quantity}{end}"].to_numpy() for end in ENDS)]
    exists = np.isfinite(columns[0]) & np.isfinite(columns[1])
    if quantity == "profile":
        exists &= at > 0
    return [plain(column[exists]) for column in columns]


def shapley_data(shapley: xr.Dataset | None) -> dict[str, Any] | None:
    """Shapley values, one row per model, layer and readout, each with values over bands."""
    if shapley is None:
        return None
    rows = []
    for model, layers in json.loads(shapley.attrs["layers"]).items():
        for layer in layers:
            for readout in _names(shapley, "readout"):
                cells = shapley.sel(model=model, layer=layer, readout=readout)
                rows.append(
                    {
                        "model": model,
                        "layer": layer,
                        "readout": readout,
                        "bins": plain(cells["bins"].to_numpy()),
                        "structural": plain(cells["structural"].to_numpy()),
                        "scores": {
                            name: [plain(cells[f"{name}{end}"].to_numpy()) for end in ENDS]
                            for name in SHAPLEY
                        },
                    }
                )
    scores = {name: quantity.label for name, quantity in SHAPLEY.items()}
    return {"rows": rows, "scores": scores, "readouts": _names(shapley, "readout")}
