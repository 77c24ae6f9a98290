"""Interactions and shares in the summary, from layers whose classes lie in known bands."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from bandprobe.errors import StoreError
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import project
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.zarr_store import Store, Variable, write_store
from bandprobe.summary.interactions import QUANTITIES, interaction_table
from bandprobe.summary.shapley import shapley_dataset
from bandprobe.summary.tables import cells_table, write_summary
from tests.unit.layers import layer_records

# "none" has no bin on these grids; "dc" is DC alone.
BANDS = Bands(("dc", "none", "low", "mid", "high"), (0.05, 0.1, 0.4, 0.8))
SETTINGS = IntervalSettings(200, 0.95, 0)
READOUTS = ("map", "pattern", "pooled")
GRID = (14, 13)


def shapley_stores(folder: Path, shapes: np.ndarray, classes: int, seed: int = 0) -> Path:
    """Shapley values of maps with one of these shapes (n_classes, y, x) under white noise."""
    generator = np.random.default_rng(seed)
    labels = np.arange(classes * 30) % classes, np.arange(classes * 20) % classes
    maps = [
        (generator.normal(size=(len(of), 1, *GRID)) + shapes[of][:, None]).astype("f4")
        for of in labels
    ]
    removal = (Mode("remove", "remove", "mean"), Mode("isolate", "isolate", "mean"))
    layer_records(folder, *maps, labels, BANDS, removal, READOUTS)
    own = folder / "all" / "net" / "layer"
    own.parent.mkdir(parents=True)
    (folder / "shapley").rename(own)
    return folder / "all"


def in_band(band: int, count: int, seed: int, strength: float) -> np.ndarray:
    white = np.random.default_rng(seed).normal(size=(count, *GRID)).astype("f4")
    found = project(white, BANDS.on_grid(*GRID), band)
    found *= strength * np.sqrt(found[0].size) / np.linalg.norm(found, axis=(1, 2), keepdims=True)
    return np.asarray(found)


def summary(folder: Path, settings: IntervalSettings = SETTINGS) -> xr.Dataset:
    axes = {"layers": {"net": ["layer"]}, "readouts": READOUTS, "modes": ["remove"]}
    return shapley_dataset(folder, {**axes, "bands": BANDS.names}, settings)


def cell(dataset: xr.Dataset, readout: str = "map") -> xr.Dataset:
    return dataset.sel(model="net", layer="layer", readout=readout)


@pytest.fixture(scope="module")
def conjunction(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nine classes: one of three shapes in `low` together with one of three in `high`."""
    low, high = in_band(2, 3, 1, 1.5), in_band(4, 3, 2, 1.5)
    shapes = (low[:, None] + high[None]).reshape(9, *GRID)
    return shapley_stores(tmp_path_factory.mktemp("conjunction"), shapes, 9)


