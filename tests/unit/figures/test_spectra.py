"""Pictures show the numbers of the summary, and say where there are none."""

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from bandprobe.figures.drawing import save
from bandprobe.figures.spectra import (
    band_energy,
    delta_log_amplitude,
    highest_frequency,
    radial_profiles,
    spectral_centroid,
)
from bandprobe.summary.spectra import MEANS

NO_ENERGY = "N/A: no energy outside DC"
LAYERS = {"pixels": ["input"], "net": ["a", "b", "c"], "vit": ["a", "b"]}
SIZES = {"band": 3, "radius": 5, "diagonal": 4}


@pytest.fixture
def spectra(rng: np.random.Generator) -> xr.Dataset:
    """A summary of three models; net's last layer is not square, its lowest band holds DC alone."""
    variables: dict[str, xr.Variable] = {}
    shape = (3, 4)
    exists = np.zeros(shape, bool)
    names = ["input", "a", "b", "c"]
    for row, layers in enumerate(LAYERS.values()):
        exists[row, [names.index(layer) for layer in layers]] = True
    for base, (dims, _, _) in MEANS.items():
        for suffix in ("", "_without_dc"):
            values = rng.uniform(0.1, 1, (*shape, *(SIZES[dim] for dim in dims)))
            values[~exists] = np.nan
            for end, factor in (("", 1.0), ("_low", 0.9), ("_high", 1.1)):
                axes = ("model", "layer", *dims)
                variables[f"{base}{suffix}{end}"] = xr.Variable(axes, factor * values)
    bins = np.where(exists[..., None], [1.0, 4.0, 9.0], np.nan)
    variables["bins"] = xr.Variable(("model", "layer", "band"), bins)
    variables["bins_without_dc"] = xr.Variable(("model", "layer", "band"), bins - [1, 0, 0])
    radius = np.where(exists[..., None], np.arange(5) / 4, np.nan)
    variables["frequency"] = xr.Variable(("model", "layer", "radius"), radius)
    variables["cycles_per_image"] = xr.Variable(("model", "layer", "radius"), radius * 4)
    diagonal = np.where(exists[..., None], np.arange(4) / 4, np.nan)
    diagonal[1, 2, 2:] = np.nan  # b of net is half as fine
    diagonal[1, 3] = np.nan
    variables["diagonal_frequency"] = xr.Variable(("model", "layer", "diagonal"), diagonal)
    for end in ("", "_low", "_high"):
        variables[f"delta_log_amplitude{end}"].values[np.isnan(diagonal)] = np.nan
    attrs = {"layers": json.dumps(LAYERS), "window": "none", "unit": "class"}
    attrs["without_diagonal"] = json.dumps({"net": {"c": "N/A: 4 x 3 is not square"}})
    labels = {"model": list(LAYERS), "layer": names, "band": ["low", "mid", "high"]}
    return xr.Dataset(variables, labels, attrs)


def lines(figure: Figure, panel: int) -> dict[str, np.ndarray]:
    """What the lines of a panel show, by their labels in the legend."""
    handles, labels = figure.axes[panel].get_legend_handles_labels()
    found = {}
    for handle, label in zip(handles, labels, strict=True):
        line = handle if hasattr(handle, "get_ydata") else handle.lines[0]
        found[label] = np.asarray(line.get_ydata(), float)
    return found


def test_delta_log_amplitude_ends_at_each_layers_own_last_bin(spectra: xr.Dataset) -> None:
    last = highest_frequency(spectra)
    delta = spectra["delta_log_amplitude"]
    for model, layer, position in (("net", "a", 3), ("net", "b", 1), ("pixels", "input", 3)):
        found = last.sel(model=model, layer=layer)
        expected = delta.sel(model=model, layer=layer)[position]
        assert float(found["delta_log_amplitude"]) == float(expected)
        assert float(found["diagonal_frequency"]) == position / 4
    assert np.isnan(last["delta_log_amplitude"].sel(model="net", layer="c"))
    figure = delta_log_amplitude(spectra)
    summary = lines(figure, 3)
    assert set(summary) == set(LAYERS)
    expected = [last["delta_log_amplitude"].sel(model="vit", layer=layer) for layer in "ab"]
    np.testing.assert_allclose(summary["vit"], expected)
    assert np.isnan(summary["net"][2])
    # One layer is a level over the whole width.
    assert summary["pixels"].tolist() == [float(delta.sel(model="pixels", layer="input")[3])] * 2
    plt.close(figure)


def test_a_layer_that_is_not_square_is_named_and_not_drawn(spectra: xr.Dataset) -> None:
    figure = delta_log_amplitude(spectra)
    found = lines(figure, 1)
    assert list(found) == ["a", "b", "c: N/A, not square"]
    np.testing.assert_allclose(
        found["a"], spectra["delta_log_amplitude"].sel(model="net", layer="a")
    )
    assert found["c: N/A, not square"].size == 0
    plt.close(figure)


