"""configs/phantom.yaml end to end: the right answers are known, and the workflow finds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xarray as xr
import yaml

from tests.workflow.conftest import HOME, TinyStudy

pytestmark = pytest.mark.slow
BANDS = ("ultra-low", "very-low", "low", "mid", "high", "very-high", "ultra-high")
# Mean accuracy of the three classes of a band that counts as destroyed or as kept. Chance is 1/21;
# a class holds 20 images, so one image is 0.05 of it.
# An image of which nothing is left gets the class of a blank map: of the three classes of one band
# that is right for a third.
DESTROYED, KEPT, DISTURBED = 0.15, 0.95, 1 / 3


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Results of the study."""
    folder = tmp_path_factory.mktemp("phantom")
    config = yaml.safe_load((HOME / "configs" / "phantom.yaml").read_text())
    done = TinyStudy(folder, config).run("interventions", "summaries")
    assert done.code == 0, done.output
    return folder / "results"


def targets(results: Path, dataset: str, mode: str) -> list[dict[str, Any]]:
    folder = results / dataset / "targets/pixels/input/map" / mode
    return [json.loads((folder / f"{band}.json").read_text()) for band in BANDS]


def accuracy_by_band(results: Path, mode: str, readout: str = "map") -> np.ndarray:
    """Accuracy, (band that was changed, band of the class), from the stored outcomes."""
    path = results / f"phantom/outcomes/pixels/input/{readout}/{mode}.zarr"
    with xr.open_zarr(path) as outcomes:
        assert tuple(outcomes["band"].values) == BANDS
        correct = outcomes["correct"].mean("draw").transpose("band", "sample").values
        own = outcomes["label"].values // 3
    return np.stack([correct[:, own == band].mean(1) for band in range(7)], axis=1)


def test_the_untouched_images_are_told_apart(phantom: Path) -> None:
    (record, *_) = targets(phantom, "phantom", "remove")
    assert record["n_classes"] == 21
    assert record["n_samples"] == record["n_groups"] == 420
    assert record["clean_top1"] > 0.95


def test_removing_any_band_costs_a_seventh(phantom: Path) -> None:
    for record in targets(phantom, "phantom", "remove"):
        assert 0.095 < record["top1_drop"] < 0.145, record["band"]
        assert record["top1_drop_ci"][0] > 0
        # The band that has DC has no sets of bins without DC beside it.
        without = {"no-equal-bins-masks", "no-equal-energy-masks"}
        allowed = without if record["band"] == "ultra-low" else set()
        assert set(record["flags"]) <= allowed | {"penalty-at-the-end"}


@pytest.mark.parametrize("readout", ["map", "pattern"])
def test_removing_a_band_destroys_its_classes_and_no_others(phantom: Path, readout: str) -> None:
    found = accuracy_by_band(phantom, "remove", readout)
    own = np.eye(7, dtype=bool)
    assert (found[own] <= DESTROYED).all(), found
    assert (found[~own] >= KEPT - 0.01).all(), found


@pytest.mark.parametrize("readout", ["map", "pattern"])
def test_isolating_a_band_keeps_exactly_its_classes(phantom: Path, readout: str) -> None:
    found = accuracy_by_band(phantom, "isolate", readout)
    own = np.eye(7, dtype=bool)
    assert (found[own] >= KEPT).all(), found
    assert (found[~own] <= DISTURBED).all(), found
    assert found[~own].mean() < 2 / 21


def test_without_all_but_dc_a_pattern_is_at_chance_and_without_dc_it_is_complete(
    phantom: Path,
) -> None:
    """Its classes differ in their patterns alone, and its lowest band has more than DC."""
    with xr.open_dataset(phantom / "phantom/summary/parts.nc") as summary:
        cells = summary.sel(model="pixels", layer="input").load()
    for readout in ("map", "pattern"):
        of_readout = cells.sel(readout=readout, mode="remove")
        assert float(of_readout["clean_top1"]) > 0.95
        dc, rest = (float(of_readout["top1"].sel(part=part)) for part in ("dc", "all-but-dc"))
        assert dc > 0.95
        assert rest == pytest.approx(1 / 21, abs=0.05)
    flags = cells["flags"].sel(readout="pattern", mode="remove").to_numpy().tolist()
    assert [text.split()[0] for text in flags] == [
        "structural:readout-blind",
        "structural:nothing-left",
    ]
    bins = cells["bins"].to_numpy()
    assert bins[0] == 1
    assert bins.sum() == 112 * 112