@pytest.fixture(scope="module")
def two_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two classes that differ by a shape in `low` and by another in `high`."""
    shape = in_band(2, 1, 1, 0.5)[0] + in_band(4, 1, 2, 0.5)[0]
    return shapley_stores(tmp_path_factory.mktemp("two"), np.stack([shape, -shape]), 2)


def test_a_conjunction_of_two_bands_is_a_positive_interaction_of_these(conjunction: Path) -> None:
    found = cell(summary(conjunction))
    pair = found.sel(band="low", other_band="high")
    # All nine classes are told with both, three times three with one, and one in nine with none.
    assert float(pair["accuracy_interaction"]) == pytest.approx(1 - 2 / 3 + 1 / 9, abs=0.06)
    assert float(pair["accuracy_interaction_low"]) > 0
    assert float(pair["margin_interaction_low"]) > 0
    table = interaction_table(found.expand_dims(["model", "layer", "readout"]))
    others = table[(table["band"] != "low") | (table["other_band"] != "high")]
    assert len(others) == 5
    assert (others["accuracy_interaction_low"] <= 0).all()
    assert (others["accuracy_interaction_high"] >= 0).all()


def test_margins_of_two_classes_are_sums_so_that_no_band_interacts(two_classes: Path) -> None:
    found = cell(summary(two_classes))
    exists = found["margin_interaction"].notnull()
    assert int(exists.sum()) == 4 * 3
    np.testing.assert_allclose(found["margin_interaction"].where(exists, 0), 0, atol=1e-6)
    # Right answers are no sums: what both bands say is partly said twice.
    assert float(found["accuracy_interaction"].sel(band="low", other_band="high")) < 0


def test_matrices_are_symmetric_and_empty_where_there_is_no_pair(conjunction: Path) -> None:
    found = cell(summary(conjunction))
    for name in ("accuracy_interaction", "margin_interaction"):
        for end in ("", "_low", "_high"):
            values = found[name + end].to_numpy()
            np.testing.assert_array_equal(values, values.T)
            expected = np.eye(5, dtype=bool)
            expected[1] = expected[:, 1] = True
            np.testing.assert_array_equal(np.isnan(values), expected)
    assert set(QUANTITIES) <= set(found.data_vars)


def test_intervals_of_pairs_hold_together(conjunction: Path) -> None:
    wide = cell(summary(conjunction))
    # Four bands have bins: six pairs.
    narrow = cell(summary(conjunction, IntervalSettings(200, 1 - 0.05 * 6, 0)))
    store = Store(conjunction / "net" / "layer" / "map.zarr")
    pair = store.labels("pair").index("low + high")
    values = store.read("margin_interaction")[[pair]]
    units = np.arange(values.shape[1])
    for dataset, level in ((wide, 1 - 0.05 / 6), (narrow, 0.95)):
        low, high = IntervalSettings(200, level, 0).bounds(values, units)
        found = dataset.sel(band="low", other_band="high")
        assert float(found["margin_interaction_low"]) == pytest.approx(low[0])
        assert float(found["margin_interaction_high"]) == pytest.approx(high[0])


def test_stored_scores_of_single_bands_are_those_of_the_modes(conjunction: Path) -> None:
    store = Store(conjunction / "net" / "layer" / "map.zarr")
    outcomes = conjunction.parent / "outcomes" / "map"
    for name, mode in (("alone", "isolate"), ("without", "remove")):
        of_mode = Store(outcomes / f"{mode}.zarr")
        for score, outcome in (("expected_accuracy", "correct"), ("margin", "margin")):
            np.testing.assert_allclose(
                store.read(f"{score}_{name}"), of_mode.read(outcome)[:, 0], atol=1e-5
            )


def test_shares_are_of_the_accuracy_above_chance(conjunction: Path) -> None:
    store = Store(conjunction / "net" / "layer" / "map.zarr")
    found = cell(summary(conjunction))
    complete, chance = store.read("expected_accuracy_all").mean(), 1 / 9
    alone = store.read("expected_accuracy_alone").mean(1)
    cost = complete - store.read("expected_accuracy_without").mean(1)
    np.testing.assert_allclose(found["alone_share"], (alone - chance) / (complete - chance))
    np.testing.assert_allclose(found["removal_share"], cost / (complete - chance))
    for best, share in (("best_alone", "alone"), ("worst_removal", "removal")):
        for end in ("", "_low", "_high"):
            expected = np.nanmax(found[f"{share}_share{end}"])
            assert float(found[f"{best}_share{end}"]) == pytest.approx(expected)
    assert 0.2 < float(found["best_alone_share"]) < 0.3
    assert 0.7 < float(found["worst_removal_share"]) < 0.8


def test_a_readout_of_one_band_keeps_all_with_it(two_classes: Path) -> None:
    """`pooled` sees DC alone, which tells nothing: there is no accuracy to have shares of."""
    found = cell(summary(two_classes), "pooled")
    assert np.isnan(found["best_alone_share"])
    pattern = cell(summary(two_classes), "pattern")
    assert np.isnan(pattern["alone_share"].sel(band=["dc", "none"])).all()
    blind = pattern.sel(band="dc")
    assert float(blind["removal_share"]) == 0
    assert float(blind["removal_share_low"]) == float(blind["removal_share_high"]) == 0


def test_interactions_that_do_not_add_up_are_refused(two_classes: Path, tmp_path: Path) -> None:
    for readout in READOUTS:
        store = Store(two_classes / "net" / "layer" / f"{readout}.zarr")
        variables = {
            name: Variable(store.array(name).dims, store.read(name), {}) for name in store.names()
        }
        values = variables["margin_interaction"].values.copy()
        values[-1] += 0.1
        coordinates = {
            name: variables.pop(name) for name in ("band", "sample", "label", "group", "pair")
        }
        variables["margin_interaction"] = Variable(("pair", "sample"), values, {})
        write_store(
            tmp_path / "net" / "layer" / f"{readout}.zarr", variables, coordinates, store.attrs
        )
    with pytest.raises(StoreError, match="interactions of margin do not add up"):
        summary(tmp_path)


def test_pairs_have_a_table_of_their_own(conjunction: Path, tmp_path: Path) -> None:
    dataset = summary(conjunction)
    write_summary(dataset, tmp_path / "s.nc", tmp_path / "s.csv", {})
    bands = cells_table(dataset)
    assert len(bands) == len(READOUTS) * 5
    assert "accuracy_interaction" not in bands
    assert "best_alone_share" in bands
    table = interaction_table(dataset)
    assert list(table.columns[:5]) == ["model", "layer", "readout", "band", "other_band"]
    assert len(table) == len(READOUTS) * 6
    with xr.open_dataset(tmp_path / "s.nc") as stored:
        assert stored["accuracy_interaction"].dims[-1] == "other_band"
        assert stored["margin_interaction"].attrs["units"] == "logits"
