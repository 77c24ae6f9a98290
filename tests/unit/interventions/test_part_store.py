"""DC alone and all but DC, removed as a whole, compared with maps changed in pixel space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.interventions.outcome_store import read_outcomes
from bandprobe.interventions.part_store import PARTS, outcomes_of_parts, read_dc
from bandprobe.linear.standardise import readout_logits
from bandprobe.scoring.outcomes import Outcomes, outcomes
from bandprobe.store.zarr_store import Store
from tests.unit.layers import layer_records

MODES = (
    Mode("remove", "remove"),
    Mode("remove-mean", "remove", "mean"),
    Mode("isolate", "isolate"),
    Mode("isolate-mean", "isolate", "mean"),
)
LINEAR = ("map", "pattern", "pooled")
# The lowest band of the first has other bins beside DC, that of the second has none.
WIDE, NARROW = Bands(("low", "high"), (0.6,)), Bands(("low", "mid", "high"), (0.05, 0.6))
GRIDS = [(5, 7), (6, 6), (8, 3), (1, 4)]
WEIGHTS = ("W", "intercept", "channel_mean", "channel_scale")


def scored(folder: Path, grid: tuple[int, int], bands: Bands) -> None:
    """A layer of which a channel's mean and a channel's pattern tell three classes apart."""
    rng = np.random.default_rng(0)
    splits, labels = [], []
    for count in (24, 12):
        label = np.arange(count) % 3
        maps = rng.normal(2, 1, size=(count, 3, *grid)).astype(np.float32)
        maps[:, 0] += 0.5 * label[:, None, None]
        maps[:, 1, :, 0] += label[:, None]
        splits.append(maps)
        labels.append(label)
    layer_records(folder, *splits, (labels[0], labels[1]), bands, MODES, (*LINEAR, "energy"))


def in_pixels(maps: np.ndarray, mean_map: np.ndarray, fill: str) -> list[np.ndarray]:
    """Maps without DC, and without all but DC, what is put in its place included."""
    mean = maps.mean((-2, -1), keepdims=True)
    if fill == "zero":
        return [maps - mean, np.broadcast_to(mean, maps.shape)]
    level = mean_map.mean((-2, -1), keepdims=True)
    return [maps - mean + level, mean + (mean_map - level)]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
@pytest.mark.parametrize("bands", [WIDE, NARROW], ids=["wide", "narrow"])
def test_parts_are_removed_as_from_the_maps_themselves(
    tmp_path: Path, grid: tuple[int, int], bands: Bands
) -> None:
    scored(tmp_path, grid, bands)
    features = Store(tmp_path / "eval.zarr")
    maps, label = features.read("layer").astype(np.float64), features.read("label")
    for readout in LINEAR:
        probe = Store(tmp_path / "probes" / f"{readout}.zarr")
        without_dc = bool(probe.attrs.get("without_dc", False))
        weights = [probe.read(name) for name in WEIGHTS]
        for mode in MODES[:2]:
            path = tmp_path / "outcomes" / readout / f"{mode.name}.zarr"
            store = Store(path)
            assert store.labels("part") == PARTS
            np.testing.assert_array_equal(store.read("part_bins"), [1, maps[0, 0].size - 1])
            found = store.read("part_margin")
            changed = in_pixels(maps, probe.read("mean_map").astype(np.float64), mode.fill)
            for part, image in zip(found, changed, strict=True):
                logits = readout_logits(image, *weights, without_dc=without_dc)
                expected = outcomes(logits, label).margin
                np.testing.assert_allclose(part, expected, atol=2e-4 * logits.std() + 1e-5)


def test_where_the_lowest_band_is_dc_they_are_its_removal_and_its_isolation(
    tmp_path: Path,
) -> None:
    scored(tmp_path, (5, 6), NARROW)
    for readout in (*LINEAR, "energy"):
        for fill in ("", "-mean"):
            removed, isolated = (
                Store(tmp_path / "outcomes" / readout / f"{kind}{fill}.zarr")
                for kind in ("remove", "isolate")
            )
            for name in Outcomes._fields:
                found = removed.read(f"part_{name}")
                for part, store in enumerate((removed, isolated)):
                    expected = store.read(name)[0, 0]
                    np.testing.assert_allclose(found[part], expected, rtol=1e-5, atol=1e-5)


def test_only_removals_and_readouts_that_split_there_have_parts(tmp_path: Path) -> None:
    scored(tmp_path, (6, 6), WIDE)
    for readout in (*LINEAR, "energy"):
        for mode in MODES:
            store = Store(tmp_path / "outcomes" / readout / f"{mode.name}.zarr")
            has_parts = readout != "energy" and mode.kind == "remove"
            assert ("part_correct" in store) == has_parts
            of_bands, _, _ = read_outcomes(tmp_path / "outcomes" / readout / f"{mode.name}.zarr")
            assert (outcomes_of_parts(store, of_bands) is not None) == has_parts
    assert read_dc(Store(tmp_path / "logits" / "energy.zarr")) is None


def test_pooled_sees_dc_alone_and_pattern_all_else_to_the_last_digit(tmp_path: Path) -> None:
    scored(tmp_path, (5, 7), WIDE)
    of_pooled, of_pattern = (
        Store(tmp_path / "logits" / f"{name}.zarr") for name in ("pooled", "pattern")
    )
    pooled, pattern = read_dc(of_pooled), read_dc(of_pattern)
    assert pooled is not None
    assert pattern is not None
    np.testing.assert_array_equal(pooled.logits, of_pooled.read("band_logits").sum(0))
    for values in pattern.__dict__.values():
        assert not values.any()
