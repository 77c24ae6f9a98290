"""One penalty a band: a generalised ridge, no worse on held-out folds than one penalty for all."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import ConfigError
from bandprobe.fourier.bands import Bands
from bandprobe.linear.band_grams import pack_bands
from bandprobe.linear.standardise import readout_logits
from bandprobe.probes.fit import Splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import FitBands, FitSettings
from bandprobe.store.zarr_store import Store
from tests.unit.layers import write_maps

NAMES, EDGES = ("low", "mid", "high"), (0.3, 0.7)
PENALTIES = (1e-3, 1e-2, 0.1, 1.0, 10.0, 100.0)
WEIGHTS = ("W", "intercept", "channel_mean", "channel_scale")


def fitted(
    folder: Path,
    grid: tuple[int, int],
    penalties: tuple[float, ...] = PENALTIES,
    *,
    by_band: bool = True,
    estimator: str = "ridge",
    channels: int = 2,
) -> dict[str, Store]:
    """`map` and `pattern` of maps whose lowest band tells classes apart, in noise above it."""
    rng = np.random.default_rng(3)
    bands = Bands(NAMES, EDGES)
    partition = bands.on_grid(*grid)
    for name, count in (("train", 40), ("eval", 30)):
        label = np.arange(count) % 2
        maps = 0.3 * rng.normal(size=(count, channels, *grid))
        low = np.cos(2 * np.pi * np.arange(grid[1]) / grid[1]) if grid[1] > 7 else 1.0
        maps += (0.4 * label)[:, None, None, None] * low
        noise = rng.normal(size=maps.shape)
        high = np.fft.ifft2(np.where(partition.mask(2), np.fft.fft2(noise), 0)).real
        write_maps(folder / f"{name}.zarr", (maps + 3 * high).astype(np.float32), label)
    stores = (Store(folder / f"{name}.zarr") for name in ("train", "eval"))
    settings = FitSettings(penalties, estimator, 1, 0, by_band)
    splits = Splits(*stores, "layer", np.arange(40) // 2 % 4, ["a", "b"], settings)
    outputs = {name: folder / f"{by_band}" / f"{name}.zarr" for name in ("map", "pattern")}
    fit_layer(splits, outputs, FitBands(NAMES, EDGES, ()), code="digest")
    return {name: Store(path) for name, path in outputs.items()}


# More dimensions than images, and fewer.
GRIDS = [(5, 6), (3, 4)]


@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_equal_penalties_are_one_penalty(tmp_path: Path, grid: tuple[int, int]) -> None:
    own, shared = (fitted(tmp_path, grid, (0.1,), by_band=by_band) for by_band in (True, False))
    for name in ("map", "pattern"):
        assert "band_penalty" not in shared[name]
        for array in ("clean_logits", "W", "intercept", "permuted_accuracy"):
            expected = shared[name].read(array)
            np.testing.assert_allclose(own[name].read(array), expected, atol=2e-5)


@pytest.mark.parametrize("readout", ["map", "pattern"])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_weights_are_those_of_a_dense_generalised_ridge(
    tmp_path: Path, grid: tuple[int, int], readout: str
) -> None:
    probe = fitted(tmp_path, grid)[readout]
    maps = {name: Store(tmp_path / f"{name}.zarr").read("layer") for name in ("train", "eval")}
    label = Store(tmp_path / "train.zarr").read("label")
    mean, scale = (probe.read(f"channel_{which}").astype(float) for which in ("mean", "scale"))
    partition = Bands(NAMES, EDGES).on_grid(*grid)
    rows = {}
    for name, raw in maps.items():
        own = raw.mean((2, 3), keepdims=True) if readout == "pattern" else mean[:, None, None]
        packed = pack_bands(((raw - own) / scale[:, None, None]).astype(np.float32), partition)
        rows[name] = [band.reshape(len(raw), -1).astype(float) for band in packed]
    train, evaluation = (np.concatenate(rows[name], axis=1) for name in ("train", "eval"))
    centre = train.mean(0)
    unit = np.square(train - centre).sum() / len(train)
    penalty = probe.read("band_penalty")
    assert len(set(penalty[np.isfinite(penalty)])) > 1
    widths = [band.shape[1] for band in rows["train"]]
    # A band that holds nothing has no penalty; any will do.
    diagonal = np.repeat(np.nan_to_num(penalty, nan=1.0), widths) * unit
    target = np.eye(2)[label]
    inner = (train - centre).T @ (train - centre) + np.diag(diagonal)
    weights = np.linalg.solve(inner, (train - centre).T @ (target - target.mean(0)))
    expected = (evaluation - centre) @ weights + target.mean(0)
    # Inner products are in single precision.
    np.testing.assert_allclose(probe.read("clean_logits"), expected, atol=1e-3)
    stored = [probe.read(name) for name in WEIGHTS]
    found = readout_logits(maps["eval"], *stored, without_dc=readout == "pattern")
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_bands_of_noise_are_shrunk_and_the_held_out_loss_falls(tmp_path: Path) -> None:
    own, shared = (fitted(tmp_path, (9, 9), by_band=by_band) for by_band in (True, False))
    label = Store(tmp_path / "eval.zarr").read("label")
    for name in ("map", "pattern"):
        low, _, high = own[name].read("band_penalty")
        assert high > 10 * low
        loss = own[name].read("band_penalty_cv_log_loss").mean()
        chosen = int(np.argmin(shared[name].read("cv_log_loss").mean(0)))
        assert loss < 0.9 * shared[name].read("cv_log_loss").mean(0)[chosen]
        # The path of shared penalties stays, up to the order in which products are added up.
        losses = [probe.read("cv_log_loss") for probe in (own[name], shared[name])]
        np.testing.assert_allclose(*losses, rtol=1e-5)
        assert own[name].attrs["penalty"] == shared[name].attrs["penalty"]
        right = [
            float((probe.read("clean_logits").argmax(1) == label).mean())
            for probe in (own[name], shared[name])
        ]
        assert right[0] >= right[1]


def test_a_pattern_has_no_penalty_of_dc_alone(tmp_path: Path) -> None:
    # On 3 x 4 the lowest band is DC alone.
    stores = fitted(tmp_path, (3, 4))
    assert np.isnan(stores["pattern"].read("band_penalty")[0])
    assert np.isfinite(stores["map"].read("band_penalty")).all()
    assert stores["map"].labels("band") == NAMES


def test_sums_that_are_not_by_band_are_refused_by_name(tmp_path: Path) -> None:
    fitted(tmp_path, (3, 4))
    stores = (Store(tmp_path / f"{name}.zarr") for name in ("train", "eval"))
    settings = FitSettings((0.1,), "ridge", 0, 0, by_band=True)
    splits = Splits(*stores, "layer", np.arange(40) % 4, ["a", "b"], settings)
    with pytest.raises(ConfigError, match="penalties by band of layer layer need sums by band"):
        fit_layer(splits, {"map": tmp_path / "map.zarr"}, None, code="digest")
