"""Summaries hold every cell that exists, and NaN where none does."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bandprobe.base.files import write_json
from bandprobe.errors import StoreError
from bandprobe.scoring.cluster_interval import detectable_drop
from bandprobe.scoring.fields import EFFECTS, SHARES, control_fields, mask_fields
from bandprobe.scoring.flags import BLIND, EMPTY_BAND
from bandprobe.store.zarr_store import Variable, write_store
from bandprobe.summary.interventions import flag_table, interventions_dataset, read_records
from bandprobe.summary.probes import probes_dataset
from bandprobe.summary.tables import write_summary

AXES: dict[str, Any] = {
    "layers": {"net": ["stem", "head"], "pixels": ["input"]},
    "readouts": ["map", "pooled"],
    "modes": ["remove", "keep"],
    "bands": ["low", "mid", "high"],
    "networks": ["net"],
}
# 3 layers x 2 readouts x 2 modes x 3 bands
N_TARGETS = 36


def record(number: int, model: str, layer: str, readout: str, mode: str, band: str) -> dict:
    """A target's record; `mid` is empty, `high` is not seen by the pooled readout."""
    empty, blind = band == "mid", band == "high" and readout == "pooled"
    value = None if empty else float(number)
    flags = [EMPTY_BAND] * empty + [BLIND] * blind
    return {
        "dataset": "mine",
        "model": model,
        "layer": layer,
        "readout": readout,
        "mode": mode,
        "band": band,
        "bins": 0 if empty else len(layer) + len(band),
        "clean_top1": 0.5,
        "clean_top1_ci": [0.4, 0.6],
        "unit": "class",
        "n_units": 4,
        "n_units_effective": 3.5,
        "n_samples": 40,
        "degrees_of_freedom": 3.0,
        "level": 0.95,
        "top1_drop_error": None if empty else 0.01 * (1 + number),
        "p_smallest": 0.125,
        "intervention": f"{mode} {band}",
        "clean_top5": 0.75,
        "clean_rank": 2.0,
        "clean_margin": 1.0,
        **dict.fromkeys(("top1", "top5", "rank", "margin"), value),
        **dict.fromkeys((*EFFECTS, *control_fields(), *mask_fields()), value),
        **{
            f"{name}_ci": None if empty else [number - 2.0, number + 2.0]
            for name in (*SHARES, *EFFECTS, *control_fields())
        },
        "p_value": None if empty else 0.001 * (1 + number),
        "mcnemar_p": None if empty else 0.5,
        "flags": flags,
    }


@pytest.fixture
def records() -> list[dict[str, Any]]:
    cells = [
        (model, layer, readout, mode, band)
        for model, layers in AXES["layers"].items()
        for layer in layers
        for readout in AXES["readouts"]
        for mode in AXES["modes"]
        for band in AXES["bands"]
    ]
    return [record(number, *cell) for number, cell in enumerate(cells)]


def test_records_are_read_in_the_order_of_the_axes(
    tmp_path: Path, records: list[dict[str, Any]]
) -> None:
    for one in records:
        names = [one[axis] for axis in ("model", "layer", "readout", "mode")]
        write_json(tmp_path.joinpath(*names, f"{one['band']}.json"), one)
    assert read_records(tmp_path, AXES) == records
    (tmp_path / "net" / "head" / "map" / "keep" / "low.json").unlink()
    with pytest.raises(StoreError, match=r"head/map/keep/low\.json"):
        read_records(tmp_path, AXES)


def test_interventions_lie_along_all_axes(records: list[dict[str, Any]]) -> None:
    found = interventions_dataset(records, AXES)
    assert dict(found.sizes) == {"model": 2, "layer": 3, "readout": 2, "mode": 2, "band": 3}
    assert found["top1"].dims == ("model", "layer", "readout", "mode", "band")
    assert found["clean_top1"].dims == ("model", "layer", "readout")
    assert found["n_units_effective"].dims == ("model", "layer", "readout")
    assert found.attrs["unit"] == "class"
    assert found["bins"].dims == ("model", "layer", "band")
    for one in records:
        cell = found.sel(
            {axis: one[axis] for axis in ("model", "layer", "readout", "mode", "band")}
        )
        assert float(cell["bins"]) == one["bins"]
        assert float(cell["clean_top1"]) == 0.5
        assert (float(cell["n_units"]), float(cell["n_units_effective"])) == (4, 3.5)
        assert bool(cell["structural"]) == (BLIND in one["flags"])
        if one["top1"] is None:
            assert all(np.isnan(cell[name]) for name in ("top1", "top1_drop_low", "rank", "margin"))
        else:
            low, high = one["rank_degradation_ci"]
            assert float(cell["top1"]) == float(cell["margin"]) == one["top1"]
            assert float(cell["rank_degradation_low"]) == low
            assert float(cell["rank_degradation_high"]) == high
            assert [float(cell["top1_low"]), float(cell["top1_high"])] == one["top1_ci"]
            assert float(cell["equal_variance_margin_drop_p_less"]) == one["top1"]


