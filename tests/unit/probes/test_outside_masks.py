"""Masks outside the bands of a layer, through the stores, against maps changed one by one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import masked
from bandprobe.fourier.modes import Mode
from bandprobe.linear.standardise import readout_logits
from bandprobe.probes.masks import bin_power
from bandprobe.probes.outside_masks import KINDS, MaskDrawer
from bandprobe.probes.read import Readout, read_readout
from bandprobe.probes.settings import MaskSettings
from bandprobe.scoring.flags import NO_MASKS
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Store
from tests.unit.layers import layer_records

BANDS = Bands(("dc", "low", "mid", "high"), (0.05, 0.45, 0.8))
MODES = (
    Mode("remove", "remove"),
    Mode("remove-mean", "remove", "mean"),
    Mode("isolate", "isolate"),
    Mode("isolate-mean", "isolate", "mean"),
    Mode("lowpass", "lowpass", "mean"),
)
N_MASKS = 20


@pytest.fixture(scope="module", params=[2000, 12], ids=["pairs", "units"])
def layer(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Path]:
    """A layer with readouts, outcomes and targets; what tells the classes lies in all bands."""
    folder, rng, grid = tmp_path_factory.mktemp("layer"), np.random.default_rng(0), (9, 8)
    labels = np.arange(60) % 3, np.arange(18) % 3
    classes = rng.normal(size=(3, 2, *grid))
    maps = [
        (rng.normal(2, 1, (len(of), 2, *grid)) + 0.4 * classes[of]).astype("f4") for of in labels
    ]
    readouts = ("map", "pattern", "pooled", "refit")
    with pytest.MonkeyPatch.context() as patch:
        # As on grids of many bins.
        patch.setattr("bandprobe.fourier.outside_masks.MOST_UNITS", request.param)
        layer_records(folder, *maps, labels, BANDS, MODES, readouts, draws=1, outside=N_MASKS)
        yield folder


def drawn(folder: Path, readout: Readout) -> list[np.ndarray]:
    """The masks of each kind and band, on the full plane."""
    store = Store(folder / "eval.zarr")
    height, width = store.array("layer").shape[-2:]
    settings = MaskSettings(1, 0, N_MASKS)
    drawer = MaskDrawer(BANDS.on_grid(height, width), bin_power(store, "layer"), settings, "layer")
    rows = np.arange(height * width) // width, np.arange(height * width) % width
    sets = []
    for one in (mask for of_kind in drawer.of_readout(readout) for mask in of_kind):
        half = one.masks.reshape(-1, height, width // 2 + 1)
        # Each bin is looked up, or the one of the opposite frequency.
        inside = rows[1] <= width // 2
        y = np.where(inside, rows[0], -rows[0] % height)
        x = np.where(inside, rows[1], -rows[1] % width)
        sets.append(half[:, y, x].reshape(-1, height, width))
    return sets


def changed(mode: Mode, maps: np.ndarray, mean_map: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Raw maps of which a mask was taken out, or all else."""
    gone = mask if mode.kind == "remove" else ~mask
    fill = masked(mean_map[None], gone) if mode.fill == "mean" else 0
    return np.asarray(maps - masked(maps, gone) + fill, np.float32)


@pytest.mark.parametrize("name", ["map", "pattern"])
def test_scores_are_those_of_maps_that_were_changed_one_by_one(layer: Path, name: str) -> None:
    features = Store(layer / "eval.zarr")
    maps, labels = features.read("layer"), features.read("label")
    readout = read_readout(layer / "probes" / f"{name}.zarr")
    sets = drawn(layer, readout)
    for mode in MODES[:4]:
        store = Store(layer / "outcomes" / name / f"{mode.name}.zarr")
        for row, kind in enumerate(KINDS):
            prefix = kind.replace("-", "_")
            for band in range(len(BANDS)):
                masks = sets[row * len(BANDS) + band]
                found = {s: store.read(f"{prefix}_by_mask_{s}")[band] for s in ("correct", "rank")}
                assert np.isfinite(found["rank"]).sum() == len(masks)
                if not len(masks):
                    continue
                logits = [
                    readout_logits(
                        changed(mode, maps, readout.mean_map, mask),
                        readout.weights[...],
                        readout.intercept,
                        readout.channel_mean,
                        readout.channel_scale,
                        without_dc=readout.without_dc,
                    )
                    for mask in masks
                ]
                right = outcomes(np.stack(logits), labels)
                for score, values in right._asdict().items():
                    if score == "top5":
                        continue
                    by_mask = store.read(f"{prefix}_by_mask_{score}")[band, : len(masks)]
                    by_sample = store.read(f"{prefix}_by_sample_{score}")[band]
                    np.testing.assert_allclose(by_mask, values.mean(1), atol=2e-4)
                    np.testing.assert_allclose(by_sample, values.mean(0), atol=2e-4)


