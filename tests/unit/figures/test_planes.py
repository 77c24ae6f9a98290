"""Pictures of planes show the stored values, at their frequencies."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

from bandprobe.figures.drawing import as_wide_as, save
from bandprobe.figures.planes import flow, orientation, power_planes

LAYERS = {"pixels": ["input"], "net": ["a", "b"]}


@pytest.fixture
def planes(rng: np.random.Generator) -> xr.Dataset:
    """Three layers of two models with planes of their own sizes; b has no bins in a sector."""
    variables: dict[str, xr.Variable] = {}
    there = np.array([[True, False, False], [False, True, True]])
    for name in ("share", "relative"):
        values = np.where(there[..., None], rng.uniform(0.5, 1.5, (2, 3, 8)), np.nan)
        values[1, 2, 1] = np.nan
        for end, factor in (("", 1.0), ("_low", 0.9), ("_high", 1.1)):
            axes = ("model", "layer", "orientation")
            variables[name + end] = xr.Variable(axes, values * factor)
    for name in ("anisotropy_axes", "anisotropy_diagonals"):
        values = np.where(there, rng.uniform(-0.2, 0.2, (2, 3)), np.nan)
        for end, more in (("", 0.0), ("_low", -0.1), ("_high", 0.1)):
            variables[name + end] = xr.Variable(("model", "layer"), values + more)
    labels: dict[str, object] = {"model": list(LAYERS), "layer": ["input", "a", "b"]}
    labels["orientation"] = np.arange(8) * 22.5
    for model, layer, size in (("pixels", "input", 8), ("net", "a", 5), ("net", "b", 4)):
        names = [f"{model}.{layer}.frequency_{axis}" for axis in "yx"]
        power = rng.uniform(-2, 0, (size, size + 1))
        power[size // 2, (size + 1) // 2] = 5
        variables[f"{model}.{layer}.log_power"] = xr.Variable(names, power)
        for name, side in zip(names, (size, size + 1), strict=True):
            labels[name] = xr.Variable((name,), 2 * np.fft.fftshift(np.fft.fftfreq(side)))
    return xr.Dataset(variables, labels, {"layers": json.dumps(LAYERS), "window": "none"})


def shown(panel: Axes) -> np.ndarray:
    (image,) = panel.get_images()
    values: np.ndarray = np.ma.filled(image.get_array(), np.nan)
    return values


def test_planes_are_relative_to_their_mean_power_outside_dc(planes: xr.Dataset) -> None:
    figure = power_planes(planes)
    titles = [panel.get_title() for panel in figure.axes[:3]]
    assert titles == ["pixels\ninput", "net\na", "net\nb"]
    for panel, name in zip(figure.axes, ("pixels.input", "net.a", "net.b"), strict=False):
        stored = planes[f"{name}.log_power"].to_numpy()
        outside = np.delete(stored.ravel(), np.argmax(stored))
        np.testing.assert_allclose(shown(panel), stored - np.log10((10**outside).mean()))
        left, right, bottom, top = panel.get_images()[0].get_extent()
        # Bins are centred on their frequencies; the first row is the most negative, on top.
        width = (right - left) / stored.shape[1]
        assert left + width / 2 == pytest.approx(planes[f"{name}.frequency_x"][0].item())
        assert top < bottom
    plt.close(figure)


def test_silent_layers_are_grey(planes: xr.Dataset, tmp_path: Path) -> None:
    planes["net.a.log_power"][:] = np.nan
    figure = power_planes(planes)
    assert np.isnan(shown(figure.axes[1])).all()
    assert np.isfinite(shown(figure.axes[2])).all()
    save(figure, [tmp_path / "a.png"])
    for name in ("pixels.input", "net.b"):
        planes[f"{name}.log_power"][:] = np.nan
    save(power_planes(planes), [tmp_path / "b.png"])


def test_rows_of_panels_fit_the_page() -> None:
    names = [str(number) for number in range(8)]
    columns = []
    for width in (None, 89 / 25.4, 183 / 25.4):
        with as_wide_as(width):
            figure, panel_of = flow(names)
        columns.append(next(iter(panel_of.values())).get_gridspec().ncols)
        assert len(panel_of) == 8
        plt.close(figure)
    assert columns == [6, 3, 6]


def test_orientations_wrap_at_180_degrees(planes: xr.Dataset) -> None:
    figure = orientation(planes)
    handles, labels = figure.axes[1].get_legend_handles_labels()
    assert labels == ["a", "b"]
    for handle, layer in zip(handles, labels, strict=True):
        values = planes["relative"].sel(model="net", layer=layer).to_numpy()
        found = np.asarray(handle.lines[0].get_ydata(), float)
        np.testing.assert_allclose(found, np.append(values, values[0]))
    below = figure.axes[3].get_legend_handles_labels()[0]
    for handle, name in zip(below, ("anisotropy_axes", "anisotropy_diagonals"), strict=True):
        expected = planes[name].sel(model="net", layer=["a", "b"])
        np.testing.assert_allclose(handle.lines[0].get_ydata(), expected)
    plt.close(figure)


@pytest.mark.parametrize(("window", "said"), [("none", False), ("hann", True)])
def test_a_window_is_named(planes: xr.Dataset, window: str, said: bool) -> None:
    for figure in (power_planes, orientation):
        drawn = figure(planes.assign_attrs(window=window))
        assert ("Hann" in drawn.get_supxlabel()) == said
        plt.close(drawn)