def test_corrections_are_over_all_cells_that_are_no_structure(
    records: list[dict[str, Any]],
) -> None:
    found = interventions_dataset(records, AXES)
    tested = [one for one in records if one["p_value"] is not None and BLIND not in one["flags"]]
    p_values = found["p_value"].to_numpy()
    for name in ("p_holm", "p_bh"):
        values = found[name].to_numpy()
        assert np.isfinite(values).sum() == len(tested) == 18
        exists = np.isfinite(values)
        assert (values[exists] >= p_values[exists]).all()
        assert (values <= 1)[exists].all()
    smallest = min(one["p_value"] for one in tested)
    # Those of the network: 2 layers, 2 modes, and 2 bands of the one readout, 1 of the other.
    assert float(found["p_holm"].min()) == pytest.approx(12 * smallest)


def test_the_images_themselves_are_a_family_of_tests_of_their_own(
    records: list[dict[str, Any]],
) -> None:
    """What the pixels' tests say changes nothing about the network, and the reverse."""
    before = interventions_dataset(records, AXES)
    of_pixels = before["p_value"].sel(model="pixels").to_numpy()
    exists = np.isfinite(before["p_holm"].sel(model="pixels").to_numpy())
    assert exists.sum() == 6
    holm = before["p_holm"].sel(model="pixels").to_numpy()
    assert holm[exists].min() == pytest.approx(6 * of_pixels[exists].min())
    for model, count in (("net", 12), ("pixels", 6)):
        n_tests = before["n_tests"].sel(model=model).to_numpy()
        assert set(n_tests[np.isfinite(n_tests)]) == {count}
    for one in records:
        if one["model"] == "pixels" and one["p_value"] is not None:
            one["p_value"] = 1e-9
    after = interventions_dataset(records, AXES)
    for name in ("p_holm", "p_bh", "detectable_drop"):
        xr.testing.assert_equal(after[name].sel(model="net"), before[name].sel(model="net"))
    assert float(after["p_holm"].sel(model="pixels").max()) < 1e-6


def test_an_intervention_counts_once_whatever_modes_do_it(records: list[dict[str, Any]]) -> None:
    """`keep high` is `remove low`, in all layers and readouts."""
    apart = interventions_dataset(records, AXES)
    for one in records:
        if (one["mode"], one["band"]) == ("keep", "high"):
            one["intervention"] = "remove low"
            (same,) = [
                other
                for other in records
                if (other["mode"], other["band"]) == ("remove", "low")
                and all(other[axis] == one[axis] for axis in ("model", "layer", "readout"))
            ]
            one["p_value"] = same["p_value"]
    found = interventions_dataset(records, AXES)
    one, other = found.sel(mode="remove", band="low"), found.sel(mode="keep", band="high")
    seen = {"model": "net", "layer": "stem", "readout": "map"}
    for name in ("p_holm", "p_bh", "p_levels"):
        assert float(one[name].sel(seen)) == float(other[name].sel(seen))
    assert float(one["distinct"].sel(seen)) == 1
    assert float(other["distinct"].sel(seen)) == 0
    assert float(apart["distinct"].sum()) == 18
    # In the pooled readout `high` is forced, so three repeats are left out.
    assert float(found["distinct"].sum()) == 15
    smallest = min(one["p_value"] for one in records if one["p_value"] is not None)
    assert float(found["p_holm"].min()) == pytest.approx(10 * smallest)


def test_what_could_be_seen_is_at_the_level_of_one_of_all_tests(
    records: list[dict[str, Any]],
) -> None:
    found = interventions_dataset(records, AXES)["detectable_drop"]
    one = records[0]
    assert one["top1_drop_error"] == 0.01
    cell = found.sel({axis: one[axis] for axis in ("model", "layer", "readout", "mode", "band")})
    (expected,) = detectable_drop(
        np.array([0.01]), np.array([3.0]), np.array([1.9 / 40]), 1 - 0.05 / 12
    )
    assert float(cell) == pytest.approx(expected)
    assert int(found.notnull().sum()) == 18