@pytest.mark.parametrize("name", ["map", "pattern"])
def test_masks_match_their_bands_and_share_no_bin_with_them(layer: Path, name: str) -> None:
    features = Store(layer / "eval.zarr")
    maps = features.read("layer").astype(np.float64)
    grid = BANDS.on_grid(*maps.shape[-2:])
    readout = read_readout(layer / "probes" / f"{name}.zarr")
    planes = np.fft.fft2(maps)
    scaled = planes / readout.channel_scale[:, None, None]
    variance = (np.square(np.abs(scaled)).mean(0) - np.square(np.abs(scaled.mean(0)))).sum(0)
    weights = np.ones(maps.shape[-2:]), np.square(np.abs(planes)).mean((0, 1)), variance
    stored = Store(layer / "logits" / f"{name}.zarr")
    found = 0
    for number, masks in enumerate(drawn(layer, readout)):
        row, band = divmod(number, len(BANDS))
        weight = weights[row].copy()
        if name == "pattern":
            weight[0, 0] = 0
        own = weight[grid.mask(band)].sum()
        matched = stored.read("outside_matched")[row, band]
        assert np.isfinite(matched).sum() == len(masks)
        assert len({mask.tobytes() for mask in masks}) == len(masks)
        for mask, ratio in zip(masks, matched, strict=False):
            assert not (mask & grid.mask(band)).any()
            assert not mask[0, 0]
            assert weight[mask].sum() / own == pytest.approx(ratio, abs=2e-3)
            assert 0.95 <= ratio < 1.001
            found += 1
    assert found >= 3 * N_MASKS


def test_targets_have_the_mean_of_the_masks_and_where_the_band_lies_among_them(
    layer: Path,
) -> None:
    found = layer_targets(layer, "map", "remove-mean")
    store = Store(layer / "outcomes" / "map" / "remove-mean.zarr")
    clean = store.read("clean_correct").mean(dtype=np.float64)
    drops = clean - store.read("equal_bins_by_mask_correct")
    for band, record in enumerate(found):
        # DC is one bin, and pairs have two; `high` has more than half of all bins.
        count = int(np.isfinite(drops[band]).sum())
        if BANDS.names[band] in ("dc", "high") or not count:
            assert NO_MASKS["equal-bins"] in record["flags"]
            assert record["equal_bins_top1_drop"] is record["equal_bins_masks"] is None
            assert record["equal_bins_top1_drop_p_greater"] is None
            continue
        assert record["equal_bins_masks"] == count >= 19
        own = record["top1_drop"]
        mean = np.nanmean(drops[band])
        assert record["equal_bins_top1_drop"] == pytest.approx(mean, abs=1e-6)
        assert record["equal_bins_top1_drop_excess"] == pytest.approx(own - mean, abs=1e-6)
        assert record["equal_bins_top1_drop_spread"] == pytest.approx(
            np.nanstd(drops[band], ddof=1)
        )
        low, high = record["equal_bins_top1_drop_excess_ci"]
        assert low < own - mean < high
        above = (1 + (drops[band] >= own - 1e-9).sum()) / (1 + count)
        assert record["equal_bins_top1_drop_p_greater"] >= above - 1e-9
        assert "control-is-the-band" not in record["flags"]


def test_where_there_are_no_masks_outside_the_bands_draws_are_the_control(layer: Path) -> None:
    """Sweeps have random partitions, the pooled readout sees DC alone, refit has no control."""
    for readout, mode in (("map", "lowpass"), ("pooled", "remove")):
        for record in layer_targets(layer, readout, mode):
            assert record["equal_bins_masks"] is record["equal_variance_top1_drop"] is None
            assert record["equal_bins_top1_drop"] is not None
            assert not set(record["flags"]) & set(NO_MASKS.values())
    record = layer_targets(layer, "refit", "remove")[1]
    assert record["equal_bins_masks"] is record["equal_bins_top1_drop"] is None


def test_layers_have_different_masks(layer: Path) -> None:
    store = Store(layer / "eval.zarr")
    readout = read_readout(layer / "probes" / "map.zarr")
    grid = BANDS.on_grid(*store.array("layer").shape[-2:])
    power, settings = bin_power(store, "layer"), MaskSettings(1, 0, N_MASKS)
    one, same, other = (
        MaskDrawer(grid, power, settings, name).of_readout(readout)[0][2].masks
        for name in ("layer", "layer", "blocks.1")
    )
    np.testing.assert_array_equal(one, same)
    assert not np.array_equal(one, other)


def layer_targets(folder: Path, readout: str, mode: str) -> list[dict[str, Any]]:
    """Records of all bands, as they are stored."""
    paths = [folder / "targets" / readout / mode / f"{band}.json" for band in BANDS.names]
    return [json.loads(path.read_text(encoding="utf-8")) for path in paths]
