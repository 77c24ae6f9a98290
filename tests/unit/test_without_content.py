"""Bands that hold nothing but rounding say nothing, whatever reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import project
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.flags import ABOVE_SOURCE, BELOW_ROUNDING, DISAGREE
from tests.cases import quick_and_slow
from tests.unit.layers import Records, layer_records

CLASSES, TRAIN, EVALUATION, CHANNELS = 4, 96, 48, 32
BANDS = Bands(("dc", "low", "mid", "high"), (0.05, 0.35, 0.7))
MODES = (
    Mode("remove", "remove"),
    Mode("isolate", "isolate"),
    Mode("isolate-mean", "isolate", "mean"),
    Mode("turn", "phase"),
)
LABELS = np.arange(TRAIN) % CLASSES, np.arange(EVALUATION) % CLASSES


def levels(rng: np.random.Generator, grid: tuple[int, int]) -> list[np.ndarray]:
    """Maps that are constant in space; the classes differ in their levels."""
    means = rng.normal(1.0, 1.0, (CLASSES, CHANNELS))
    each = [means[label] + 0.1 * rng.normal(size=(len(label), CHANNELS)) for label in LABELS]
    return [np.broadcast_to(v[..., None, None], (*v.shape, *grid)).astype("f4") for v in each]


def waves(rng: np.random.Generator, grid: tuple[int, int]) -> list[np.ndarray]:
    """Maps with a single pair of bins, of which the strength tells the classes apart."""
    angle = 2 * np.pi * np.arange(grid[1]) / grid[1]
    means = rng.normal(1.0, 1.0, (CLASSES, CHANNELS))
    found = []
    for label in LABELS:
        strength = means[label] + 0.1 * rng.normal(size=(len(label), CHANNELS))
        maps = strength[..., None, None] * np.cos(2 * angle)
        found.append(np.broadcast_to(maps, (*strength.shape, *grid)).astype("f4"))
    return found


def without(records: Records, held: int) -> list[tuple[str, dict]]:
    """Targets of the bands that hold nothing."""
    return [
        (name, record)
        for name, of_mode in records.items()
        for band, record in enumerate(of_mode)
        if band != held and record["bins"]
    ]


@pytest.mark.parametrize(
    ("grid", "make"),
    quick_and_slow(
        [((10, 14), levels)],
        [(grid, waves) for grid in ((7, 7), (14, 14), (10, 14))]
        + [((7, 7), levels), ((14, 14), levels)],
    ),
)
def test_a_band_of_rounding_alone_tells_no_class(
    tmp_path: Path, rng: np.random.Generator, make, grid: tuple[int, int]
) -> None:
    held = 0 if make is levels else 1 + int(np.digitize(4 / grid[1], BANDS.edges[1:]))
    records = layer_records(tmp_path, *make(rng, grid), LABELS, BANDS, MODES)
    # Levels have no pattern at all.
    sees_nothing = () if make is waves else ("pattern",)
    for readout in {"map", "energy", "refit", "pattern"}.difference(sees_nothing):
        assert records[f"{readout}/isolate-mean"][held]["top1"] == 1
    found = without(records, held)
    assert len(found) == 3 * (4 * len(MODES) + 3)
    for name, record in found:
        readout, mode = name.split("/")
        case = f"{name} {record['band']}"
        assert BELOW_ROUNDING in record["flags"], case
        assert DISAGREE not in record["flags"], case
        if mode.startswith("isolate") and not (readout == "pooled" and record["band"] == "dc"):
            assert record["top1"] <= 1 / CLASSES + 1e-9, case
        elif readout in sees_nothing:
            assert record["top1"] <= record["clean_top1"] <= 1 / CLASSES + 1e-9, case
        elif readout != "pooled":
            assert record["top1"] == record["clean_top1"] == 1, case


def test_levels_are_nothing_to_a_pattern_beside_a_wave(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    """Without the wave only levels are left, and they hold all the evidence of `map`."""
    maps = [a + b for a, b in zip(levels(rng, (14, 14)), waves(rng, (14, 14)), strict=True)]
    modes = [Mode(kind, kind, "mean") for kind in ("lowpass", "highpass", "isolate", "remove")]
    records = layer_records(tmp_path, *maps, LABELS, BANDS, modes, ("map", "pattern"))
    wave = 1 + int(np.digitize(4 / 14, BANDS.edges[1:]))
    flags = [flag for of_mode in records.values() for record in of_mode for flag in record["flags"]]
    assert DISAGREE not in flags
    for name in ("pattern/remove", "pattern/lowpass"):
        below = wave if name == "pattern/remove" else wave - 1
        assert records[name][below]["top1"] <= 1 / CLASSES
        assert records[name.replace("pattern", "map")][below]["top1"] == 1
    assert records["pattern/isolate"][wave]["top1"] == 1


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_bands_below_the_number_format_are_flagged(
    tmp_path: Path, rng: np.random.Generator, dtype: str
) -> None:
    """A band at a share of 1e-9 is lost in float16, and there in float32."""
    angle = 2 * np.pi * np.arange(16) / 16
    maps = [rng.normal(2, 1, (len(label), 3, 16, 16)) for label in LABELS]
    partition = BANDS.on_grid(16, 16)
    low = [project(values.astype("f4"), partition, 1).astype(float) for values in maps]
    weak = [(10 + values + 1e-3 * np.cos(7 * angle)).astype(dtype) for values in low]
    modes = (Mode("remove", "remove"),)
    records = layer_records(tmp_path, *weak, LABELS, BANDS, modes, readouts=("map",))
    flagged = [BELOW_ROUNDING in record["flags"] for record in records["map/remove"]]
    assert flagged == [False, False, True, dtype == "float16"]


@pytest.mark.parametrize(
    ("source", "flagged"),
    quick_and_slow([(14, []), (13, ["high"])], [(16, []), (8, ["mid", "high"])]),
)
def test_bands_that_enlarged_images_cannot_hold_are_flagged(
    tmp_path: Path, rng: np.random.Generator, source: int, flagged: list[str]
) -> None:
    maps = [rng.normal(0, 1, (len(label), 3, 16, 16)).astype("f4") for label in LABELS]
    modes = (Mode("remove", "remove"),)
    records = layer_records(tmp_path, *maps, LABELS, BANDS, modes, readouts=("map",), source=source)
    found = [r["band"] for r in records["map/remove"] if ABOVE_SOURCE in r["flags"]]
    assert found == flagged
