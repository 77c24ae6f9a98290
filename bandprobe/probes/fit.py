"""Fitting the readouts of one layer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeGuard

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.base.progress import tracked
from bandprobe.data.manifest import class_names, read_folds
from bandprobe.features.blocks import channel_slabs, paired_slabs, slab_channels
from bandprobe.linear.band_grams import BandEnergies, BandGrams, BandRows
from bandprobe.linear.basis import Basis
from bandprobe.linear.coordinates import Coordinates, Products, Rows, source_of_bands
from bandprobe.linear.energy import EnergyScale, fit_energy_scale
from bandprobe.linear.gram_ridge import LabelSets, kernel_logits
from bandprobe.linear.map_sums import spatial_mean
from bandprobe.linear.probe import FittedProbe, at_end, fit_at, fit_probe
from bandprobe.linear.ridge_search import RidgePath, search_ridge
from bandprobe.probes.permuted_labels import permuted_labels
from bandprobe.probes.settings import FitSettings
from bandprobe.scoring.outcomes import outcomes
from bandprobe.store.zarr_store import Store

# From so many training images on, factorisations at the penalties that are visited are faster than
# an eigendecomposition that serves all. Fewer are enough where the search begins near its end, and
# nobody looks at the whole path.
LEAST_IMAGES = 2000
LEAST_IMAGES_OF_REFIT = 256


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

    def path(self, labels: Sequence[NDArray[np.integer]]) -> RidgePath:
        """What a ridge is fitted to: the true labels, and others along with them."""
        sets = LabelSets(np.stack(labels), len(self.classes))
        return RidgePath(sets, self.folds, self.penalties)

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
class BandPenalties:
    """The penalties of a readout that has one for each band (`bandprobe.probes.by_band`).

    Attributes
    ----------
    penalties : array of shape (n_bands,)
        NaN of bands that hold nothing.
    factors : array of shape (n_bands,)
        The shared penalty over the band's: its weights are still to be multiplied by it.
    losses : array of shape (n_folds,)
        Scale-free log loss on held-out folds.
    """

    penalties: FloatArray
    factors: FloatArray
    losses: FloatArray


@dataclass(frozen=True)
class FittedReadout:
    """A fitted readout and what is stored beside it.

    Attributes
    ----------
    weights : array of shape (n_rows, n_classes)
        On the values of a standardised map, or on the standardised training maps.
    intercept : array of shape (n_classes,)
    losses : array of shape (n_folds, n_penalties)
        Scale-free log loss on held-out folds; NaN at penalties that were not visited.
    chosen : int
        Position of the penalty with the least mean loss.
    clean_logits : array of shape (n_eval, n_classes)
        Logits of the evaluation maps.
    accuracy : array of shape (n_penalties,)
        On evaluation maps, along the path; not used to choose. NaN as for `losses`, or at all
        penalties but the chosen one.
    permuted_accuracy : array of shape (n_permutations,)
        On evaluation maps, of readouts fitted on permuted training labels.
    by_band : BandPenalties, optional
        If each band has a penalty of its own; `losses`, `chosen` and `accuracy` are then those of
        the shared one.
    """

    weights: FloatArray
    intercept: FloatArray
    losses: FloatArray
    chosen: int
    clean_logits: FloatArray
    accuracy: FloatArray
    permuted_accuracy: FloatArray
    by_band: BandPenalties | None = None

    @property
    def is_at_end(self) -> bool:
        """Whether the penalty is the first or the last of several that make a difference.

        Where each band has its own, an end is an answer: a band that is left out, or left free.
        """
        return self.by_band is None and at_end(self.losses.mean(0), self.chosen)


def fit_readout(splits: Splits, source: Products | Rows, start: int | None = None) -> FittedReadout:
    """Fit one readout, and score the evaluation maps along its penalty path.

    Parameters
    ----------
    splits : Splits
    source : Products or Rows
        Of both splits.
    start : int, optional
        Position of a penalty to begin at, where not all are visited.
    """
    if _by_factors(source, splits, LEAST_IMAGES):
        labels = [splits.train_labels, *permuted_sets(splits)]
        found = _fit_by_factors(splits, source, labels, start, accuracies=True)
        if found is not None:
            return found
    coordinates = source.coordinates()
    basis, evaluation = coordinates.basis, coordinates.evaluation
    probe = choose_penalty(splits, basis)
    # One penalty at a time: the logits of all penalties are as large as those of many readouts.
    accuracy = [
        accuracy_of(probe.path.logits_at(row, evaluation), splits.eval_labels)
        for row in range(len(splits.penalties))
    ]
    permuted = _permuted_accuracy(splits, coordinates, float(splits.penalties[probe.chosen]))
    return FittedReadout(
        probe.weights(basis),
        probe.intercept(basis),
        probe.losses,
        probe.chosen,
        probe.logits(evaluation),
        np.array(accuracy),
        permuted,
    )


def choose_penalty(splits: Splits, basis: Basis) -> FittedProbe:
    """Fit the whole path, and choose its penalty on held-out folds."""
    settings, n_classes = splits.settings, len(splits.classes)
    return fit_probe(
        basis, splits.train_labels, splits.folds, n_classes, splits.penalties, settings.estimator
    )


def is_factorised(splits: Splits, least: int | None = None) -> bool:
    """Whether Gram matrices of so many images are factorised, a penalty at a time."""
    enough = len(splits.train_labels) >= (LEAST_IMAGES if least is None else least)
    return enough and splits.settings.estimator == "ridge"


def _by_factors(source: Products | Rows, splits: Splits, least: int) -> TypeGuard[Products]:
    enough = isinstance(source, Products) and source.rank is None
    return enough and is_factorised(splits, least)


def _fit_by_factors(
    splits: Splits,
    source: Products,
    labels: Sequence[NDArray[np.integer]],
    start: int | None,
    *,
    accuracies: bool,
) -> FittedReadout | None:
    """Fit a readout from inner products; None where its maps do not differ or nothing can be fit.

    `labels` are the true ones and permutations of them. Without `accuracies` none along the path.
    """
    accuracy = np.full(len(splits.penalties), np.nan)

    def note(position: int, duals: FloatArray, intercept: FloatArray) -> None:
        accuracy[position] = accuracy_of(
            kernel_logits(source.kernels, duals, intercept), splits.eval_labels
        )

    fit = search_ridge(
        source.grams, source.total, splits.path(labels), start, note if accuracies else None
    )
    if fit is None:
        return None
    permuted = [
        accuracy_of(kernel_logits(source.kernels, duals, intercept), splits.eval_labels)
        for duals, intercept in zip(fit.duals[1:], fit.intercepts[1:], strict=True)
    ]
    clean = kernel_logits(source.kernels, fit.duals[0], fit.intercepts[0])
    # The other sets of labels are not kept with it.
    weights = fit.duals[0].copy().T
    return FittedReadout(
        weights, fit.intercepts[0], fit.losses, fit.chosen, clean, accuracy, np.array(permuted)
    )


def permuted_sets(splits: Splits) -> list[NDArray[np.integer]]:
    """Permuted training labels of each draw."""
    groups, settings = splits.train.read("group"), splits.settings
    return [
        permuted_labels(splits.train_labels, groups, settings.seed, draw)
        for draw in range(settings.permutations)
    ]


def _permuted_accuracy(splits: Splits, coordinates: Coordinates, penalty: float) -> FloatArray:
    """Accuracies of readouts fitted on permuted labels, shape (n_permutations,)."""
    n_classes, estimator = len(splits.classes), splits.settings.estimator
    accuracy = []
    for labels in permuted_sets(splits):
        path = fit_at(coordinates.basis, labels, n_classes, penalty, estimator)
        accuracy.append(accuracy_of(path.logits_at(0, coordinates.evaluation), splits.eval_labels))
    return np.array(accuracy)


def accuracy_of(logits: FloatArray, labels: NDArray[np.int64]) -> float:
    """Accuracy of logits of the evaluation maps."""
    return float(outcomes(logits, labels).correct.mean(dtype=np.float64))


def energy_rows(energies: BandEnergies) -> tuple[EnergyScale, Rows]:
    """Standardised log energies of both splits, and how they are standardised."""
    train, evaluation = energies.gathered()
    scale = fit_energy_scale(train)
    flat = [scale.features(energy).reshape(len(energy), -1) for energy in (train, evaluation)]
    return scale, Rows(flat[0], flat[1])


@dataclass(frozen=True)
class Refit:
    """A readout fitted again on some bands; its coordinates are not kept.

    Attributes
    ----------
    logits : array of shape (n_eval, n_classes)
    losses : array of shape (n_penalties,)
        Mean over folds; NaN at penalties that were not visited.
    chosen : int
        Position of the penalty.
    """

    logits: FloatArray
    losses: FloatArray
    chosen: int


def fit_refits(
    splits: Splits,
    products: BandGrams | BandRows,
    kept: MaskArray,
    whole: FittedReadout,
    dimensions: NDArray[np.int64],
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
    dimensions : array of shape (n_bands,)
        Values of a map that lie in each band: bins times channels.
    """
    chosen = whole.chosen
    refits = [Refit(whole.clean_logits, whole.losses.mean(0), chosen)]
    for row in tracked(kept[1:], len(kept) - 1, "fits", f"refit of {splits.layer}"):
        source = source_of_bands(products, row, int(dimensions[row].sum()))
        refits.append(_refit(splits, source, chosen))
    return refits


def _refit(splits: Splits, source: Products | Rows, start: int) -> Refit:
    if _by_factors(source, splits, LEAST_IMAGES_OF_REFIT):
        found = _fit_by_factors(splits, source, [splits.train_labels], start, accuracies=False)
        if found is not None:
            return Refit(found.clean_logits, found.losses.mean(0), found.chosen)
    coordinates = source.coordinates()
    probe = choose_penalty(splits, coordinates.basis)
    return Refit(probe.logits(coordinates.evaluation), probe.losses.mean(0), probe.chosen)
