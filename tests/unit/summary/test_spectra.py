"""Summaries of the spectra: means with intervals, padded axes, and a table for every curve."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.zarr_store import Variable, write_store
from bandprobe.summary.spectra import (
    band_table,
    diagonal_table,
    layer_spectrum,
    profile_table,
    spectra_dataset,
    write_curves,
)
from bandprobe.summary.tables import write_summary

BANDS = ["low", "mid", "high"]
NAMES = ("net", "stem"), ("net", "head"), ("pixels", "input")
PER_IMAGE = ("energy", "share", "density", "relative_density", "centroid")
SETTINGS = IntervalSettings(200, 0.95, 0)
NOTE = "N/A: not square"


def write_spectrum(
    path: Path, size: int, rng: np.random.Generator, square: bool = True
) -> dict[str, np.ndarray]:
    """A stored spectrum of six images in three groups; `mid` is empty, `low` holds DC alone."""
    bins = np.array([1, 0, size])
    energy = rng.uniform(1, 2, (6, 3)) * (bins > 0)
    found = {"energy": energy, "energy_without_dc": energy * [0, 0, 1]}
    found |= {"bins": bins, "bins_without_dc": np.array([0, 0, size])}
    for end in ("", "_without_dc"):
        counts = np.where(found[f"bins{end}"], found[f"bins{end}"], np.nan)
        found[f"density{end}"] = found[f"energy{end}"] / counts
        found[f"centroid{end}"] = rng.uniform(0, 1, 6)
        found[f"centroid_cycles_per_image{end}"] = found[f"centroid{end}"] * size / 2
    n_radii, n_diagonal = size // 2 + 1, (size + 1) // 2 if square else 0
    found["profile_by_sample"] = rng.uniform(1, 2, (6, n_radii))
    found["delta_log_amplitude"] = rng.uniform(-2, 0, (6, n_diagonal))
    dims = {
        "bins": ("band",),
        "energy": ("sample", "band"),
        "density": ("sample", "band"),
        "centroid": ("sample",),
        "centroid_cycles_per_image": ("sample",),
        "profile_by_sample": ("sample", "radius"),
        "delta_log_amplitude": ("sample", "diagonal"),
    }
    variables = {
        name: Variable(dims[name.removesuffix("_without_dc")], values)
        for name, values in found.items()
    }
    note = {} if square else {"note": NOTE}
    delta = Variable(("sample", "diagonal"), found["delta_log_amplitude"], note)
    radius = np.arange(n_radii, dtype=float)
    write_store(
        path,
        variables | {"delta_log_amplitude": delta},
        {
            "band": Variable(("band",), np.array(BANDS)),
            "frequency": Variable(("radius",), radius / (size / 2)),
            "cycles_per_image": Variable(("radius",), radius),
            "diagonal_frequency": Variable(("diagonal",), np.arange(n_diagonal) * 2 / size),
            "sample": Variable(("sample",), np.arange(6)),
            "label": Variable(("sample",), np.arange(6) // 4),
            "group": Variable(("sample",), np.arange(6) // 2),
        },
        {"window": "hann"},
    )
    return found


def overwrite(path: Path, **values: np.ndarray) -> None:
    """Put other values into arrays of a store."""
    group = zarr.open_group(path, mode="r+")
    for name, array in values.items():
        group[name][...] = array


@pytest.fixture
def spectra(tmp_path: Path, rng: np.random.Generator) -> xr.Dataset:
    """Three layers of two models; the net's head has no square grid."""
    parts = {}
    for (model, layer), size in zip(NAMES, (12, 4, 20), strict=True):
        write_spectrum(tmp_path / f"{layer}.zarr", size, rng, square=layer != "head")
        parts[model, layer] = layer_spectrum(tmp_path / f"{layer}.zarr", SETTINGS)
    return spectra_dataset(parts)


