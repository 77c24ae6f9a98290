"""Transfers between stored layers: of neighbours, of the same images, with DC apart."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bandprobe.errors import StoreError
from bandprobe.features.spectra import write_spectra
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.transfer import band_transfer
from bandprobe.scoring.intervals import IntervalSettings, group_resamples
from bandprobe.store.zarr_store import Store
from bandprobe.summary.tables import cells_table
from bandprobe.summary.transfer import energy_of_bands, layer_transfer, transfer_dataset
from tests.unit.layers import write_maps

BANDS = Bands(("low", "high"), (0.6,))
SETTINGS = IntervalSettings(50, 0.95, 0)


@pytest.fixture
def folder(tmp_path: Path, rng: np.random.Generator) -> Path:
    """Three layers of a network: noise, twice the noise, and every second position of it."""
    maps = rng.normal(1, 1, (40, 2, 8, 8)) * np.exp(rng.normal(0, 1, (40, 1, 1, 1)))
    made = {"a": maps, "b": 2 * maps, "c": maps[..., ::2, ::2]}
    for name, values in made.items():
        features = tmp_path / "features" / f"{name}.zarr"
        groups = np.arange(40) // 2
        write_maps(features, values.astype(np.float32), np.zeros(40, int), groups)
        write_spectra(tmp_path / "net" / f"{name}.zarr", features, "layer", BANDS, code="digest")
    return tmp_path


def test_energies_have_dc_as_a_band_of_its_own(folder: Path) -> None:
    store = Store(folder / "net" / "a.zarr")
    names, energy, bins = energy_of_bands(store)
    assert names == ["DC", "low", "high"]
    np.testing.assert_allclose(energy.sum(1), store.read("energy").sum(1))
    np.testing.assert_allclose(energy[:, 1:], store.read("energy_without_dc"))
    assert bins.sum() == 64


def test_a_layer_that_doubles_its_input_has_gains_of_four(folder: Path) -> None:
    found = layer_transfer(folder / "net" / "a.zarr", folder / "net" / "b.zarr", SETTINGS)
    np.testing.assert_allclose(found["gain"], 4 * np.eye(3), atol=1e-3)
    np.testing.assert_allclose(found["share"], np.eye(3), atol=1e-3)
    np.testing.assert_allclose(found["explained"], 1, atol=1e-4)
    np.testing.assert_allclose(found["constant"], 0, atol=1e-3)


def test_each_layer_has_the_one_before_it_as_input(folder: Path) -> None:
    layers = {"net": ["a", "b", "c"]}
    found = transfer_dataset(folder, layers, SETTINGS)
    assert json.loads(found.attrs["inputs"]) == {"net": {"b": "a", "c": "b"}}
    assert found["share"].sel(layer="a").isnull().all()
    stores = [Store(folder / "net" / f"{name}.zarr") for name in "bc"]
    inputs, outputs = (energy_of_bands(store)[1] for store in stores)
    draws = group_resamples(20, 50, 0)
    expected = band_transfer(inputs, outputs, np.arange(40) // 2, draws, 0.95)
    cells = found.sel(model="net", layer="c")
    np.testing.assert_allclose(cells["share"], expected.share)
    np.testing.assert_allclose(cells["share_low"], expected.low)
    np.testing.assert_allclose(cells["constant"], expected.constant)
    table = cells_table(found)
    assert len(table) == 2 * 3 * 3
    assert set(table["layer"]) == {"b", "c"}


def test_layers_of_other_images_are_refused(folder: Path, rng: np.random.Generator) -> None:
    features = folder / "features" / "few.zarr"
    maps = rng.normal(0, 1, (6, 1, 8, 8)).astype(np.float32)
    write_maps(features, maps, np.zeros(6, int))
    write_spectra(folder / "net" / "few.zarr", features, "layer", BANDS, code="digest")
    with pytest.raises(StoreError, match="do not have the same samples"):
        layer_transfer(folder / "net" / "a.zarr", folder / "net" / "few.zarr", SETTINGS)
