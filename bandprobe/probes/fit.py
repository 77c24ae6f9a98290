"""Fitting all readouts of one layer, and the stores that they become."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.base.devices import open_device
from bandprobe.base.progress import tracked
from bandprobe.data.manifest import class_names, read_folds
from bandprobe.features.blocks import channel_slabs, slab_channels
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.random_masks import permuted_labels
from bandprobe.linear.energy import EnergyScale, fit_energy_scale
from bandprobe.linear.map_sums import (
    MapSums,
    Slabs,
    StandardisedMaps,
    in_memory,
    pooled,
    standardise_maps,
)
from bandprobe.linear.probe import Basis, FittedProbe, basis_from_maps, fit_at, fit_probe
from bandprobe.probes.slab_sums import read_sums, sum_slabs
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Store


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

    def choose(self, basis: Basis) -> FittedProbe:
        """Fit the whole path, and choose its penalty on held-out folds."""
        labels = self.train.read("label")
        given = (len(self.classes), self.penalties, self.estimator)
        return fit_probe(basis, labels, self.folds, *given)

    def fit(self, basis: Basis, evaluation: FloatArray) -> Fit:
        """Fit one readout, and score the evaluation maps along its whole penalty path."""
        labels, n_classes = self.train.read("label"), len(self.classes)
        probe, truth = self.choose(basis), self.evaluation.read("label")
        # One penalty at a time: logits of all would be as large as those of as many readouts.
        accuracy = [
            _accuracy(probe.path.logits_at(row, evaluation), truth)
            for row in range(len(self.penalties))
        ]
        penalty = float(self.penalties[probe.chosen])
        permuted = []
        for draw in range(self.permutations.count):
            dealt = permuted_labels(labels, self.train.read("group"), self.permutations.seed, draw)
            path = fit_at(basis, dealt, n_classes, penalty, self.estimator)
            permuted.append(_accuracy(path.logits_at(0, evaluation), truth))
        return Fit(basis, probe, evaluation, np.array(accuracy), np.array(permuted))


def _accuracy(logits: FloatArray, truth: NDArray[np.int64]) -> float:
    return float(outcomes(logits, truth).correct.mean(dtype=np.float64))


Linear = tuple[StandardisedMaps, Fit, Slabs]


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
    step = slab_channels(splits.layer, splits.train, splits.evaluation)
    train = channel_slabs(splits.train, splits.layer, step, told=True)
    found: dict[str, Linear] = {}
    if sums is not None:
        maps = sums.finish()
        found["map"] = (maps, splits.fit(maps.train, maps.evaluation), train)
        train_means, eval_means = map(in_memory, sums.spatial_means)
    else:
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


@dataclass(frozen=True)
class Refit:
    """A readout fitted again on some bands; its coordinates are not kept.

    Attributes
    ----------
    logits : array of shape (n_eval, n_classes)
    losses : array of shape (n_penalties,)
        Mean over folds.
    chosen : int
        Position of the penalty.
    """

    logits: FloatArray
    losses: FloatArray
    chosen: int

    @classmethod
    def of(cls, probe: FittedProbe, evaluation: FloatArray) -> Refit:
        """What is stored of a fit: of its path only the chosen penalty."""
        return cls(probe.logits(evaluation), probe.losses.mean(0), probe.chosen)


def fit_refits(
    splits: Splits, maps: StandardisedMaps, kept: NDArray[np.bool_], whole: Fit
) -> list[Refit]:
    """Fit `refit`: the map readout again for each row of kept bands; the first keeps all."""
    assert maps.grams is not None, "taken with a partition"
    rows = tracked(kept[1:], len(kept) - 1, "fits", f"refit of {splits.layer}")
    fits = [Refit.of(whole.probe, whole.evaluation)]
    for row in rows:
        basis, evaluation = maps.grams.basis(row)
        fits.append(Refit.of(splits.choose(basis), evaluation))
    return fits


def read_splits(arguments: argparse.Namespace) -> Splits:
    """What the readouts are fitted on."""
    settings = arguments.settings
    return Splits(
        Store(arguments.train),
        Store(arguments.eval),
        arguments.layer,
        read_folds(arguments.folds),
        class_names(arguments.manifest),
        np.asarray(settings["penalties"], np.float64),
        settings["estimator"],
        Permutations(settings["permutations"], settings["seed"]),
    )


def gather(
    arguments: argparse.Namespace, splits: Splits, partition: BandPartition | None
) -> MapSums:
    """What the readouts of the maps are fitted from: of the slabs' jobs, or of all channels."""
    if arguments.sums:
        return read_sums(arguments.sums, partition)
    device = open_device(arguments.device)
    return sum_slabs(splits.train, splits.evaluation, splits.layer, partition, device=device)
