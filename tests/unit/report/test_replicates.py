"""The largest drops of a study with what their variance is made of."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bandprobe.report.replicates import LARGEST, replicate_table
from bandprobe.scoring.flags import NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import AXES
from bandprobe.summary.replicates import QUANTITIES

LAYERS = {"cnn": ["first", "last"], "vit": ["block"]}
LABELS: dict[str, list[str]] = {
    "model": ["cnn", "vit"],
    "layer": ["first", "last", "block"],
    "readout": ["map", "pattern"],
    "mode": ["remove-mean", "isolate-mean"],
    "band": ["lowest", "low", "mid", "high"],
}
NO_FLAGS = pd.DataFrame(columns=[*AXES, "flag"])


def summary(count: int = 5) -> xr.Dataset:
    """Drops that fall with the band; of layers that the study has."""
    sizes = {axis: len(names) for axis, names in LABELS.items()} | {"replicate": count}
    arrays = {
        name: (dims, np.full([sizes[dim] for dim in dims], 0.0))
        for name, (dims, _) in QUANTITIES.items()
        if count or "replicate" not in dims
    }
    data = xr.Dataset(arrays, LABELS).assign_attrs(layers=json.dumps(LAYERS))
    drop = xr.DataArray([0.6, 0.3, 0.2, 0.1], dims="band") * xr.DataArray([1, 0.5], dims="readout")
    drop = drop * xr.DataArray([0.8, 1, 0.9], dims="layer") * xr.DataArray([1.0, 1.5], dims="mode")
    there = xr.DataArray([[1, 1, 0], [0, 0, 1]], dims=("model", "layer"))
    data["top1_drop"] = data["top1_drop"] + drop
    data["structural"] = data["structural"].where(there == 1)
    data["top1_drop"] = data["top1_drop"].where(there == 1)
    return data


def rows(found: dict[str, Any] | None) -> list[tuple[str, ...]]:
    assert found is not None
    axes = ("model", "layer", "readout", "band")
    return [tuple(row[axis] for axis in axes) for row in found["rows"]]


def test_the_largest_of_each_model_come_first_and_the_lowest_band_is_left_out() -> None:
    found = replicate_table(summary(), NO_FLAGS, "remove-mean")
    assert found is not None
    assert found["mode"] == "remove-mean"
    shown = rows(found)
    assert shown[:3] == [
        ("cnn", "last", "map", "low"),
        ("cnn", "first", "map", "low"),
        ("cnn", "last", "map", "mid"),
    ]
    assert [row[0] for row in shown] == ["cnn"] * LARGEST + ["vit"] * LARGEST
    assert shown[LARGEST:][0] == ("vit", "block", "map", "low")
    assert not any(row[3] == "lowest" for row in shown)


def test_the_mode_is_that_of_the_answer_or_the_first() -> None:
    for removal, mode in (
        ("isolate-mean", "isolate-mean"),
        ("remove", "remove-mean"),
        (None, "remove-mean"),
    ):
        found = replicate_table(summary(), NO_FLAGS, removal)
        assert found is not None
        assert found["mode"] == mode


def test_values_that_say_nothing_have_no_row() -> None:
    data = summary()
    cell = {"model": "cnn", "layer": "last", "readout": "map", "mode": "remove-mean"}
    data["structural"].loc[cell | {"band": "low"}] = 1.0
    chance = {"model": "cnn", "layer": "first", "readout": "map", "mode": "remove-mean"}
    flags = pd.DataFrame([chance | {"band": "low", "flag": NO_BETTER_THAN_CHANCE}])
    shown = rows(replicate_table(data, flags, "remove-mean"))
    assert shown[0] == ("cnn", "last", "map", "mid")
    assert ("cnn", "first", "map", "low") not in shown
    data["top1_drop"] = -data["top1_drop"]
    assert rows(replicate_table(data, flags, "remove-mean")) == []


def test_a_row_has_the_numbers_of_the_summary() -> None:
    data = summary()
    cell = {"model": "cnn", "layer": "last", "readout": "map", "mode": "remove-mean", "band": "low"}
    values = {
        "interval_low": 0.1,
        "interval_high": 0.5,
        "top1_drop_low": 0.05,
        "top1_drop_high": 0.55,
        "training_error": 0.04,
        "evaluation_error": np.nan,
        "training_share": 0.4,
        "replicate_low": 0.2,
        "replicate_high": 0.4,
        "noise_ceiling": 0.93,
    }
    for name, value in values.items():
        data[name].loc[cell] = value
    found = replicate_table(data, NO_FLAGS, "remove-mean")
    assert found is not None
    own = dict(zip(found["columns"], found["rows"][0]["cells"], strict=True))
    assert {name: one["text"] for name, one in own.items()} == {
        "drop": "0.300",
        "this split": "0.100 to 0.500",
        "both draws": "0.050 to 0.550",
        "error, training groups": "0.040",
        "error, evaluation groups": "N/A",
        "share of training": "0.400",
        "splits drawn anew": "0.200 to 0.400",
        "noise ceiling": "0.930",
    }
    assert own["drop"]["value"] == pytest.approx(0.3)
    assert own["both draws"]["value"] == 0.05
    assert own["error, evaluation groups"]["value"] == ""


def test_without_splits_there_is_no_column_for_them() -> None:
    found = replicate_table(summary(count=0), NO_FLAGS, "remove-mean")
    assert found is not None
    assert found["count"] == 0
    assert found["columns"][-1] == "share of training"


def test_flags_name_their_layers() -> None:
    data = summary()
    data["few_eval_groups"].loc[{"model": "vit", "layer": "block"}] = 1.0
    found = replicate_table(data, NO_FLAGS, "remove-mean")
    assert found is not None
    assert [(one["flag"], one["layers"]) for one in found["flags"]] == [
        ("few_eval_groups", ["vit block"])
    ]
    clean = replicate_table(summary(), NO_FLAGS, "remove-mean")
    assert clean is not None
    assert clean["flags"] == []


def test_a_study_without_replicates_has_none() -> None:
    assert replicate_table(None, NO_FLAGS, "remove-mean") is None
