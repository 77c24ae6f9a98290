"""The summary of DC alone and all but DC: known cells, and those of a band that is DC alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.summary.parts import part_records, parts_dataset
from tests.unit.layers import Records, layer_records

MODES = (
    Mode("remove", "remove"),
    Mode("remove-mean", "remove", "mean"),
    Mode("isolate-mean", "isolate", "mean"),
)
READOUTS = ("map", "pattern", "pooled", "energy")
SETTINGS = IntervalSettings(20, 0.9, 0)
WIDE, NARROW = Bands(("low", "high"), (0.6,)), Bands(("low", "mid", "high"), (0.05, 0.6))
# Fields that are of bands alone.
OF_BANDS = ("band", "bins", "intervention", "flags")
# Flags that all cells of a readout share; of three classes the accuracy of the first five is fixed.
OF_THE_READOUT = ("top5-forced", "penalty-at-the-end")


def layer(folder: Path, bands: Bands, pattern: float = 1.0, source: int = 224) -> Records:
    """Maps of 6 x 6 whose means tell three classes apart; their pattern does if there is any."""
    rng = np.random.default_rng(0)
    splits, labels = [], []
    for count in (24, 18):
        label = np.arange(count) % 3
        maps = 1 + rng.normal(0, 1, size=(count, 3, 1, 1)) + np.zeros((count, 3, 6, 6))
        maps[:, 0] += 3 * label[:, None, None]
        noise = rng.normal(0, 1, size=maps.shape)
        noise[:, 1, :, ::2] += 2 * label[:, None, None]
        splits.append((maps + pattern * noise).astype(np.float32))
        labels.append(label)
    both = (labels[0], labels[1])
    return layer_records(folder, *splits, both, bands, MODES, READOUTS, source=source)


def records(folder: Path, readout: str, mode: str = "remove-mean") -> list[dict[str, Any]]:
    path = folder / "outcomes" / readout / f"{mode}.zarr"
    return part_records(path, folder / "spectra.zarr", SETTINGS)


def test_a_band_that_is_dc_alone_has_the_same_numbers(tmp_path: Path) -> None:
    of_bands = layer(tmp_path, NARROW)
    for readout in READOUTS:
        parts = records(tmp_path, readout)
        for part, mode in zip(parts, ("remove-mean", "isolate-mean"), strict=True):
            band = of_bands[f"{readout}/{mode}"][0]
            compared = [
                name
                for name, value in part.items()
                if name not in OF_BANDS and isinstance(value, int | float | list)
            ]
            assert {"top1", "top1_ci", "top1_drop_ci", "p_value", "margin_drop"} <= {*compared}
            for name in compared:
                assert part[name] == pytest.approx(band[name], rel=1e-5, abs=1e-6), name
            assert set(part["flags"]) <= {*band["flags"]}
            structural = [flag for flag in band["flags"] if flag.startswith("structural")]
            assert [flag for flag in part["flags"] if flag.startswith("structural")] == structural


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a layer whose lowest band has more bins than DC."""
    folder = tmp_path_factory.mktemp("wide")
    layer(folder, WIDE)
    return folder


def test_cells_that_are_fixed_by_construction_say_so(wide: Path) -> None:
    expected = {
        "map": ([], []),
        "pattern": (["structural:readout-blind"], ["structural:nothing-left"]),
        "pooled": (["structural:nothing-left"], ["structural:readout-blind"]),
        "energy": (["not-defined"], ["not-defined"]),
    }
    for readout, flags in expected.items():
        parts = records(wide, readout)
        assert [part["band"] for part in parts] == ["dc", "all-but-dc"]
        assert [part["bins"] for part in parts] == [1, 35]
        for part, wanted in zip(parts, flags, strict=True):
            found = [flag for flag in part["flags"] if flag not in OF_THE_READOUT]
            assert found == wanted, readout
    blind, left = records(wide, "pattern")
    assert blind["top1_drop"] == 0
    # Nothing is left, so all images get the same class: right for a third, or a tie for none.
    assert left["top1"] in (0, pytest.approx(1 / 3))
    assert left["clean_top1"] > 0.6
    assert records(wide, "energy")[0]["top1_drop"] is None
    assert records(wide, "energy")[0]["clean_top1"] > 0


