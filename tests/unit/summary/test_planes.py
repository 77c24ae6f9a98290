"""Planes and orientations from the stored spectra of a layer to the summary of all layers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bandprobe.features.spectra import write_spectra
from bandprobe.figures.planes import plane_of
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.isotropy import oriented
from bandprobe.scoring.cluster_interval import cluster_interval
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.zarr_store import Store
from bandprobe.summary.planes import layer_plane, planes_dataset
from bandprobe.summary.tables import cells_table
from tests.unit.layers import write_maps

SETTINGS = IntervalSettings(200, 0.95, 0)
PARTS = ("anisotropy_axes", "anisotropy_diagonals")


def spectra_of(folder: Path, maps: np.ndarray, bands: Bands) -> Path:
    """The stored spectra of maps whose images are in groups of two."""
    groups = np.arange(len(maps)) // 2
    write_maps(folder / "maps.zarr", maps, np.zeros(len(maps), int), groups)
    path = folder / "net" / "layer.zarr"
    write_spectra(path, folder / "maps.zarr", "layer", bands, code="digest")
    return path


@pytest.fixture
def maps(rng: np.random.Generator) -> np.ndarray:
    """White noise, the image of each pair but one, which has none outside DC."""
    values = rng.normal(2, 1, (8, 3, 6, 7)).astype(np.float32)
    values[3] = 1
    return values


def test_a_layer_has_means_over_its_images_with_intervals(
    tmp_path: Path, bands: Bands, maps: np.ndarray
) -> None:
    path = spectra_of(tmp_path, maps, bands)
    found, store = layer_plane(path, SETTINGS), Store(path)
    names = ("orientation_energy", "orientation_harmonic", "profile_by_sample")
    share, relative, anisotropy = oriented(*map(store.read, names), 6, 7)
    kept = np.arange(8) != 3
    np.testing.assert_allclose(found["share"], share[kept].mean(0))
    np.testing.assert_allclose(found["relative"], relative[kept].mean(0))
    low, high = cluster_interval(anisotropy[kept].T, (np.arange(8) // 2)[kept], 0.95)
    for number, name in enumerate(PARTS):
        assert found[name].item() == pytest.approx(anisotropy[kept, number].mean())
        assert found[f"{name}_low"].item() == pytest.approx(low[number])
        assert found[f"{name}_high"].item() == pytest.approx(high[number])
    for name in ("share", "relative"):
        assert (found[f"{name}_low"] <= found[name]).all()
        assert (found[name] <= found[f"{name}_high"]).all()
    power = np.square(np.abs(np.fft.fft2(maps[kept].astype(float)))).mean(1) / 42
    expected = np.fft.fftshift(np.log10(power).sum(0))
    # The image without energy outside DC has some at DC.
    expected[3, 3] += np.log10(42)
    images = np.full((6, 7), 7)
    images[3, 3] = 8
    np.testing.assert_allclose(found["log_power"], expected / images, atol=2e-3)


def test_layers_without_energy_outside_dc_have_no_orientation(tmp_path: Path, bands: Bands) -> None:
    constant = layer_plane(spectra_of(tmp_path, np.ones((4, 1, 6, 6), "f4"), bands), SETTINGS)
    assert constant[["share", "relative", *PARTS]].to_array().isnull().all()
    assert constant["log_power"].notnull().sum() == 1


def test_layers_of_all_sizes_are_in_one_data_set(
    tmp_path: Path, bands: Bands, rng: np.random.Generator
) -> None:
    for name, grid in (("a", (8, 8)), ("blocks.1", (5, 6))):
        path = spectra_of(
            tmp_path / "made", rng.normal(0, 1, (8, 2, *grid)).astype(np.float32), bands
        )
        (tmp_path / "net").mkdir(exist_ok=True)
        path.rename(tmp_path / "net" / f"{name}.zarr")
    planes = planes_dataset(tmp_path, {"net": ["a", "blocks.1"]}, SETTINGS)
    assert planes["share"].dims == ("model", "layer", "orientation")
    plane = plane_of(planes, "net", "blocks.1")
    assert dict(plane.sizes) == {"frequency_y": 5, "frequency_x": 6}
    stored = Store(tmp_path / "net" / "blocks.1.zarr")
    np.testing.assert_array_equal(plane, stored.read("log_power"))
    np.testing.assert_array_equal(plane["frequency_x"], np.arange(-3, 3) / 3)
    np.testing.assert_allclose(stored.read("cycles_per_pixel_y"), np.arange(-2, 3) / 5)
    table = cells_table(planes)
    assert len(table) == 2 * 8
    assert not [name for name in table.columns if "log_power" in name]
    # Shares of all orientations are the whole energy outside DC.
    np.testing.assert_allclose(table.groupby("layer")["share"].sum(), 1)
