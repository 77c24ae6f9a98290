"""Fitting the readouts of one layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.base.progress import tracked
from bandprobe.data.manifest import class_names, read_folds
from bandprobe.features.blocks import channel_slabs, paired_slabs, slab_channels
from bandprobe.linear.band_grams import BandEnergies, BandGrams, BandRows
from bandprobe.linear.basis import Basis, basis_from_maps
from bandprobe.linear.coordinates import Coordinates, coordinates_of_bands
from bandprobe.linear.energy import EnergyScale, fit_energy_scale
from bandprobe.linear.map_sums import spatial_mean
from bandprobe.linear.probe import FittedProbe, fit_at, fit_probe
from bandprobe.probes.permuted_labels import permuted_labels
from bandprobe.probes.settings import FitSettings
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class Splits:
    """What all readouts of a layer are fitted on.

    Attributes
    ----------
    train, evaluation : Store
        Feature maps of both splits.
    layer : str
    folds : array of shape (n_train,)
    classes : sequence of str
        Their names, in the order of the labels.
    settings : FitSettings
    """

    train: Store
    evaluation: Store
    layer: str
    folds: NDArray[np.int64]
    classes: Sequence[str]
    settings: FitSettings

    @cached_property
    def penalties(self) -> FloatArray:
        """Relative penalties, shape (n_penalties,)."""
        return np.asarray(self.settings.penalties, np.float64)

    @cached_property
    def train_labels(self) -> NDArray[np.int64]:
        """Classes of the training maps, shape (n_train,)."""
        return self.train.read("label")

    @cached_property
    def eval_labels(self) -> NDArray[np.int64]:
        """Classes of the evaluation maps, shape (n_eval,)."""
        return self.evaluation.read("label")

    @property
    def grid(self) -> tuple[int, int]:
        """Height and width of the layer's maps."""
        height, width = self.train.array(self.layer).shape[-2:]
        return int(height), int(width)

    @property
    def train_slabs(self) -> Callable[[], Iterator[MapArray]]:
        """Training maps by slabs of channels, the same as were added up."""
        step = slab_channels(self.layer, self.train, self.evaluation)
        return channel_slabs(self.train, self.layer, step, progress=True)

    def spatial_means(self) -> Iterator[tuple[MapArray, MapArray]]:
        """Spatial means of both splits by slabs of channels, (n_samples, n_channels, 1, 1)."""
        for train, evaluation in paired_slabs(self.train, self.evaluation, self.layer):
            yield spatial_mean(train), spatial_mean(evaluation)


def read_splits(
    train: Path, evaluation: Path, layer: str, manifest: Path, folds: Path, settings: FitSettings
) -> Splits:
    """What the readouts of a layer are fitted on, from its files."""
    stores = Store(train), Store(evaluation)
    return Splits(*stores, layer, read_folds(folds), class_names(manifest), settings)


@dataclass(frozen=True)
class FittedReadout:
    """A fitted readout and what is stored beside it.

    Attributes
    ----------
    basis : Basis
    probe : FittedProbe
    clean_logits : array of shape (n_eval, n_classes)
        Logits of the evaluation maps.
    accuracy : array of shape (n_penalties,)
        On evaluation maps, along the path; not used to choose.
    permuted_accuracy : array of shape (n_permutations,)
        On evaluation maps, of readouts fitted on permuted training labels.
    """

    basis: Basis
    probe: FittedProbe
    clean_logits: FloatArray
    accuracy: FloatArray
    permuted_accuracy: FloatArray


def fit_readout(splits: Splits, coordinates: Coordinates) -> FittedReadout:
    """Fit one readout, and score the evaluation maps along its whole penalty path."""
    basis, evaluation = coordinates.basis, coordinates.evaluation
    probe = choose_penalty(splits, basis)
    # One penalty at a time: the logits of all penalties are as large as those of many readouts.
    accuracy = [
        _accuracy(probe.path.logits_at(row, evaluation), splits.eval_labels)
        for row in range(len(splits.penalties))
    ]
    permuted = _permuted_accuracy(splits, coordinates, float(splits.penalties[probe.chosen]))
    return FittedReadout(basis, probe, probe.logits(evaluation), np.array(accuracy), permuted)


def choose_penalty(splits: Splits, basis: Basis) -> FittedProbe:
    """Fit the whole path, and choose its penalty on held-out folds."""
    settings, n_classes = splits.settings, len(splits.classes)
    return fit_probe(
        basis, splits.train_labels, splits.folds, n_classes, splits.penalties, settings.estimator
    )


def _permuted_accuracy(splits: Splits, coordinates: Coordinates, penalty: float) -> FloatArray:
    """Accuracies of readouts fitted on permuted labels, shape (n_permutations,)."""
    settings, groups = splits.settings, splits.train.read("group")
    accuracy = []
    for draw in range(settings.permutations):
        labels = permuted_labels(splits.train_labels, groups, settings.seed, draw)
        n_classes = len(splits.classes)
        path = fit_at(coordinates.basis, labels, n_classes, penalty, settings.estimator)
        accuracy.append(_accuracy(path.logits_at(0, coordinates.evaluation), splits.eval_labels))
    return np.array(accuracy)


def _accuracy(logits: FloatArray, labels: NDArray[np.int64]) -> float:
    return float(outcomes(logits, labels).correct.mean(dtype=np.float64))


def energy_coordinates(energies: BandEnergies) -> tuple[EnergyScale, Coordinates]:
    """Standardised log energies of both splits in coordinates, and how they are standardised."""
    train, evaluation = energies.gathered()
    scale = fit_energy_scale(train)
    flat = [scale.features(energy).reshape(len(energy), -1) for energy in (train, evaluation)]
    basis = basis_from_maps(flat[0])
    return scale, Coordinates(basis, basis.project(flat[1]))


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


def fit_refits(
    splits: Splits, products: BandGrams | BandRows, kept: MaskArray, whole: FittedReadout
) -> list[Refit]:
    """Fit `refit`: the map readout again for each row of kept bands.

    Parameters
    ----------
    splits : Splits
    products : BandGrams or BandRows
        Of the standardised maps.
    kept : bool array of shape (n_subsets, n_bands)
        The first row keeps all bands.
    whole : FittedReadout
        The map readout, which is that of the first row.
    """
    refits = [Refit(whole.clean_logits, whole.probe.losses.mean(0), whole.probe.chosen)]
    for row in tracked(kept[1:], len(kept) - 1, "fits", f"refit of {splits.layer}"):
        coordinates = coordinates_of_bands(products, row)
        probe = choose_penalty(splits, coordinates.basis)
        logits = probe.logits(coordinates.evaluation)
        refits.append(Refit(logits, probe.losses.mean(0), probe.chosen))
    return refits