def test_maps_without_a_pattern_are_flagged_and_no_contradiction(tmp_path: Path) -> None:
    layer(tmp_path, WIDE, pattern=0.0)
    dc, rest = records(tmp_path, "map")
    assert "below-rounding" in rest["flags"]
    assert "below-rounding" not in dc["flags"]
    assert "rule-and-numbers-disagree" not in dc["flags"] + rest["flags"]
    assert rest["top1_drop"] == 0
    assert dc["top1_drop"] > 0.3


def test_enlarged_images_are_flagged_outside_dc(tmp_path: Path) -> None:
    layer(tmp_path, WIDE, source=2)
    dc, rest = records(tmp_path, "map")
    assert "above-source-resolution" in rest["flags"]
    assert "above-source-resolution" not in dc["flags"]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory, wide: Path) -> xr.Dataset:
    """The summary of two models, a network and the pixels, with the same layer."""
    tmp_path = tmp_path_factory.mktemp("all")
    for model in ("net", "pixels"):
        (tmp_path / "all" / model).mkdir(parents=True)
        (tmp_path / "all" / model / "layer").symlink_to(wide / "outcomes")
        (tmp_path / "all" / model / "layer.zarr").symlink_to(wide / "spectra.zarr")
    axes = {
        "layers": {"net": ("layer",), "pixels": ("layer",)},
        "readouts": READOUTS,
        "modes": ("remove-mean", "remove"),
        "bands": WIDE.names,
        "networks": ("net",),
    }
    return parts_dataset(tmp_path / "all", tmp_path / "all", axes, SETTINGS)


def test_the_summary_has_the_records_of_all_cells(wide: Path, dataset: xr.Dataset) -> None:
    assert dataset["part"].to_numpy().tolist() == ["dc", "all-but-dc"]
    assert dataset["mode"].to_numpy().tolist() == ["remove-mean", "remove"]
    assert not [name for name in map(str, dataset.data_vars) if name.startswith("equal_")]
    for readout in READOUTS:
        for part, record in zip(("dc", "all-but-dc"), records(wide, readout), strict=True):
            names = {"readout": readout, "mode": "remove-mean", "part": part, "layer": "layer"}
            cell = dataset.sel(model="net", **names)
            assert str(cell["flags"].item()) == " ".join(record["flags"])
            for name in ("top1", "top1_drop", "rank_degradation", "margin_drop", "p_value"):
                value = np.nan if record[name] is None else record[name]
                assert float(cell[name]) == pytest.approx(value, nan_ok=True)
            if record["top1_drop"] is not None:
                bounds = [float(cell["top1_drop_low"]), float(cell["top1_drop_high"])]
                assert bounds == record["top1_drop_ci"]


def test_the_parts_of_networks_are_a_family_of_tests_of_their_own(dataset: xr.Dataset) -> None:
    """Of each model, map has four tests; pooled and pattern are fixed, energy has none."""
    tested = dataset["n_tests"].notnull().sum(("mode", "part", "layer"))
    assert tested.sel(readout="map").to_numpy().tolist() == [4, 4]
    assert tested.sel(readout=["pattern", "pooled", "energy"]).to_numpy().sum() == 0
    assert float(dataset["n_tests"].max()) == float(dataset["n_tests"].min()) == 4
    of_net = dataset.sel(model="net", layer="layer", readout="map")
    p_values, holm = of_net["p_value"].to_numpy(), of_net["p_holm"].to_numpy()
    order = np.sort(p_values.ravel())
    stepped = np.minimum(np.maximum.accumulate(order * [4, 3, 2, 1]), 1)
    np.testing.assert_allclose(np.sort(holm.ravel()), stepped)
