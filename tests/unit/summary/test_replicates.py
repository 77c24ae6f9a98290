"""Parts of the uncertainty of drops, from a made-up store and by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
from scipy.stats import t

from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.zarr_store import Variable, write_store
from bandprobe.summary.replicates import replicates_dataset
from bandprobe.summary.tables import cells_table

AXES: Mapping[str, Any] = {
    "layers": {"net": ["first"]},
    "readouts": ["map"],
    "modes": ["remove-mean"],
    "bands": ["low", "high"],
}
SETTINGS = IntervalSettings(resamples=100, level=0.95, seed=0)
CELL = {"model": "net", "layer": "first", "readout": "map", "mode": "remove-mean"}
STRATA, BLOCKS, REPLICATES = 6, 3, 40


def interventions() -> xr.Dataset:
    """A summary with what the replicates take from it."""
    dims = ("model", "layer", "readout", "mode", "band")
    shape = (1, 1, 2, 2, 2)
    values = {
        "top1_drop_low": 0.05,
        "top1_drop_high": 0.15,
        "structural": 0.0,
        "equal_bins_top1_drop_spread": 0.02,
        "equal_bins_masks": 100.0,
    }
    names = (["net"], ["first"], ["pooled", "map"], ["remove", "remove-mean"], AXES["bands"])
    return xr.Dataset(
        {name: (dims, np.full(shape, value)) for name, value in values.items()},
        coords=dict(zip(dims, names, strict=True)),
    )


def written(
    folder: Path,
    rng: np.random.Generator,
    *,
    shared: int = 0,
    strata: int = STRATA,
    count: int = 40,
) -> dict[str, np.ndarray]:
    """Write a store with normal drops, and return its arrays."""
    n_sets = strata * BLOCKS
    cells = (1, 1, 2)
    arrays = {
        "accuracy": np.array([0.8]),
        "accuracy_variance": np.array([0.0004]),
        "drop": np.full(cells, 0.1),
        "drop_variance": np.full(cells, 0.0009),
        "left_out_accuracy": rng.normal(0.8, 0.01, (1, n_sets)),
        "left_out_drop": rng.normal(0.1, 0.01, (*cells, n_sets)),
        "stratum": np.repeat(np.arange(strata), BLOCKS),
        "bins": np.array([5, 20]),
        "groups": np.array([[n_sets, strata, shared], [2 * n_sets, strata, shared]]),
    }
    if count:
        arrays |= {
            "replicate_accuracy": rng.normal(0.8, 0.02, (1, count)),
            "replicate_drop": rng.normal(0.1, 0.05, (*cells, count)),
            "replicate_drop_variance": np.full((*cells, count), 0.0009),
        }
    variables = {
        name: Variable(tuple(f"{name}_{axis}" for axis in range(values.ndim)), values)
        for name, values in arrays.items()
    }
    write_store(folder / "net" / "first.zarr", variables, {}, {})
    return arrays


def test_parts_and_intervals_are_those_by_hand(tmp_path: Path, rng: np.random.Generator) -> None:
    arrays = written(tmp_path, rng)
    found = replicates_dataset(tmp_path, AXES, SETTINGS, interventions()).sel(CELL)
    for band in range(2):
        cell = found.isel(band=band)
        by_stratum = arrays["left_out_drop"][0, 0, band].reshape(STRATA, BLOCKS)
        training = (BLOCKS - 1) / BLOCKS * by_stratum.var(1).sum() * BLOCKS
        total = training + 0.0009
        assert float(cell["training_error"]) == pytest.approx(np.sqrt(training))
        assert float(cell["evaluation_error"]) == pytest.approx(0.03)
        assert float(cell["total_error"]) == pytest.approx(np.sqrt(total))
        assert float(cell["training_share"]) == pytest.approx(training / total)
        assert float(cell["repeatability"]) == pytest.approx(1.96 * np.sqrt(2 * total))
        freedom = total**2 / (training**2 / 12 + 0.0009**2 / 30)
        half = t.ppf(0.975, freedom) * np.sqrt(total)
        assert float(cell["top1_drop_low"]) == pytest.approx(0.1 - half)
        assert float(cell["top1_drop_high"]) == pytest.approx(0.1 + half)
        drops = arrays["replicate_drop"][0, 0, band]
        assert float(cell["replicate_spread"]) == pytest.approx(drops.std(ddof=1))
        assert float(cell["replicate_low"]) == pytest.approx(np.quantile(drops, 0.025))
        # A third of the groups trains.
        rest = (drops.var(ddof=1) - 0.0009 / 3) / (2 / 3)
        assert float(cell["replicate_training_error"]) == pytest.approx(np.sqrt(rest))
        signal = drops.mean() ** 2 - drops.var(ddof=1) / len(drops)
        assert float(cell["noise_ceiling"]) == pytest.approx(signal / np.square(drops).mean())
        assert float(cell["interval_low"]) == 0.05
        assert float(cell["masks_error"]) == pytest.approx(0.002)
    assert float(found["clean_evaluation_error"]) == pytest.approx(0.02)
    flags = ("few_train_groups", "few_eval_groups", "shared_groups")
    assert [float(found[name]) for name in flags] == [0, 0, 0]


def test_a_row_of_the_table_is_a_drop(tmp_path: Path, rng: np.random.Generator) -> None:
    written(tmp_path, rng)
    dataset = replicates_dataset(tmp_path, AXES, SETTINGS, interventions())
    table = cells_table(dataset)
    assert list(table["band"]) == ["low", "high"]
    assert "replicate_drop" not in table
    assert dataset["replicate_drop"].sizes["replicate"] == REPLICATES


@pytest.mark.parametrize(
    ("change", "flag", "missing"),
    [
        ({"strata": 4}, "few_train_groups", ["training_error", "total_error", "top1_drop_low"]),
        ({"shared": 3}, "shared_groups", ["training_error", "replicate_training_error"]),
    ],
)
def test_too_few_or_shared_groups_have_a_flag_and_no_number(
    tmp_path: Path,
    rng: np.random.Generator,
    change: dict[str, int],
    flag: str,
    missing: list[str],
) -> None:
    written(tmp_path, rng, **change)
    found = replicates_dataset(tmp_path, AXES, SETTINGS, interventions()).sel(CELL)
    assert float(found[flag]) == 1
    for name in missing:
        assert found[name].isnull().all(), name
    assert found["top1_drop"].notnull().all()


def test_without_replicates_there_is_no_axis_for_them(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    written(tmp_path, rng, count=0)
    found = replicates_dataset(tmp_path, AXES, SETTINGS, interventions())
    assert "replicate" not in found.dims
    assert found["replicate_spread"].isnull().all()
    assert found["training_error"].notnull().all()
