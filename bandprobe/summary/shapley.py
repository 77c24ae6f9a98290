"""Shapley values and interactions of all readouts of a data set as labelled arrays."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bandprobe.errors import StoreError
from bandprobe.scoring.cluster_interval import ANY, Scale
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.zarr_store import Store
from bandprobe.summary.interactions import QUANTITIES, interaction_values
from bandprobe.summary.names import SHAPLEY
from bandprobe.summary.tables import ENDS, axis_labels, layer_order, variable_attrs

FACTS = {
    "bins": ("full-plane bins in the band", "1"),
    "structural": ("1 where the readout has no weight in the band, which contributes nothing", "1"),
}
DIMS = ("model", "layer", "readout", "band")


def shapley_dataset(
    folder: Path, axes: Mapping[str, Any], settings: IntervalSettings
) -> xr.Dataset:
    """Mean Shapley values along (model, layer, readout, band), with intervals over groups.

    Beside them are the quantities of `bandprobe.summary.interactions`; `other_band` has the names
    of `band`.

    Parameters
    ----------
    folder : Path
        Holds `<model>/<layer>/<readout>.zarr`.
    axes : mapping
        `layers` (model to its layers), `readouts` and `bands`.
    settings : IntervalSettings

    Raises
    ------
    StoreError
        If the values of a layer do not add up to the score of all bands minus that of none, or its
        interactions not as they should.
    """
    labels = {axis: names for axis, names in axis_labels(axes).items() if axis in DIMS}
    labels["other_band"] = labels["band"]
    facts = FACTS | {name: (quantity.text, quantity.units) for name, quantity in SHAPLEY.items()}
    dims: dict[str, tuple[str, ...]] = dict.fromkeys([*_with_ends(SHAPLEY), *FACTS], DIMS)
    for quantity, (of_quantity, text, unit) in QUANTITIES.items():
        facts[quantity] = (text, unit)
        dims |= dict.fromkeys(_with_ends([quantity]), of_quantity)
    arrays = {
        name: np.full([len(labels[dim]) for dim in of_name], np.nan)
        for name, of_name in dims.items()
    }
    for model, layers in axes["layers"].items():
        for layer in layers:
            for readout in axes["readouts"]:
                path = folder / model / layer / f"{readout}.zarr"
                cell = tuple(
                    labels[axis].index(name)
                    for axis, name in zip(DIMS, (model, layer, readout), strict=False)
                )
                results = layer_values(path, settings) | interaction_values(path, settings)
                for name, values in results.items():
                    arrays[name][cell] = values
    variables = {
        name: xr.Variable(dims[name], values, variable_attrs(name, facts))
        for name, values in arrays.items()
    }
    return xr.Dataset(variables, coords=labels, attrs=layer_order(axes["layers"]))


def _with_ends(names: Iterable[str]) -> list[str]:
    """Each name, and those of the bounds of its interval."""
    return [full for name in names for full in (name, *(f"{name}_{end}" for end in ENDS))]


def layer_values(path: Path, settings: IntervalSettings) -> dict[str, np.ndarray]:
    """Means over images and their bounds for each band of one store, once their sum is checked."""
    store = Store(path)
    units = settings.units(store.read("label"), store.read("group"))
    results: dict[str, np.ndarray] = {"bins": store.read("bins").astype(float)}
    results["structural"] = ((results["bins"] > 0) & ~store.read("sees")).astype(float)
    for score in SHAPLEY:
        values = store.read(score)
        total = store.read(f"{score}_all") - store.read(f"{score}_none")
        if not np.allclose(np.nansum(values, axis=0), total, atol=1e-6 + 1e-6 * abs(total).max()):
            raise StoreError(
                f"{path}: Shapley values of {score} do not add up",
                expected="for each image the score of the whole map minus that without any band",
                hint="delete the store and run the workflow again",
            )
        # What the answer to one more image would add, divided among the bands.
        share = 1 / len(values)
        scale = Scale((-share, share), -1, 1) if score == "accuracy" else ANY
        results[score] = values.mean(1)
        for name, bound in zip(ENDS, settings.bounds(values, units, scale), strict=True):
            results[f"{score}_{name}"] = np.where(np.isfinite(bound), bound, np.nan)
    return results
