"""Fitted readouts as stores: their weights, and how they were fitted."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.features.blocks import read_coordinates
from bandprobe.linear.energy import EnergyScale
from bandprobe.linear.map_sums import StandardisedMaps, weight_slabs
from bandprobe.probes.fit import Fit, Linear, Refit, Splits
from bandprobe.store.provenance import provenance
from bandprobe.store.zarr_store import StoreWriter, Variable


def common_variables(fit: Fit) -> dict[str, Variable]:
    """What every readout's store holds of how it was fitted."""
    loss = {"units": "nats", "long_name": "log loss at the best temperature, held out"}
    accuracy = {"units": "1", "long_name": "accuracy on evaluation maps; not used to choose"}
    permuted = {"units": "1", "long_name": "accuracy after training on permuted labels"}
    logit = {"units": "logits"}
    return {
        "intercept": Variable(("class",), fit.probe.intercept(fit.basis), logit),
        "cv_log_loss": Variable(("fold", "penalty"), fit.probe.losses, loss),
        "eval_accuracy": Variable(("penalty",), fit.accuracy, accuracy),
        "permuted_accuracy": Variable(("permutation",), fit.permuted_accuracy, permuted),
        "clean_logits": Variable(("sample", "class"), fit.clean_logits, logit),
    }


def linear_variables(maps: StandardisedMaps, grid: tuple[int, int]) -> dict[str, Variable]:
    """Moments and the mean map of a linear readout."""
    feature = {"units": "feature units"}
    mean_map = np.broadcast_to(maps.mean_map, (len(maps.mean), *grid))
    return {
        "channel_mean": Variable(("channel",), maps.mean, feature),
        "channel_scale": Variable(("channel",), maps.scale, feature),
        "mean_map": Variable(
            ("channel", "y", "x"), mean_map, feature | {"long_name": "mean training map"}
        ),
    }


def write_weights(store: StoreWriter, linear: Linear, splits: Splits) -> None:
    """Write the weight map slab by slab; a pooled weight is spread evenly over the grid."""
    maps, fit, slabs = linear
    features, grid = splits.train.array(splits.layer), splits.grid
    n_classes, n_channels = len(splits.classes), len(maps.mean)
    weights = store.create(
        "W",
        ("class", "channel", "y", "x"),
        (n_classes, n_channels, *grid),
        "float32",
        {"units": "logits", "long_name": "weights of the standardised map"},
        (n_classes, *features.chunks[1:]),
    )
    start = 0
    for slab in weight_slabs(maps, fit.probe, slabs):
        stop = start + slab.shape[1]
        spread = np.float32(grid[0] * grid[1] / (slab.shape[2] * slab.shape[3]))
        weights[:, start:stop] = np.broadcast_to(slab / spread, (n_classes, slab.shape[1], *grid))
        start = stop


def energy_variables(
    scale: EnergyScale, fit: Fit, maps: StandardisedMaps, bins: NDArray[np.int64]
) -> dict[str, Variable]:
    """Weights of an energy readout, and the energies that it scores."""
    assert maps.energies is not None, "taken with a partition"
    _, evaluation, mean_map = maps.energies.gathered()
    shape = (-1, *scale.mean.shape)
    dims = ("channel", "band")
    energy = {"units": "squared feature units"}
    weights = fit.probe.weights(fit.basis).T.reshape(shape)
    facts = {"units": "logits", "long_name": "weights of the standardised log energies"}
    return {
        "W": Variable(("class", *dims), weights, facts),
        "log_energy_floor": Variable(dims, scale.floor, energy),
        "log_energy_mean": Variable(dims, scale.mean, {"units": "1"}),
        "log_energy_scale": Variable(dims, scale.scale, {"units": "1"}),
        "eval_energy": Variable(("sample", *dims), evaluation, energy),
        "mean_map_energy": Variable(dims, mean_map, energy),
        "bins": Variable(("band",), bins, {"units": "1"}),
    }


def refit_variables(
    fits: Sequence[Refit], kept: NDArray[np.bool_], bins: NDArray[np.int64], penalties: FloatArray
) -> dict[str, Variable]:
    """Logits of the refitted readouts, and how each was fitted."""
    losses = np.stack([fit.losses for fit in fits])
    chosen = np.array([penalties[fit.chosen] for fit in fits])
    logits = np.stack([fit.logits for fit in fits])
    text = "readouts fitted on the bands that are kept; the first row keeps all"
    return {
        "logits": Variable(
            ("subset", "sample", "class"), logits, {"units": "logits", "long_name": text}
        ),
        "kept": Variable(("subset", "band"), kept, {"long_name": "bands that are kept"}),
        "penalty_chosen": Variable(("subset",), chosen, {"units": "mean squared norm"}),
        "cv_log_loss": Variable(("subset", "penalty"), losses, {"units": "nats"}),
        "bins": Variable(("band",), bins, {"units": "1"}),
        "sees": Variable(("band",), bins > 0, {"long_name": "the band has bins"}),
    }


def write_fit(
    path: Path,
    variables: Mapping[str, Variable],
    coordinates: Mapping[str, Variable],
    attrs: Mapping[str, Any],
    weights: Linear | None,
    splits: Splits,
) -> None:
    """Write the store of one readout."""
    with StoreWriter(path, attrs) as store:
        if weights is not None:
            write_weights(store, weights, splits)
        for name, variable in coordinates.items():
            store.write(name, variable, coordinate=True)
        for name, variable in variables.items():
            store.write(name, variable)


class Writer:
    """Writes the stores of the readouts, each with its own provenance."""

    def __init__(self, arguments: argparse.Namespace, splits: Splits) -> None:
        self._outputs = dict(zip(arguments.readout, arguments.output, strict=True))
        self._stage = {"layer": arguments.layer, **arguments.settings}
        self._code, self._splits = arguments.code, splits
        self._coordinates = {
            "class": Variable(("class",), np.array(splits.classes)),
            "penalty": Variable(("penalty",), splits.penalties, {"units": "mean squared norm"}),
            **read_coordinates(splits.evaluation),
        }
        if arguments.bands:
            names = np.array(arguments.bands["names"])
            self._bands = {"band": Variable(("band",), names)}

    def write(self, readout: str, fit: Fit, variables: dict[str, Variable], **more: Any) -> None:
        """Write one readout."""
        if readout not in self._outputs:
            return
        penalty = float(self._splits.penalties[fit.probe.chosen])
        attrs = provenance(
            self._code,
            {**self._stage, "readout": readout, "penalty": penalty},
            weights_sha256=self._splits.train.attrs["weights_sha256"],
        )
        coordinates = dict(self._coordinates)
        if readout in ("energy", "refit"):
            coordinates |= self._bands
        path = self._outputs[readout]
        write_fit(path, variables, coordinates, attrs, more.get("weights"), self._splits)