def test_levels_are_the_layers_and_readouts_of_one_model(records: list[dict[str, Any]]) -> None:
    """Other p-values of the pixels change nothing about the network."""
    before = interventions_dataset(records, AXES)
    for one in records:
        if one["model"] == "pixels" and one["p_value"] is not None:
            one["p_value"] = 1.0
    after = interventions_dataset(records, AXES)
    net = after["p_levels"].sel(model="net")
    xr.testing.assert_equal(net, before["p_levels"].sel(model="net"))
    assert not net.equals(after["p_bh"].sel(model="net"))
    pixels = after["p_levels"].sel(model="pixels").to_numpy()
    assert (pixels[np.isfinite(pixels)] == 1).all()
    assert after["p_smallest"].dims == ("model", "layer", "readout")


def test_cells_that_do_not_exist_are_nan(records: list[dict[str, Any]]) -> None:
    found = interventions_dataset(records, AXES)
    for model, layer in (("pixels", "stem"), ("pixels", "head"), ("net", "input")):
        cell = found.sel(model=model, layer=layer)
        assert all(np.isnan(cell[name]).all() for name in found.data_vars)


def test_every_variable_has_a_name_and_a_unit(records: list[dict[str, Any]]) -> None:
    for variable in interventions_dataset(records, AXES).data_vars.values():
        assert variable.attrs["long_name"]
        assert variable.attrs["units"]


def test_tables_hold_the_cells_that_exist(tmp_path: Path, records: list[dict[str, Any]]) -> None:
    found = interventions_dataset(records, AXES)
    write_summary(found, tmp_path / "out" / "a.nc", tmp_path / "out" / "a.csv", {"code": "x"})
    table = pd.read_csv(tmp_path / "out" / "a.csv")
    assert len(table) == N_TARGETS
    axes = ["model", "layer", "readout", "mode", "band"]
    assert {tuple(row) for row in table[axes].to_numpy()} == {
        tuple(one[axis] for axis in axes) for one in records
    }
    assert table["top1"].isna().sum() == N_TARGETS // 3
    with xr.open_dataset(tmp_path / "out" / "a.nc", engine="h5netcdf") as stored:
        assert stored.attrs["code"] == "x"
        xr.testing.assert_equal(stored.load(), found)
    assert sorted(item.name for item in (tmp_path / "out").iterdir()) == ["a.csv", "a.nc"]


def test_flags_have_one_row_each_with_their_meaning(records: list[dict[str, Any]]) -> None:
    table = flag_table(records)
    assert len(table) == sum(len(one["flags"]) for one in records) == 12 + 6
    assert set(table["flag"]) == {EMPTY_BAND, BLIND}
    assert (table["meaning"].str.len() > 10).all()
    assert (table.loc[table["flag"] == EMPTY_BAND, "band"] == "mid").all()
    assert list(flag_table([]).columns) == list(table.columns)


def test_probes_lie_along_their_penalties(tmp_path: Path, rng: np.random.Generator) -> None:
    losses = {}
    for model, layers in AXES["layers"].items():
        for layer in layers:
            for readout in AXES["readouts"]:
                losses[model, layer, readout] = loss = rng.uniform(size=(5, 2))
                write_store(
                    tmp_path / model / layer / f"{readout}.zarr",
                    {
                        "intercept": Variable(("class",), np.zeros(4)),
                        "cv_log_loss": Variable(("fold", "penalty"), loss),
                        "eval_accuracy": Variable(("penalty",), loss[0]),
                        "permuted_accuracy": Variable(("permutation",), loss[1]),
                    },
                    {"penalty": Variable(("penalty",), np.array([0.1, 10.0]))},
                    {"penalty": 10.0},
                )
    found = probes_dataset(tmp_path, AXES)
    assert found["cv_log_loss"].dims == ("model", "layer", "readout", "penalty")
    assert found["penalty"].to_numpy().tolist() == [0.1, 10.0]
    assert found.attrs["chance"] == 0.25
    for (model, layer, readout), loss in losses.items():
        cell = found.sel(model=model, layer=layer, readout=readout)
        np.testing.assert_allclose(cell["cv_log_loss"], loss.mean(0))
        np.testing.assert_allclose(cell["eval_accuracy"], loss[0])
        assert float(cell["penalty_chosen"]) == 10
        assert float(cell["permuted_accuracy"]) == pytest.approx(loss[1].mean())
        assert float(cell["permuted_highest"]) == loss[1].max()
    assert np.isnan(found["cv_log_loss"].sel(model="pixels", layer="stem")).all()
    write_summary(found, tmp_path / "a.nc", tmp_path / "a.csv", {})
    assert len(pd.read_csv(tmp_path / "a.csv")) == 3 * 2 * 2
