"""Summaries as files: labelled data sets, and flat tables beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import xarray as xr

from bandprobe.base.files import replacing, write_text

ENDS = ("low", "high")


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