def test_a_layer_has_means_with_intervals_that_contain_them(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    stored = write_spectrum(tmp_path / "a.zarr", 8, rng)
    found = layer_spectrum(tmp_path / "a.zarr", SETTINGS)
    for end in ("", "_without_dc"):
        energy, bins = stored[f"energy{end}"], stored[f"bins{end}"]
        share = energy / energy.sum(1, keepdims=True)
        np.testing.assert_allclose(found[f"energy{end}"], energy.mean(0))
        np.testing.assert_allclose(found[f"share{end}"], share.mean(0))
        np.testing.assert_allclose(found[f"centroid{end}"], stored[f"centroid{end}"].mean())
        held = bins > 0
        for name, values in (("density", energy), ("relative_density", share * bins.sum())):
            cells = found[name + end]
            np.testing.assert_allclose(cells[held], (values.mean(0) / bins.clip(1))[held])
            assert np.isnan(cells[~held]).all()
            assert np.isnan(found[f"{name}{end}_low"][~held]).all()
        # Averaged over bins instead of bands, the relative density is 1.
        mean = np.nansum(found[f"relative_density{end}"] * bins) / bins.sum()
        assert mean == pytest.approx(1)
    np.testing.assert_allclose(found["profile"], stored["profile_by_sample"].mean(0))
    np.testing.assert_allclose(found["delta_log_amplitude"], stored["delta_log_amplitude"].mean(0))
    for name in (*PER_IMAGE, "profile", "delta_log_amplitude", "centroid_cycles_per_image"):
        mean, low, high = (found[name + end].to_numpy() for end in ("", "_low", "_high"))
        exists = ~np.isnan(mean)
        assert (low <= mean + 1e-12)[exists].all()
        assert (high >= mean - 1e-12)[exists].all()
        assert (low < high)[exists].any(), name


def test_groups_and_not_images_are_resampled(tmp_path: Path, rng: np.random.Generator) -> None:
    """Images that differ within their groups alone have intervals of length zero."""
    write_spectrum(tmp_path / "a.zarr", 8, rng)
    overwrite(tmp_path / "a.zarr", centroid=np.tile([0.2, 0.6], 3))
    found = layer_spectrum(tmp_path / "a.zarr", SETTINGS)
    assert float(found["centroid"]) == pytest.approx(0.4)
    assert float(found["centroid_low"]) == pytest.approx(0.4)
    assert float(found["centroid_high"]) == pytest.approx(0.4)


def test_classes_are_resampled_where_they_are_the_units(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    """Two of three groups are of one class: their difference does not count."""
    write_spectrum(tmp_path / "a.zarr", 8, rng)
    overwrite(tmp_path / "a.zarr", centroid=np.array([0.1, 0.1, 0.7, 0.7, 0.4, 0.4]))
    widths = []
    for unit in ("group", "class"):
        found = layer_spectrum(tmp_path / "a.zarr", replace(SETTINGS, unit=unit))
        assert float(found["centroid"]) == pytest.approx(0.4)
        widths.append(float(found["centroid_high"] - found["centroid_low"]))
    assert widths[0] > 0.3
    assert widths[1] == pytest.approx(0)


def test_spectra_of_all_layers_are_padded_with_nan(spectra: xr.Dataset) -> None:
    assert dict(spectra.sizes) == {
        "model": 2,
        "layer": 3,
        "band": 3,
        "radius": 11,
        "diagonal": 10,
    }
    assert spectra["energy"].dims == ("model", "layer", "band")
    assert spectra["profile"].dims == ("model", "layer", "radius")
    assert spectra["delta_log_amplitude"].dims == ("model", "layer", "diagonal")
    assert spectra["centroid_without_dc"].dims == ("model", "layer")
    frequency = spectra["frequency"].sel(model="net", layer="head").to_numpy()
    np.testing.assert_allclose(frequency[:3], [0, 0.5, 1])
    assert np.isnan(frequency[3:]).all()
    for model, layer in (("pixels", "stem"), ("net", "input")):
        cell = spectra.sel(model=model, layer=layer)
        assert all(np.isnan(cell[name]).all() for name in spectra.data_vars)
    assert json.loads(spectra.attrs["layers"]) == {"net": ["stem", "head"], "pixels": ["input"]}
    assert spectra.attrs["window"] == "hann"


def test_every_variable_has_a_name_and_a_unit(spectra: xr.Dataset) -> None:
    for name, variable in spectra.data_vars.items():
        assert variable.attrs["long_name"], name
        assert variable.attrs["units"], name
    assert spectra["centroid_low"].attrs["units"] == "Nyquist"
    assert spectra["centroid_cycles_per_image"].attrs["units"] == "cycles per image"
    assert spectra["delta_log_amplitude_high"].attrs["long_name"].endswith("upper bound")
    text = spectra["density_without_dc"].attrs["long_name"]
    assert text == "mean energy per bin without zero frequency"


def test_tables_have_a_row_a_cell_and_a_row_a_point(spectra: xr.Dataset, tmp_path: Path) -> None:
    write_summary(spectra, tmp_path / "a.nc", tmp_path / "a.csv", {})
    table = pd.read_csv(tmp_path / "a.csv")
    assert len(table) == 3 * 3
    pd.testing.assert_frame_equal(band_table(spectra), table, check_dtype=False)
    assert not table.duplicated(["model", "layer", "band"]).any()
    assert {"density", "share_without_dc_high", "centroid_cycles_per_image"} <= set(table)
    assert not {"profile", "frequency", "delta_log_amplitude", "diagonal_frequency"} & set(table)
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as stored:
        xr.testing.assert_equal(stored.load(), spectra)
    write_curves(spectra, tmp_path / "p.csv", tmp_path / "d.csv")
    profiles = pd.read_csv(tmp_path / "p.csv")
    assert profiles.groupby("layer").size().to_dict() == {"stem": 7, "head": 3, "input": 11}
    assert (profiles["profile_low"] <= profiles["profile"] + 1e-12).all()
    cell = spectra["profile"].sel(model="net", layer="head").to_numpy()[:3]
    np.testing.assert_allclose(profiles.query("layer == 'head'")["profile"], cell)
    diagonal = pd.read_csv(tmp_path / "d.csv")
    assert diagonal.groupby("layer").size().to_dict() == {"stem": 6, "head": 1, "input": 10}
    cell = spectra["delta_log_amplitude"].sel(model="pixels", layer="input").to_numpy()
    np.testing.assert_allclose(diagonal.query("layer == 'input'")["delta_log_amplitude"], cell)


def test_a_layer_without_half_diagonal_says_why(spectra: xr.Dataset) -> None:
    assert json.loads(spectra.attrs["without_diagonal"]) == {"net": {"head": NOTE}}
    assert np.isnan(spectra["delta_log_amplitude"].sel(model="net", layer="head")).all()
    row = diagonal_table(spectra).query("layer == 'head'").iloc[0]
    assert row["note"] == NOTE
    assert np.isnan(row["delta_log_amplitude"])


def test_a_study_without_any_square_grid_has_tables_too(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    write_spectrum(tmp_path / "a.zarr", 8, rng, square=False)
    found = spectra_dataset({("net", "a"): layer_spectrum(tmp_path / "a.zarr", SETTINGS)})
    assert found.sizes["diagonal"] == 0
    write_summary(found, tmp_path / "a.nc", tmp_path / "a.csv", {})
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as stored:
        assert stored.sizes["diagonal"] == 0
    assert diagonal_table(found)["note"].tolist() == [NOTE]
    assert len(profile_table(found)) == 5


def test_an_image_without_energy_has_no_share_and_no_centroid(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    stored = write_spectrum(tmp_path / "a.zarr", 8, rng)
    silent = np.arange(6)[:, None] == 0
    overwrite(
        tmp_path / "a.zarr",
        energy=np.where(silent, 0, stored["energy"]),
        centroid=np.where(silent[:, 0], np.nan, stored["centroid"]),
    )
    found = layer_spectrum(tmp_path / "a.zarr", SETTINGS)
    share = stored["energy"][1:] / stored["energy"][1:].sum(1, keepdims=True)
    np.testing.assert_allclose(found["share"], share.mean(0))
    np.testing.assert_allclose(found["centroid"], stored["centroid"][1:].mean())
    np.testing.assert_allclose(found["energy"], stored["energy"][1:].sum(0) / 6)
