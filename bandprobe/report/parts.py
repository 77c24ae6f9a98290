"""The table of DC alone and all but DC, each removed as a whole, as plain data for the template."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import xarray as xr

from bandprobe.report.findings import number, span


def part_table(parts: xr.Dataset | None) -> dict[str, Any] | None:
    """One row per layer and readout, under the first of the modes that remove.

    Readouts that are fixed by construction in both parts, or have no result there, have no row.
    None where a study has no such rows.
    """
    if parts is None:
        return None
    mode = str(parts["mode"].to_numpy()[0])
    rows = []
    for model, layers in json.loads(parts.attrs["layers"]).items():
        for layer in layers:
            for readout in map(str, parts["readout"].to_numpy()):
                cell = parts.sel(model=model, layer=layer, readout=readout, mode=mode)
                if (cell["structural"] == 0).any() and cell["top1_drop"].notnull().any():
                    rows.append(_row(cell, model, layer, readout))
    return {"mode": mode, "rows": rows} if rows else None


def _row(cell: xr.Dataset, model: str, layer: str, readout: str) -> dict[str, Any]:
    return {
        "model": model,
        "layer": layer,
        "readout": readout,
        "clean": number(float(cell["clean_top1"])),
        "removed": [_removed(cell.sel(part=part)) for part in cell["part"].to_numpy()],
    }


def _removed(cell: xr.Dataset) -> dict[str, str]:
    """Drop, its interval, the accuracy that is left, and the corrected p-value of one part."""
    drop = float(cell["top1_drop"])
    if not np.isfinite(drop):
        return {"drop": "N/A", "interval": "", "left": "N/A", "p_levels": ""}
    is_fixed, p_value = bool(cell["structural"] == 1), float(cell["p_levels"])
    return {
        "drop": "fixed" if is_fixed else number(drop),
        "interval": ""
        if is_fixed
        else span(float(cell["top1_drop_low"]), float(cell["top1_drop_high"])),
        "left": number(float(cell["top1"])),
        "p_levels": f"{p_value:.2g}" if np.isfinite(p_value) else "",
    }
