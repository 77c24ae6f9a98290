"""Penalty paths of all readouts of a data set, as one labelled data set."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from bandprobe.store.zarr_store import Store
from bandprobe.summary.names import AXES
from bandprobe.summary.tables import axis_labels, layer_order, variable_attrs

PERMUTED = ("permuted_accuracy", "permuted_highest")
# name: (long name, units)
FACTS = {
    "eval_accuracy": ("top-1 accuracy on evaluation maps; not used to choose the penalty", "1"),
    "cv_log_loss": ("held-out log loss at the best temperature", "nats"),
    "penalty_chosen": ("penalty chosen by grouped cross-validation", "1"),
    "permuted_accuracy": ("mean accuracy of readouts fitted on permuted labels", "1"),
    "permuted_highest": ("highest accuracy of a readout fitted on permuted labels", "1"),
}


def probes_dataset(folder: Path, axes: Mapping[str, Any]) -> xr.Dataset:
    """Penalty paths along (model, layer, readout, penalty), and the chosen penalties."""
    labels = axis_labels(axes)
    shape = [len(labels[axis]) for axis in AXES[:3]]
    chosen = np.full(shape, np.nan)
    paths: dict[str, np.ndarray] = {}
    controls = {name: np.full(shape, np.nan) for name in PERMUTED}
    penalties, n_classes = np.empty(0), 0
    for model, layers in axes["layers"].items():
        for layer in layers:
            for readout in axes["readouts"]:
                store = Store(folder / model / layer / f"{readout}.zarr")
                names = (model, layer, readout)
                cell = tuple(labels[a].index(n) for a, n in zip(AXES, names, strict=False))
                penalties = store.read("penalty")
                permuted = store.read("permuted_accuracy")
                controls["permuted_accuracy"][cell] = permuted.mean() if len(permuted) else np.nan
                controls["permuted_highest"][cell] = permuted.max() if len(permuted) else np.nan
                n_classes = store.array("intercept").shape[0]
                chosen[cell] = store.attrs["penalty"]
                for name, values in (
                    ("eval_accuracy", store.read("eval_accuracy")),
                    ("cv_log_loss", store.read("cv_log_loss").mean(0)),
                ):
                    paths.setdefault(name, np.full((*shape, len(values)), np.nan))[cell] = values
    variables = {
        name: xr.Variable((*AXES[:3], "penalty"), values, variable_attrs(name, FACTS))
        for name, values in paths.items()
    }
    for name, values in {"penalty_chosen": chosen, **controls}.items():
        variables[name] = xr.Variable(AXES[:3], values, variable_attrs(name, FACTS))
    coordinates = {axis: labels[axis] for axis in AXES[:3]} | {"penalty": penalties}
    attrs = layer_order(axes["layers"]) | {"chance": 1.0 / n_classes}
    return xr.Dataset(variables, coords=coordinates, attrs=attrs)
