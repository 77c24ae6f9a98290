"""Known summaries make known sentences, and nothing is called used that may be chance or size."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from bandprobe.scoring.flags import DISAGREE, NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import AXES, CONTROLS
from bandprobe.summary.verdict import (
    ABSENT,
    AT_CHANCE,
    FIXED,
    LIKE_CONTROLS,
    NOT_SHOWN,
    USED,
    ModelVerdict,
    removal_mode,
    verdicts,
)
from bandprobe.summary.verdict_sentences import (
    held_sentence,
    used_sentence,
)

BANDS = ["lowest", "middle", "top"]
LAYERS = {"net": ["first", "last"]}
MODE = "remove-mean"
NO_FLAGS = pd.DataFrame(columns=["dataset", *AXES, "flag", "meaning"], dtype=str)
# What passes, and exceeds both kinds of random masks.
EFFECT = {
    "top1_drop": 0.2,
    "top1_drop_low": 0.1,
    "top1_drop_high": 0.3,
    "p_levels": 0.01,
    "equal_bins_top1_drop_excess_low": 0.02,
    "equal_bins_top1_drop_excess_high": 0.2,
    "equal_energy_top1_drop_excess_low": 0.03,
    "equal_energy_top1_drop_excess_high": 0.2,
}
NO_EFFECT = {
    "top1_drop": 0.01,
    "top1_drop_low": -0.05,
    "top1_drop_high": 0.06,
    "p_levels": 1.0,
    "structural": 0.0,
    **{
        f"{name}_top1_drop_excess_{end}": value
        for name in CONTROLS
        for end, value in (("low", -0.1), ("high", 0.1))
    },
}


def interventions() -> xr.Dataset:
    """Two readers of a network of two layers, without any effect."""
    labels = {
        "model": ["net"],
        "layer": LAYERS["net"],
        "readout": ["map", "pattern"],
        "mode": [MODE],
        "band": BANDS,
    }
    shape = tuple(map(len, labels.values()))
    variables: dict[str, Any] = {
        name: (AXES, np.full(shape, value)) for name, value in NO_EFFECT.items()
    }
    variables["clean_top1"] = (AXES[:3], np.full(shape[:3], 0.7))
    return xr.Dataset(variables, labels)


def spectra(shares: list[float], bins: list[int]) -> xr.Dataset:
    """Both layers hold the same."""
    dims, shape = ("model", "layer", "band"), (1, 2, 3)
    values = {
        "share_without_dc": np.array(shares),
        "share_without_dc_low": np.array(shares) - 0.02,
        "share_without_dc_high": np.array(shares) + 0.03,
        "bins_without_dc": np.array(bins, float),
    }
    variables = {name: (dims, np.broadcast_to(row, shape)) for name, row in values.items()}
    labels = {"model": ["net"], "layer": LAYERS["net"], "band": BANDS}
    return xr.Dataset(variables, labels)


def put(data: xr.Dataset, layer: str, band: str, readout: str = "pattern", **values: float) -> None:
    cell = {"model": "net", "layer": layer, "readout": readout, "mode": MODE, "band": band}
    for name, value in values.items():
        data[name].loc[{axis: cell[axis] for axis in data[name].dims}] = value


def flag(layer: str, readout: str, name: str) -> pd.DataFrame:
    rows = [["data", "net", layer, readout, MODE, band, name, ""] for band in BANDS]
    return pd.DataFrame(rows, columns=NO_FLAGS.columns)


def verdict(
    data: xr.Dataset, flags: pd.DataFrame = NO_FLAGS, mode: str | None = MODE
) -> ModelVerdict:
    energies = spectra([0.1, 0.6, 0.3], [4, 8, 12])
    (found,) = verdicts(data, energies, flags, LAYERS, mode, 0.95)
    return found


def states(found: ModelVerdict, reader: str = "pattern") -> dict[tuple[str, str], str]:
    return {(cell.layer, cell.band): cell.state for cell in found.used[reader]}


def test_an_effect_is_said_with_its_interval_and_its_controls() -> None:
    data = interventions()
    put(data, "last", "middle", **EFFECT)
    found = verdict(data)
    assert {key for key, state in states(found).items() if state == USED} == {("last", "middle")}
    assert used_sentence(found, "pattern") == (
        "A linear reader of the pattern (the map without DC) uses middle in last (without it, "
        "accuracy falls by 0.20 (0.10 to 0.30) from 0.70, more than for random masks with as many "
        "bins or with as much energy)."
    )
    assert used_sentence(found, "map") == (
        "A linear reader of the complete map is not shown to use any single band."
    )


@pytest.mark.parametrize(
    "change",
    [
        {"p_levels": 0.06},
        {"p_levels": np.nan},
        {"top1_drop_low": -0.001},
        # A gain.
        {"top1_drop": -0.2, "top1_drop_low": -0.3, "top1_drop_high": -0.1},
    ],
)
def test_what_does_not_pass_is_not_used(change: dict[str, float]) -> None:
    data = interventions()
    put(data, "last", "middle", **(EFFECT | change))
    assert states(verdict(data))["last", "middle"] == NOT_SHOWN


def test_a_band_that_costs_what_random_masks_cost_is_named_as_such() -> None:
    data = interventions()
    alike = {f"{name}_top1_drop_excess_low": -0.01 for name in CONTROLS}
    put(data, "last", "top", **(EFFECT | alike))
    found = verdict(data)
    assert states(found)["last", "top"] == LIKE_CONTROLS
    assert used_sentence(found, "pattern") == (
        "A linear reader of the pattern (the map without DC) is not shown to use any single band. "
        "The loss of top in last (0.20 (0.10 to 0.30)) is not distinguishable from that by random "
        "masks."
    )
    # Of one kind only it is told apart.
    put(data, "last", "top", equal_energy_top1_drop_excess_low=0.01)
    assert states(verdict(data))["last", "top"] == USED
    sentence = used_sentence(verdict(data), "pattern")
    assert "more than for random masks with as much energy)" in sentence
    assert "bins" not in sentence


@pytest.mark.parametrize("nothing", [0.0, np.nan])
def test_dc_alone_has_no_control_and_several_layers_are_one_phrase(nothing: float) -> None:
    data = interventions()
    none = {f"{n}_top1_drop_excess_{end}": nothing for n in CONTROLS for end in ("low", "high")}
    names = {"first": 0.2, "second": 0.5, "last": 0.3}
    data = xr.concat([data, data.sel(layer=["first"]).assign_coords(layer=["second"])], "layer")
    for layer, drop in names.items():
        put(data, layer, "lowest", "map", **(EFFECT | none | {"top1_drop": drop}))
    energies = spectra([0.1, 0.6, 0.3], [0, 8, 12]).reindex(layer=["first", "second", "last"])
    energies["bins_without_dc"].loc[{"layer": "second"}] = [0.0, 8.0, 12.0]
    (found,) = verdicts(data, energies, NO_FLAGS, {"net": list(names)}, MODE, 0.95)
    assert used_sentence(found, "map") == (
        "A linear reader of the complete map uses lowest in first, second and last, where it is "
        "DC alone (without it, accuracy falls most in second, by 0.50 (0.10 to 0.30) from 0.70; in "
        "last, the deepest of them, by 0.30 (0.10 to 0.30) from 0.70)."
    )
    energies["bins_without_dc"].loc[{"layer": "second"}] = [4.0, 8.0, 12.0]
    energies["share_without_dc"].loc[{"layer": "second"}] = [0.1, 0.6, 0.3]
    put(data, "second", "lowest", "map", **EFFECT)
    (found,) = verdicts(data, energies, NO_FLAGS, {"net": list(names)}, MODE, 0.95)
    assert used_sentence(found, "map") == (
        "A linear reader of the complete map uses lowest in first, second and last, DC alone in "
        "first and last (without it, accuracy falls most in last, by 0.30 (0.10 to 0.30) from "
        "0.70)."
    )


def test_forced_and_missing_values_are_neither_used_nor_unused() -> None:
    data = interventions()
    put(data, "last", "lowest", **(EFFECT | {"structural": 1.0}))
    put(data, "last", "top", **(EFFECT | {"top1_drop": np.nan}))
    found = states(verdict(data))
    assert (found["last", "lowest"], found["last", "top"]) == (FIXED, ABSENT)
    for layer in LAYERS["net"]:
        for band in BANDS:
            put(data, layer, band, structural=1.0)
    assert used_sentence(verdict(data), "pattern").endswith("missing or fixed by construction.")


def test_a_reader_at_chance_says_so_and_a_study_at_chance_too() -> None:
    data = interventions()
    put(data, "last", "middle", **EFFECT)
    one = flag("last", "pattern", NO_BETTER_THAN_CHANCE)
    found = verdict(data, one)
    assert states(found)["last", "middle"] == AT_CHANCE
    assert states(found)["first", "middle"] == NOT_SHOWN
    both = pd.concat([one, flag("first", "pattern", NO_BETTER_THAN_CHANCE)])
    found = verdict(data, both)
    assert used_sentence(found, "pattern").endswith("not distinguishable from chance in any layer.")
    assert not found.at_chance
    readers = [flag(layer, "map", NO_BETTER_THAN_CHANCE) for layer in LAYERS["net"]]
    assert verdict(data, pd.concat([both, *readers])).at_chance


def test_doubtful_numbers_are_not_used() -> None:
    data = interventions()
    put(data, "last", "middle", **EFFECT)
    assert states(verdict(data, flag("last", "pattern", DISAGREE)))["last", "middle"] == NOT_SHOWN


def test_a_study_without_removal_says_nothing_of_use() -> None:
    found = verdict(interventions(), mode=None)
    assert found.used == {}
    assert not found.at_chance


@pytest.mark.parametrize(
    ("shares", "bins", "told"),
    [
        ([0.1, 0.6, 0.3], [4, 8, 12], "middle: 0.60 (0.58 to 0.63)"),
        ([0.4, 0.2, 0.4], [4, 8, 12], "lowest: 0.40 (0.38 to 0.43) and top: 0.40 (0.38 to 0.43)"),
        # A band of DC alone has nothing without it, whatever is stored there.
        ([0.9, 0.06, 0.04], [0, 8, 12], "middle: 0.06 (0.04 to 0.09)"),
    ],
)
def test_the_last_layer_holds_most_in_the_fewest_bands(
    shares: list[float], bins: list[int], told: str
) -> None:
    (found,) = verdicts(interventions(), spectra(shares, bins), NO_FLAGS, LAYERS, MODE, 0.95)
    sentence = held_sentence(found, BANDS)
    assert sentence == f"Without DC, last holds most of its energy in {told}."


def test_no_energy_but_dc_is_said() -> None:
    (found,) = verdicts(
        interventions(), spectra([1, 0, 0], [0, 0, 0]), NO_FLAGS, LAYERS, MODE, 0.95
    )
    assert held_sentence(found, BANDS) == "last has no energy but DC."


def test_the_loss_of_a_band_is_that_of_removal_with_the_mean() -> None:
    modes = {
        "keep": {"kind": "isolate", "fill": "mean"},
        "zero": {"kind": "remove", "fill": "zero"},
        "mean": {"kind": "remove", "fill": "mean"},
    }
    assert removal_mode(modes) == "mean"
    del modes["mean"]
    assert removal_mode(modes) == "zero"
    del modes["zero"]
    assert removal_mode(modes) is None
