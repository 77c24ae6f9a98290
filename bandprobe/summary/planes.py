"""The Fourier planes of all layers of a data set, and their energy by orientation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.isotropy import oriented
from bandprobe.scoring.intervals import IntervalSettings, mean_and_bounds
from bandprobe.store.zarr_store import Store
from bandprobe.summary.tables import layer_order, variable_attrs

PLANE = ("frequency_y", "frequency_x")
SECTORS = ("model", "layer", "orientation")
# name: (long name, units); each of the first four with an interval.
FACTS = {
    "share": ("share of the energy outside DC", "1"),
    "relative": ("energy relative to an isotropic map with the same radial profile", "1"),
    "anisotropy_axes": ("energy that changes along rows minus that along columns", "1"),
    "anisotropy_diagonals": ("energy that changes along one diagonal minus the other", "1"),
    "bins": ("full-plane bins of the orientation, shared ones in parts", "1"),
}
ENDS = ("", "_low", "_high")


def layer_plane(path: Path, settings: IntervalSettings) -> xr.Dataset:
    """The Fourier plane of one layer, and means over its images by orientation with intervals.

    Shares have the interval of the bootstrap, as other spectra; the anisotropy, which has a sign,
    has that of `settings`. NaN where an orientation has no bins or no image has energy outside DC.
    """
    store = Store(path)
    units = settings.units(store.read("label"), store.read("group"))
    height, width = (store.array(axis).shape[0] for axis in PLANE)
    share, relative, anisotropy = oriented(
        store.read("orientation_energy"),
        store.read("orientation_harmonic"),
        store.read("profile_by_sample"),
        height,
        width,
    )
    variables: dict[str, xr.Variable] = {}
    for name, values in (("share", share), ("relative", relative)):
        for end, part in zip(ENDS, mean_and_bounds(values, units, settings.resampled), strict=True):
            variables[name + end] = _variable(("orientation",), part, name + end)
    parts = mean_and_bounds(anisotropy, units, settings.bounds)
    for end, part in zip(ENDS, parts, strict=True):
        for name, value in zip(("anisotropy_axes", "anisotropy_diagonals"), part, strict=True):
            variables[name + end] = _variable((), value, name + end)
    variables["bins"] = _variable(("orientation",), store.read("orientation_bins"), "bins")
    log_power = store.array("log_power")
    variables["log_power"] = xr.Variable(PLANE, log_power[...], log_power.attrs)
    for axis in PLANE:
        frequency = store.array(axis)
        variables[axis] = xr.Variable((axis,), frequency[...], frequency.attrs)
    coordinates = {"orientation": store.read("orientation")}
    return xr.Dataset(variables, coordinates, {"window": store.attrs["window"]})


def _variable(dims: tuple[str, ...], values: FloatArray, name: str) -> xr.Variable:
    return xr.Variable(dims, values, variable_attrs(name, FACTS))


def planes_dataset(
    folder: Path, layers: Mapping[str, Sequence[str]], settings: IntervalSettings
) -> xr.Dataset:
    """Orientations of all layers along (model, layer), and one plane for each layer.

    The planes have sizes of their own, and so names and dimensions that the model and the layer
    precede: `net.blocks.6.log_power` of `net.blocks.6.frequency_y` and `net.blocks.6.frequency_x`.

    Parameters
    ----------
    folder : Path
        Of the spectra: contains `<model>/<layer>.zarr`.
    layers : mapping of str to sequence of str
        Layers of each model.
    settings : IntervalSettings
    """
    found = {
        (model, layer): layer_plane(folder / model / f"{layer}.zarr", settings)
        for model, names in layers.items()
        for layer in names
    }
    first = next(iter(found.values()))
    labels: dict[str, Any] = {
        "model": list(layers),
        "layer": list(dict.fromkeys(layer for _, layer in found)),
    }
    variables: dict[str, xr.Variable] = {}
    for name in map(str, first.data_vars):
        if name in ("log_power", *PLANE):
            continue
        part = first[name]
        values = np.full((len(labels["model"]), len(labels["layer"]), *part.shape), np.nan)
        for (model, layer), plane in found.items():
            cell = labels["model"].index(model), labels["layer"].index(layer)
            values[cell] = plane[name].to_numpy()
        variables[name] = xr.Variable((*SECTORS[:2], *part.dims), values, part.attrs)
    axes: dict[str, Any] = {}
    for (model, layer), plane in found.items():
        own = {axis: f"{model}.{layer}.{axis}" for axis in PLANE}
        power = plane["log_power"]
        variables[f"{model}.{layer}.log_power"] = xr.Variable(
            tuple(own.values()), power.to_numpy(), power.attrs
        )
        for axis, name in own.items():
            axes[name] = xr.Variable((name,), plane[axis].to_numpy(), plane[axis].attrs)
    attrs = layer_order(layers) | {"window": first.attrs["window"]}
    coordinates = labels | {"orientation": first["orientation"].to_numpy()} | axes
    return xr.Dataset(variables, coordinates, attrs)
