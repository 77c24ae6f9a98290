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
# Axes of curves, pairs of bands, replicates and planes, which are no cells; a plane's begin with
# its layer.
NO_CELLS = {"radius", "diagonal", "other_band", "frequency_y", "frequency_x", "replicate"}


def variable_attrs(name: str, facts: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Long name and units of a variable or of a bound of its interval, from `facts` by name."""
    base = name.removesuffix("_low").removesuffix("_high")
    end = {"_low": ", lower bound", "_high": ", upper bound"}.get(name[len(base) :], "")
    return {"long_name": facts[base][0] + end, "units": facts[base][1]}


def layer_order(layers: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Layers of each model in the order of the study, which the common axis cannot show."""
    return {"layers": json.dumps({model: list(names) for model, names in layers.items()})}


def axis_labels(axes: Mapping[str, Any]) -> dict[str, list[str]]:
    """Names along each axis that a study has."""
    layers = dict.fromkeys(layer for names in axes["layers"].values() for layer in names)
    return {
        "model": list(axes["layers"]),
        "layer": list(layers),
        "readout": [*axes["readouts"], *(axes.get("heads") or {}).get("readouts", ())],
        "mode": list(axes["modes"]),
        "band": list(axes["bands"]),
    }


def write_summary(dataset: xr.Dataset, netcdf: Path, csv: Path, attrs: Mapping[str, str]) -> None:
    """Write a data set as NetCDF and its cells as CSV; each file appears when it is complete."""
    with replacing(netcdf) as partial:
        dataset.assign_attrs(attrs).to_netcdf(partial, engine="h5netcdf")
    write_text(csv, cells_table(dataset).to_csv(index=False))


def cells_table(dataset: xr.Dataset) -> pd.DataFrame:
    """One row for each cell that exists; curves and pairs of bands have their own tables."""
    cells = [
        name
        for name, values in dataset.data_vars.items()
        if not NO_CELLS & {str(dim).rpartition(".")[2] for dim in values.dims}
    ]
    table = dataset[cells].to_dataframe().reset_index()
    # A variable that has a number in every cell that exists, and in no other.
    exists = next(n for n in ("structural", "bins", "penalty_chosen") if n in table)
    return table[table[exists].notna()]
