"""The numbers that the report's page shows on demand, as plain data for JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.report.context import Results, kind_of
from bandprobe.report.findings import cell_keys, cell_table, flags_by_cell
from bandprobe.scoring.flags import FLAG_MEANINGS
from bandprobe.summary.names import CONTROLS, METRICS, SHAPLEY

# Quantities a band; each with `_low` and `_high`.
SPECTRA = {
    "share": "share of the energy",
    "share_without_dc": "share of the energy, without zero frequency",
    "relative_density": "energy a bin, relative to white noise",
    "relative_density_without_dc": "energy a bin, relative to white noise, without zero frequency",
}
# name: (what it is called, axis, what the axis is called, whether it has a logarithmic axis)
CURVES = {
    "profile": ("mean power a bin", "frequency", "radial frequency (Nyquist = 1)", True),
    "profile_by_cycles": (
        "mean power a bin",
        "cycles_per_image",
        "radial frequency (cycles per image)",
        True,
    ),
    "delta_log_amplitude": (
        "log amplitude relative to zero frequency (nats)",
        "diagonal_frequency",
        "frequency on each axis (Nyquist = 1)",
        False,
    ),
}
CENTROIDS = {
    "centroid": "spectral centroid (Nyquist = 1)",
    "centroid_without_dc": "spectral centroid without zero frequency (Nyquist = 1)",
    "centroid_cycles_per_image": "spectral centroid (cycles per image)",
    "centroid_cycles_per_image_without_dc": (
        "spectral centroid without zero frequency (cycles per image)"
    ),
}
ENDS = ("", "_low", "_high")


def page_data(results: Results) -> dict[str, Any]:
    """What the page's script reads; every number is one of the summaries', none is rounded.

    Returns
    -------
    dict
        Plain lists, numbers, texts and None, for JSON.
    """
    data = results.interventions
    return {
        "dataset": results.dataset,
        "level": results.level,
        "layers": results.layers,
        "readouts": _names(data, "readout"),
        "modes": {name: dict(spec) for name, spec in results.config["modes"].items()},
        "bands": _names(data, "band"),
        "metrics": METRICS,
        "controls": CONTROLS,
        "figures": list(results.figures),
        "flags": {
            flag: {"meaning": FLAG_MEANINGS.get(flag, ""), "kind": kind_of(flag)}
            for flag in dict.fromkeys(results.flags["flag"])
        },
        "targets": target_columns(results),
        "spectra": spectra_data(results.spectra, results.layers),
        "shapley": shapley_data(results.shapley),
    }


def _names(data: xr.Dataset, axis: str) -> list[str]:
    return [str(name) for name in data[axis].to_numpy()]


def target_columns(results: Results) -> dict[str, Any]:
    """The table of targets by column, as `summary/interventions.csv`, and the flags of each row."""
    table = cell_table(results.interventions)
    own = flags_by_cell(results.flags)
    return {
        "columns": {str(name): plain(table[name]) for name in table.columns},
        "flags": [own.get(key, ()) for key in cell_keys(table)],
    }


def plain(values: Iterable[Any]) -> list[Any]:
    """Texts and numbers for JSON; None where a number does not exist."""
    column = pd.Series(values)
    if column.dtype.kind == "f":
        exists = np.isfinite(column.to_numpy())
        return [value if one else None for value, one in zip(column.tolist(), exists, strict=True)]
    return [str(value) for value in column]


def spectra_data(spectra: xr.Dataset, layers: Mapping[str, list[str]]) -> dict[str, Any]:
    """Quantities a band, curves and centroids of each layer, in the order of the study."""
    rows: list[dict[str, Any]] = []
    for model, names in layers.items():
        for layer in names:
            one = spectra.sel(model=model, layer=layer)
            rows.append(
                {
                    "model": model,
                    "layer": layer,
                    "bins": plain(one["bins"].to_numpy()),
                    "bins_without_dc": plain(one["bins_without_dc"].to_numpy()),
                    "bands": {
                        name: [plain(one[f"{name}{end}"].to_numpy()) for end in ENDS]
                        for name in SPECTRA
                    },
                    "centroids": {
                        name: plain([float(one[f"{name}{end}"]) for end in ENDS])
                        for name in CENTROIDS
                    },
                    "curves": {name: curve(one, name) for name in CURVES},
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


def curve(one: xr.Dataset, name: str) -> list[list[float | None]]:
    """Frequency, mean, lower and upper bound of one layer's curve, where it exists.

    A profile leaves out the zero frequency, as its figure does.
    """
    quantity = "profile" if name.startswith("profile") else name
    at = one[CURVES[name][1]].to_numpy()
    columns = [at, *(one[f"{quantity}{end}"].to_numpy() for end in ENDS)]
    kept = np.isfinite(columns[0]) & np.isfinite(columns[1])
    if quantity == "profile":
        kept &= at > 0
    return [plain(column[kept]) for column in columns]


def shapley_data(shapley: xr.Dataset | None) -> dict[str, Any] | None:
    """Shapley values, a row a model, layer and readout, with values over bands."""
    if shapley is None:
        return None
    rows = []
    for model, layers in json.loads(shapley.attrs["layers"]).items():
        for layer in layers:
            for readout in _names(shapley, "readout"):
                one = shapley.sel(model=model, layer=layer, readout=readout)
                rows.append(
                    {
                        "model": model,
                        "layer": layer,
                        "readout": readout,
                        "bins": plain(one["bins"].to_numpy()),
                        "structural": plain(one["structural"].to_numpy()),
                        "scores": {
                            name: [plain(one[f"{name}{end}"].to_numpy()) for end in ENDS]
                            for name in SHAPLEY
                        },
                    }
                )
    return {"rows": rows, "scores": SHAPLEY, "readouts": _names(shapley, "readout")}
