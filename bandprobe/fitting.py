"""Fitting all readouts of one layer, and the stores that they become."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from bandprobe.bands import BandPartition
from bandprobe.controls import permuted_labels
from bandprobe.energy import EnergyScale, fit_energy_scale
from bandprobe.features import channel_slabs, slab_channels
from bandprobe.probe import Basis, FittedProbe, basis_from_maps, fit_at, fit_probe
from bandprobe.readouts import (
    MapSums,
    Slabs,
    StandardisedMaps,
    in_memory,
    pooled,
    standardise_maps,
    weight_slabs,
)
from bandprobe.scores import outcomes
from bandprobe.sharding import slab_slice
from bandprobe.store import Store, StoreWriter, Variable

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class Permutations:
    """How many readouts are fitted on permuted labels, and from which seed."""

    count: int
    seed: int


@dataclass(frozen=True)
class Fit:
    """A fitted readout and what is stored beside it.

    Attributes
    ----------
    basis : Basis
    probe : FittedProbe
    evaluation : array of shape (n_eval, n_coordinates)
    accuracy : array of shape (n_penalties,)
        On evaluation maps, along the path; not used to choose.
    permuted_accuracy : array of shape (n_permutations,)
        On evaluation maps, of readouts of permuted training labels.
    """

    basis: Basis
    probe: FittedProbe
    evaluation: FloatArray
    accuracy: FloatArray
    permuted_accuracy: FloatArray

    @property
    def clean_logits(self) -> FloatArray:
        """Logits of the evaluation maps, (n_eval, n_classes)."""
        return self.probe.logits(self.evaluation)


@dataclass(frozen=True)
class Splits:
    """What all readouts of a layer are fitted on."""

    train: Store
    evaluation: Store
    layer: str
    folds: NDArray[np.int64]
    classes: Sequence[str]
    penalties: FloatArray
    estimator: str
    permutations: Permutations

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the layer's maps."""
        height, width = self.train.array(self.layer).shape[-2:]
        return int(height), int(width)

    def fit(self, basis: Basis, evaluation: FloatArray, *, permute: bool = True) -> Fit:
        """Fit one readout, and score the evaluation maps along its whole penalty path."""
        labels, n_classes = self.train.read("label"), len(self.classes)
        given = (n_classes, self.penalties, self.estimator)
        probe = fit_probe(basis, labels, self.folds, *given)
        truth = self.evaluation.read("label")
        accuracy = outcomes(probe.path.logits(evaluation), truth).correct.mean(1, dtype=np.float64)
        penalty = float(self.penalties[probe.chosen])
        permuted = []
        for draw in range(self.permutations.count if permute else 0):
            dealt = permuted_labels(labels, self.train.read("group"), self.permutations.seed, draw)
            path = fit_at(basis, dealt, n_classes, penalty, self.estimator)
            permuted.append(outcomes(path.logits(evaluation), truth).correct.mean(dtype=np.float64))
        return Fit(basis, probe, evaluation, accuracy, np.array(permuted))


Linear = tuple[StandardisedMaps, Fit, Slabs]


def sum_slabs(
    train: Store,
    evaluation: Store,
    layer: str,
    partition: BandPartition | None,
    slab: tuple[int, int] = (0, 1),
) -> MapSums:
    """What the readouts of the maps are fitted from, read some channels at a time.

    Parameters
    ----------
    train, evaluation : Store
        Feature maps of both splits.
    layer : str
    partition : BandPartition or None
    slab : pair of int
        Number and count, where several jobs share the channels.
    """
    n_train, n_channels, height, width = train.array(layer).shape
    sums = MapSums(n_channels * height * width <= n_train, partition)
    channels, step = slab_slice(n_channels, slab[1], slab[0]), slab_channels(train, layer)
    both = [channel_slabs(store, layer, step, channels)() for store in (train, evaluation)]
    for one in tqdm(zip(*both, strict=True), unit="slab", desc=layer, mininterval=5):
        sums.add(*one)
    return sums


def fit_linear(splits: Splits, readouts: Sequence[str], sums: MapSums | None) -> dict[str, Linear]:
    """Fit `map` and `pooled`, with the slabs that their weights are made of.

    Parameters
    ----------
    splits : Splits
    readouts : sequence of str
    sums : MapSums or None
        Of all channels; None where no readout needs more than spatial means.
    """
    n_channels = splits.train.array(splits.layer).shape[1]
    train = channel_slabs(splits.train, splits.layer, slab_channels(splits.train, splits.layer))
    found: dict[str, Linear] = {}
    if sums is not None:
        maps = sums.finish()
        found["map"] = (maps, splits.fit(maps.train, maps.evaluation), train)
        train_means, eval_means = map(in_memory, sums.spatial_means)
    else:
        step = slab_channels(splits.train, splits.layer)
        evaluation = channel_slabs(splits.evaluation, splits.layer, step)
        train_means, eval_means = pooled(train), pooled(evaluation)
    if "pooled" in readouts:
        means = standardise_maps(train_means, eval_means, n_channels)
        found["pooled"] = (means, splits.fit(means.train, means.evaluation), train_means)
    return found


def fit_energy(splits: Splits, maps: StandardisedMaps) -> tuple[EnergyScale, Fit]:
    """Fit `energy` on the energies that were taken along with the maps."""
    assert maps.energies is not None, "taken with a partition"
    train, evaluation, _ = maps.energies.gathered()
    scale = fit_energy_scale(train)
    flat = [scale.features(energy).reshape(len(energy), -1) for energy in (train, evaluation)]
    basis = basis_from_maps(flat[0])
    return scale, splits.fit(basis, basis.project(flat[1]))


def fit_refits(
    splits: Splits, maps: StandardisedMaps, kept: NDArray[np.bool_], whole: Fit
) -> list[Fit]:
    """Fit `refit`: the map readout again for each row of kept bands; the first keeps all."""
    assert maps.grams is not None, "taken with a partition"
    return [
        whole,
        *(splits.fit(*maps.grams.basis(row), permute=False) for row in kept[1:]),
    ]


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
    fits: Sequence[Fit], kept: NDArray[np.bool_], bins: NDArray[np.int64], penalties: FloatArray
) -> dict[str, Variable]:
    """Logits of the refitted readouts, and how each was fitted."""
    losses = np.stack([fit.probe.losses.mean(0) for fit in fits])
    chosen = np.array([penalties[fit.probe.chosen] for fit in fits])
    logits = np.stack([fit.clean_logits for fit in fits])
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
