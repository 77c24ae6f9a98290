"""Shapley values of all readouts of a data set as one labelled array."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bandprobe.errors import StoreError
from bandprobe.scoring.records import Bootstrap
from bandprobe.scoring.shapley import SHAPLEY_SCORES
from bandprobe.store.zarr_store import Store
from bandprobe.summary.tables import axis_labels, layer_order

FACTS = {
    "bins": ("full-plane bins in the band", "1"),
    "structural": ("1 where the readout has no weight in the band: it can bring nothing", "1"),
}
DIMS = ("model", "layer", "readout", "band")


def shapley_dataset(folder: Path, axes: Mapping[str, Any], bootstrap: Bootstrap) -> xr.Dataset:
    """Mean Shapley values along (model, layer, readout, band), with intervals over groups.

    Parameters
    ----------
    folder : Path
        Holds `<model>/<layer>/<readout>.zarr`.
    axes : mapping
        `layers` (model to its layers), `readouts` and `bands`.
    bootstrap : Bootstrap

    Raises
    ------
    StoreError
        If the values of a layer do not add up to what all its bands bring.
    """
    labels = {axis: names for axis, names in axis_labels(axes).items() if axis in DIMS}
    shape = [len(labels[axis]) for axis in DIMS]
    names = [f"{score}{end}" for score in SHAPLEY_SCORES for end in ("", "_low", "_high")]
    arrays = {name: np.full(shape, np.nan) for name in [*names, *FACTS]}
    for model, layers in axes["layers"].items():
        for layer in layers:
            for readout in axes["readouts"]:
                path = folder / model / layer / f"{readout}.zarr"
                at = tuple(
                    labels[axis].index(name)
                    for axis, name in zip(DIMS, (model, layer, readout), strict=False)
                )
                for name, values in layer_values(path, bootstrap).items():
                    arrays[name][at] = values
    variables = {}
    for name, values in arrays.items():
        base = name.removesuffix("_low").removesuffix("_high")
        text, unit = (SHAPLEY_SCORES | FACTS)[base]
        end = {"_low": ", lower bound", "_high": ", upper bound"}.get(name[len(base) :], "")
        variables[name] = xr.Variable(DIMS, values, {"long_name": text + end, "units": unit})
    return xr.Dataset(variables, coords=labels, attrs=layer_order(axes["layers"]))


def layer_values(path: Path, bootstrap: Bootstrap) -> dict[str, np.ndarray]:
    """Means and bounds over bands of one store, after their sum was checked."""
    store = Store(path)
    groups = store.read("group")
    found: dict[str, np.ndarray] = {"bins": store.read("bins").astype(float)}
    found["structural"] = ((found["bins"] > 0) & ~store.read("sees")).astype(float)
    for score in SHAPLEY_SCORES:
        values = store.read(score)
        brought = store.read(f"{score}_all") - store.read(f"{score}_none")
        if not np.allclose(
            np.nansum(values, axis=0), brought, atol=1e-6 + 1e-6 * abs(brought).max()
        ):
            raise StoreError(
                f"{path}: Shapley values of {score} do not add up",
                expected="for each image the score of the whole map minus that without any band",
                hint="delete the store and let the workflow make it again",
            )
        intervals = bootstrap.intervals(values, groups)
        found[score] = values.mean(1)
        for end, name in enumerate(("low", "high")):
            found[f"{score}_{name}"] = np.array(
                [np.nan if i is None else i[end] for i in intervals]
            )
    return found