def test_random_phases_leave_a_linear_readout_at_chance(phantom: Path) -> None:
    for mode in ("remove", "isolate"):
        for record in targets(phantom, "phantom-random-phase", mode):
            low, high = record["clean_top1_ci"]
            assert low <= 1 / 21 <= high
            assert "clean-not-above-chance" in record["flags"]


def test_every_band_brings_a_near_equal_share(phantom: Path) -> None:
    with xr.open_zarr(phantom / "phantom/shapley/pixels/input/map.zarr") as values:
        shares = values["accuracy"].mean("sample").values
        brought = float((values["accuracy_all"] - values["accuracy_none"]).mean())
    assert shares.sum() == pytest.approx(brought, abs=1e-6)
    assert brought > 0.9
    np.testing.assert_allclose(shares, brought / 7, atol=0.03)


def test_random_masks_cost_no_class_of_its_own(phantom: Path) -> None:
    """As many bins as a band, anywhere: what they hold is a little of every pattern."""
    lowest, *others = targets(phantom, "phantom", "remove")
    assert len(others) == 6
    for record in others:
        for kind in ("equal_bins", "equal_energy", "equal_variance"):
            assert record[f"{kind}_top1_drop"] < 0.05
            assert record[f"{kind}_top1_drop_excess_ci"][0] > 0
            # Of 150 masks hardly one costs as much.
            assert record[f"{kind}_top1_drop_p_greater"] < 0.05
    assert lowest["equal_bins_top1_drop"] is None
    assert lowest["equal_variance_top1_drop"] < 0.05


def test_energies_tell_the_band_whatever_the_phases(phantom: Path) -> None:
    path = phantom / "phantom-random-phase/probes/pixels/input/energy.zarr"
    with xr.open_zarr(path) as probe:
        band = probe["clean_logits"].argmax("class").values // 3
        own = probe["label"].values // 3
    told = np.array([(band[own == b] == b).mean() for b in range(7)])
    # Chance is a seventh; the lowest bands have few bins, whose energies scatter most.
    assert (band == own).mean() > 0.8
    assert (told[2:] > 0.9).all(), told
    assert (told > 0.3).all(), told


def interactions(results: Path, dataset: str) -> tuple[xr.Dataset, np.ndarray]:
    """Interactions of the pixels, and which of them have intervals above or below zero."""
    with xr.open_dataset(results / dataset / "summary/shapley.nc") as summary:
        found = summary.sel(model="pixels", layer="input", readout="map").load()
    low, high = (found[f"accuracy_interaction_{end}"].to_numpy() for end in ("low", "high"))
    return found, np.sign((low > 0).astype(int) - (high < 0))


def test_bands_with_classes_of_their_own_do_not_interact(phantom: Path) -> None:
    found, sign = interactions(phantom, "phantom")
    assert int(found["accuracy_interaction"].notnull().sum()) == 7 * 6
    assert not sign.any()
    assert float(np.abs(found["accuracy_interaction"]).max()) < 0.03
    # Alone a band tells a seventh of the classes, and its removal costs as many.
    for share in ("best_alone_share", "worst_removal_share"):
        assert found[f"{share}_low"] < 1 / 7 < found[f"{share}_high"]


def test_two_bands_that_tell_together_interact_and_no_others(phantom: Path) -> None:
    found, sign = interactions(phantom, "phantom-conjunction")
    expected = np.zeros((7, 7))
    expected[2, 4] = expected[4, 2] = 1
    np.testing.assert_array_equal(sign, expected)
    pair = found["accuracy_interaction"].sel(band="low", other_band="high")
    # All of nine classes with both, a third with one, a ninth with none.
    assert float(pair) == pytest.approx(1 - 2 / 3 + 1 / 9, abs=0.05)
    # A third instead of a ninth, where all is one: a quarter of what is above chance.
    assert found["best_alone_share_low"] < 0.25 < found["best_alone_share_high"]
    assert found["worst_removal_share_low"] < 0.75 < found["worst_removal_share_high"]
