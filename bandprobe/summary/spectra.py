"""Spectra of all layers of a data set as labelled arrays and tables, with intervals over images."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.base.arrays import FloatArray
from bandprobe.base.files import write_text
from bandprobe.fourier.spectra import density
from bandprobe.scoring.intervals import IntervalSettings, mean_and_bounds
from bandprobe.store.zarr_store import Store

ENERGY, NYQUIST, CYCLES = "squared feature units", "Nyquist", "cycles per image"
# name: (dimensions of one image, long name, units); means over images, each with an interval.
MEANS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "energy": (("band",), "mean energy over the full plane", ENERGY),
    "share": (("band",), "share of the energy", "1"),
    "density": (("band",), "mean energy per bin", ENERGY),
    "relative_density": (("band",), "energy per bin, relative to all bins (white noise: 1)", "1"),
    "centroid": ((), "energy-weighted mean radial frequency", NYQUIST),
    "centroid_cycles_per_image": ((), "energy-weighted mean radial frequency", CYCLES),
    "profile": (("radius",), "mean power per bin", ENERGY),
    "delta_log_amplitude": (("diagonal",), "half-diagonal log amplitude, relative to DC", "nats"),
}
# name: (dimensions, long name, units); the same for all images.
FIXED: dict[str, tuple[tuple[str, ...], str, str]] = {
    "bins": (("band",), "full-plane bins in the band", "1"),
    "bins_without_dc": (("band",), "full-plane bins in the band, without DC", "1"),
    "frequency": (("radius",), "radial frequency", NYQUIST),
    "cycles_per_image": (("radius",), "radial frequency", CYCLES),
    "diagonal_frequency": (("diagonal",), "frequency on each axis", NYQUIST),
}
WITHOUT_DC = "_without_dc"
ENDS = {"": "", "_low": ", lower bound", "_high": ", upper bound"}


def layer_spectrum(path: Path, settings: IntervalSettings) -> xr.Dataset:
    """Means over images of one layer's spectra, with intervals by resampling groups.

    The bootstrap is used whatever `settings.interval` says: it does not leave the range of
    energies, which differ by orders of magnitude and are drawn on logarithmic axes.

    An image without energy (outside DC) has no shares and no centroid, and is left out of those
    means. Attributes: `note` says why a layer has no half diagonal, `window` which one was used,
    `unit` what was resampled.
    """
    store = Store(path)
    independent = settings.units(store.read("label"), store.read("group"))
    variables: dict[str, xr.Variable] = {}
    for name, values in _of_each_image(store).items():
        base = name.removesuffix(WITHOUT_DC)
        dims, text, units = MEANS[base]
        text += " without zero frequency" if name != base else ""
        numbers = mean_and_bounds(values, independent, settings.resampled)
        for (end, bound), part in zip(ENDS.items(), numbers, strict=True):
            attrs = {"long_name": text + bound, "units": units}
            variables[name + end] = xr.Variable(dims, part if dims else part[0], attrs)
    for name, (dims, text, units) in FIXED.items():
        values = store.read(name).astype(np.float64)
        variables[name] = xr.Variable(dims, values, {"long_name": text, "units": units})
    note = str(store.array("delta_log_amplitude").attrs.get("note", ""))
    attrs = {"note": note, "window": store.attrs["window"], "unit": settings.unit}
    return xr.Dataset(variables, {"band": list(store.labels("band"))}, attrs)


def _of_each_image(store: Store) -> dict[str, FloatArray]:
    """Quantities of each image, each of shape (n_samples, n)."""
    quantities: dict[str, FloatArray] = {}
    for end in ("", WITHOUT_DC):
        energy, bins = store.read(f"energy{end}"), store.read(f"bins{end}")
        total = energy.sum(1, keepdims=True)
        share = np.divide(energy, total, out=np.full_like(energy, np.nan), where=total > 0)
        quantities[f"energy{end}"] = energy
        quantities[f"share{end}"] = share
        quantities[f"density{end}"] = store.read(f"density{end}")
        quantities[f"relative_density{end}"] = density(share, bins) * bins.sum()
        for name in ("centroid", "centroid_cycles_per_image"):
            quantities[name + end] = store.read(name + end)[:, None]
    quantities["profile"] = store.read("profile_by_sample")
    quantities["delta_log_amplitude"] = store.read("delta_log_amplitude")
    return quantities


def read_spectra(
    folder: Path, layers: Mapping[str, Sequence[str]], settings: IntervalSettings
) -> dict[tuple[str, str], xr.Dataset]:
    """Spectra of all layers of all models, as of `layer_spectrum`, by model and layer.

    Parameters
    ----------
    folder : Path
        Contains `<model>/<layer>.zarr`.
    layers : mapping of str to sequence of str
        Layers of each model.
    settings : IntervalSettings
    """
    keys = [(model, layer) for model, names in layers.items() for layer in names]
    return {
        (model, layer): layer_spectrum(folder / model / f"{layer}.zarr", settings)
        for model, layer in keys
    }


def spectra_dataset(spectra: Mapping[tuple[str, str], xr.Dataset]) -> xr.Dataset:
    """Spectra of several layers along (model, layer), padded with NaN.

    The attribute `layers` is JSON: the layers of each model in the order of the study;
    `without_diagonal` likewise, the layers that have no half diagonal and why; `window` and `unit`
    are common.
    """
    order: dict[str, list[str]] = {}
    notes: dict[str, dict[str, str]] = {}
    for (model, layer), spectrum in spectra.items():
        order.setdefault(model, []).append(layer)
        if spectrum.attrs["note"]:
            notes.setdefault(model, {})[layer] = spectrum.attrs["note"]
    labels = {"model": list(order), "layer": list(dict.fromkeys(layer for _, layer in spectra))}
    first = next(iter(spectra.values()))
    variables = {str(name): _stacked(spectra, str(name), labels) for name in first.data_vars}
    attrs = {"layers": json.dumps(order), "without_diagonal": json.dumps(notes)}
    attrs |= {name: first.attrs[name] for name in ("window", "unit")}
    return xr.Dataset(variables, labels | {"band": first["band"].to_numpy()}, attrs)


def _stacked(
    spectra: Mapping[tuple[str, str], xr.Dataset], name: str, labels: Mapping[str, list[str]]
) -> xr.Variable:
    """One variable of all layers; a shorter layer fills the beginning of the axis."""
    parts = {key: spectrum[name] for key, spectrum in spectra.items()}
    first = next(iter(parts.values()))
    size = [max(part.sizes[dim] for part in parts.values()) for dim in first.dims]
    values = np.full((len(labels["model"]), len(labels["layer"]), *size), np.nan)
    for (model, layer), part in parts.items():
        cell: list[int | slice] = [labels["model"].index(model), labels["layer"].index(layer)]
        values[(*cell, *map(slice, part.shape))] = part.to_numpy()
    return xr.Variable(("model", "layer", *first.dims), values, first.attrs)


def band_table(spectra: xr.Dataset) -> pd.DataFrame:
    """Everything but the curves, one row per model, layer and band."""
    table = spectra.drop_dims(["radius", "diagonal"]).to_dataframe().reset_index()
    return table[table["bins"].notna()].reset_index(drop=True)


def profile_table(spectra: xr.Dataset) -> pd.DataFrame:
    """The radial profiles, one row per model, layer and ring."""
    names = ["frequency", "cycles_per_image", "profile", "profile_low", "profile_high"]
    table = spectra[names].to_dataframe().reset_index()
    return table[table["frequency"].notna()].drop(columns="radius").reset_index(drop=True)


def diagonal_table(spectra: xr.Dataset) -> pd.DataFrame:
    """The half diagonals, one row per model, layer and frequency; `note` where there is none."""
    names = ["diagonal_frequency", *(f"delta_log_amplitude{end}" for end in ENDS)]
    table = spectra[names].to_dataframe().reset_index()
    table = table[table["diagonal_frequency"].notna()].drop(columns="diagonal")
    notes = pd.DataFrame(
        [
            {"model": model, "layer": layer, "note": note}
            for model, layers in json.loads(spectra.attrs["without_diagonal"]).items()
            for layer, note in layers.items()
        ],
        columns=["model", "layer", "note"],
    )
    return pd.concat([table, notes], ignore_index=True)


def write_curves(spectra: xr.Dataset, profiles: Path, diagonal: Path) -> None:
    """Write the curves, which have no bands, as separate tables."""
    write_text(profiles, profile_table(spectra).to_csv(index=False))
    write_text(diagonal, diagonal_table(spectra).to_csv(index=False))