def test_a_study_without_any_diagonal_is_drawn_all_the_same(spectra: xr.Dataset) -> None:
    notes = {model: dict.fromkeys(layers, "N/A") for model, layers in LAYERS.items()}
    none = spectra.isel(diagonal=slice(0)).assign_attrs(without_diagonal=json.dumps(notes))
    figure = delta_log_amplitude(none)
    assert all(np.isnan(values).all() for values in lines(figure, 3).values())
    plt.close(figure)


def test_bands_without_bins_have_a_cross_and_no_point(spectra: xr.Dataset) -> None:
    figure = band_energy(spectra)
    for row, empty in enumerate((0, 3, 3)):
        panel = figure.axes[3 * row + 1]
        crosses = [line for line in panel.get_lines() if line.get_marker() == "x"]
        assert len(crosses) == empty
    np.testing.assert_allclose(
        lines(figure, 1)["low"], spectra["share"].sel(model="net", band="low")[1:]
    )
    assert np.isnan(lines(figure, 4)["low"]).all()
    assert np.isnan(lines(figure, 7)["low"]).all()
    assert not np.isnan(lines(figure, 7)["mid"]).any()
    plt.close(figure)


def test_centroids_are_drawn_on_both_axes(spectra: xr.Dataset) -> None:
    figure = spectral_centroid(spectra)
    names = ["centroid", "centroid_cycles_per_image"]
    for panel, name in enumerate([*names, *(f"{n}_without_dc" for n in names)]):
        expected = spectra[name].sel(model="net", layer=["a", "b", "c"])
        np.testing.assert_allclose(lines(figure, panel)["net"], expected)
    plt.close(figure)


def test_a_window_is_named_where_it_matters(spectra: xr.Dataset) -> None:
    for window, said in (("none", False), ("hann", True)):
        dataset = spectra.assign_attrs(window=window)
        for figure, windowed in (
            (band_energy(dataset), said),
            (radial_profiles(dataset, [0.5]), said),
            (spectral_centroid(dataset), said),
            (delta_log_amplitude(dataset), False),
        ):
            assert ("Hann" in figure.get_supxlabel()) == windowed
            plt.close(figure)


def test_figures_are_written_in_each_format(spectra: xr.Dataset, tmp_path: Path) -> None:
    paths = [tmp_path / "deep" / f"a.{suffix}" for suffix in ("png", "svg")]
    save(delta_log_amplitude(spectra), paths)
    assert paths[0].read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in paths[1].read_bytes()
    assert sorted(path.name for path in (tmp_path / "deep").iterdir()) == ["a.png", "a.svg"]


def without_energy(spectra: xr.Dataset, models: list[str]) -> xr.Dataset:
    """The layers of some models as maps that are constant in space have them."""
    there = spectra["model"].isin(models) & spectra["bins"].isel(band=0).notnull()
    constant = spectra.copy(deep=True)
    for name in spectra.data_vars:
        base = str(name).removesuffix("_low").removesuffix("_high")
        if base in ("profile", "centroid", "centroid_cycles_per_image"):
            constant[name] = spectra[name].where(~there, 0.0)
        elif base.endswith("_without_dc") and base.startswith(("share", "centroid", "relative")):
            constant[name] = spectra[name].where(~there)
    return constant


@pytest.mark.parametrize("models", [["net"], list(LAYERS)])
def test_layers_without_energy_outside_dc_are_drawn_as_missing(
    tmp_path: Path, spectra: xr.Dataset, models: list[str]
) -> None:
    constant = without_energy(spectra, models)
    figure = radial_profiles(constant, [0.5])
    assert set(lines(figure, 1)) == {f"{layer}: N/A" for layer in LAYERS["net"]}
    assert NO_ENERGY in [text.get_text() for text in figure.axes[1].texts]
    assert ("input" in lines(figure, 0)) == (models == ["net"])
    save(figure, [tmp_path / "profiles.svg"])
    save(spectral_centroid(constant), [tmp_path / "centroid.svg"])
    save(band_energy(constant), [tmp_path / "energy.svg"])


def test_maps_of_one_pixel_have_no_profile(tmp_path: Path, spectra: xr.Dataset) -> None:
    pixel = without_energy(spectra, list(LAYERS)).isel(radius=slice(0, 1))
    save(radial_profiles(pixel, [0.5]), [tmp_path / "profiles.svg"])


@pytest.mark.parametrize(("axis", "row"), [("frequency", 0), ("cycles_per_image", 1)])
def test_edges_of_bands_are_drawn_in_their_unit(spectra: xr.Dataset, axis: str, row: int) -> None:
    figure = radial_profiles(spectra, [0.5, 0.7], axis)
    panels = np.array(figure.axes).reshape(2, 3)
    for number in (0, 1):
        for panel in panels[number]:
            edges = [line for line in panel.lines if line.get_xdata()[0] == line.get_xdata()[-1]]
            drawn = [line.get_xdata()[0] for line in edges]
            assert (drawn == [0.5, 0.7]) == (number == row)
