"""The report's table of DC alone and all but DC has the summary's numbers, and no fixed rows."""

from __future__ import annotations

import json

import numpy as np
import xarray as xr

from bandprobe.report.parts import part_table

DIMS = ("model", "layer", "readout", "mode", "part")


def summary() -> xr.Dataset:
    """A layer of one model; `pooled` is fixed in both parts, `energy` has no result."""
    names = {
        "model": ["net"],
        "layer": ["one", "two"],
        "readout": ["map", "pooled", "energy"],
        "mode": ["remove-mean", "remove"],
        "part": ["dc", "all-but-dc"],
    }
    shape = [len(values) for values in names.values()]
    drop = np.full(shape, 0.25)
    drop[..., 1, :] = 0.75
    drop[:, :, 2] = np.nan
    structural = np.zeros(shape)
    structural[:, :, 1] = 1
    # A readout with one part that is fixed.
    structural[0, 1, 0, 0, 1] = 1
    values = {
        "top1": 0.5 - drop,
        "top1_drop": drop,
        "top1_drop_low": drop - 0.125,
        "top1_drop_high": drop + 0.125,
        "p_levels": np.where(structural == 1, np.nan, 0.5),
        "structural": structural,
    }
    variables = {name: (DIMS, array) for name, array in values.items()}
    variables["clean_top1"] = (DIMS[:3], np.full(shape[:3], 0.5))
    attrs = {"layers": json.dumps({"net": ["one", "two"]})}
    return xr.Dataset(variables, coords=names, attrs=attrs)


def test_rows_are_those_of_the_first_mode_that_are_not_fixed_in_both_parts() -> None:
    table = part_table(summary())
    assert table is not None
    assert table["mode"] == "remove-mean"
    first, second = table["rows"]
    assert (first["layer"], first["readout"], first["clean"]) == ("one", "map", "0.500")
    whole = {"drop": "0.250", "interval": "0.125 to 0.375", "left": "0.250", "p_levels": "0.5"}
    assert first["removed"] == [whole, whole]
    assert second["layer"] == "two"
    fixed = {"drop": "fixed", "interval": "", "left": "0.250", "p_levels": ""}
    assert second["removed"] == [whole, fixed]


def test_a_study_without_such_rows_has_no_table() -> None:
    assert part_table(None) is None
    assert part_table(summary().sel(readout=["pooled", "energy"])) is None
