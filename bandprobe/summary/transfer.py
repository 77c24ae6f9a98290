"""How the energy of bands goes from each stored layer to the next, over images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.errors import StoreError
from bandprobe.fourier.transfer import band_transfer
from bandprobe.scoring.intervals import IntervalSettings, group_resamples
from bandprobe.store.zarr_store import Store
from bandprobe.summary.tables import layer_order, variable_attrs

DC = "DC"
CELLS = ("band", "input_band")
# name: (long name, units)
FACTS = {
    "share": ("share of the mean energy of the band that goes with the input band", "1"),
    "gain": ("energy of the band per energy of the input band", "1"),
    "constant": ("share of the energy that goes with no input band", "1"),
    "explained": ("share of the variance of the energy over images", "1"),
    "bins": ("full-plane bins of the input band, without DC", "1"),
}


def energy_of_bands(store: Store) -> tuple[list[str], FloatArray, NDArray[np.int64]]:
    """Energies of a layer with DC as a band of its own, before the others, which are without it.

    Returns
    -------
    names : list of str
    energy : array of shape (n_samples, 1 + n_bands)
    bins : array of shape (1 + n_bands,)
    """
    without = store.read("energy_without_dc")
    zero = (store.read("energy") - without).sum(1)
    bins = np.concatenate([[1], store.read("bins_without_dc")])
    return [DC, *store.labels("band")], np.column_stack([np.maximum(zero, 0), without]), bins


def layer_transfer(before: Path, after: Path, settings: IntervalSettings) -> xr.Dataset:
    """The transfer between two layers of one model, from their stored spectra.

    Parameters
    ----------
    before, after : Path
        Stores of the spectra of the input and of the output.
    settings : IntervalSettings
        The intervals are those of the bootstrap over its units.

    Raises
    ------
    StoreError
        If the two are not of the same images, or have other bands.
    """
    stores = Store(before), Store(after)
    for name in ("sample", "band"):
        first, second = (store.read(name).tolist() for store in stores)
        if first != second:
            raise StoreError(
                f"{before} and {after} do not have the same {name}s",
                expected="the spectra of two layers of one study",
                found=f"{len(first)} and {len(second)}, or others",
            )
    (names, inputs, bins), (_, outputs, _) = map(energy_of_bands, stores)
    units = settings.units(stores[1].read("label"), stores[1].read("group"))
    draws = group_resamples(len(np.unique(units)), settings.resamples, settings.seed)
    found = band_transfer(inputs, outputs, units, draws, settings.level)
    variables = {
        name: xr.Variable(CELLS, values, variable_attrs(name, FACTS))
        for name, values in (
            ("share", found.share),
            ("share_low", found.low),
            ("share_high", found.high),
            ("gain", found.gain),
        )
    }
    for name, values in (("constant", found.constant), ("explained", found.explained)):
        variables[name] = xr.Variable(("band",), values, variable_attrs(name, FACTS))
    counts = bins.astype(np.float64)
    variables["bins"] = xr.Variable(("input_band",), counts, variable_attrs("bins", FACTS))
    return xr.Dataset(variables, {"band": names, "input_band": names})


def transfer_dataset(
    folder: Path, layers: Mapping[str, Sequence[str]], settings: IntervalSettings
) -> xr.Dataset:
    """Transfers to each layer from the one before it, along (model, layer); NaN to the first.

    The attribute `inputs` (JSON) gives the layer before each.

    Parameters
    ----------
    folder : Path
        Of the spectra: contains `<model>/<layer>.zarr`.
    layers : mapping of str to sequence of str
        Layers of each model, in the order of a forward pass.
    settings : IntervalSettings
    """
    inputs = {
        model: dict(zip(names[1:], names[:-1], strict=True)) for model, names in layers.items()
    }
    found = {
        (model, layer): layer_transfer(
            folder / model / f"{before}.zarr", folder / model / f"{layer}.zarr", settings
        )
        for model, pairs in inputs.items()
        for layer, before in pairs.items()
    }
    return joined_transfers(found, layers, inputs)


def joined_transfers(
    found: Mapping[tuple[str, str], xr.Dataset],
    layers: Mapping[str, Sequence[str]],
    inputs: Mapping[str, Mapping[str, str]],
) -> xr.Dataset:
    """Transfers as of `layer_transfer`, by model and output layer, as one data set."""
    first = next(iter(found.values()))
    names = list(dict.fromkeys(layer for of_model in layers.values() for layer in of_model))
    labels: dict[str, Any] = {"model": list(layers), "layer": names}
    variables: dict[str, xr.Variable] = {}
    for name, part in first.data_vars.items():
        values = np.full((len(layers), len(names), *part.shape), np.nan)
        for (model, layer), transfer in found.items():
            cell = labels["model"].index(model), names.index(layer)
            values[cell] = transfer[name].to_numpy()
        variables[str(name)] = xr.Variable(("model", "layer", *part.dims), values, part.attrs)
    attrs = layer_order(layers) | {"inputs": json.dumps(inputs)}
    bands = {axis: first[axis].to_numpy() for axis in CELLS}
    return xr.Dataset(variables, labels | bands, attrs)
