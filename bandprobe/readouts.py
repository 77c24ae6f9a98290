"""Fitting readouts from slabs of channels, so that no layer need be in memory.

A slab holds some channels of all samples. Gram matrices are sums over slabs, and a slab of the
weight map needs no other slab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandprobe.bands import BandPartition
from bandprobe.modes import kept_bands
from bandprobe.probe import Basis, FittedProbe, basis_from_gram, basis_from_maps
from bandprobe.spectral import BandEnergies, BandGrams, pack_bands
from bandprobe.standardise import centre_channels

FloatArray = NDArray[np.float64]
MapArray = NDArray[np.float32]
Slabs = Callable[[], Iterable[MapArray]]


@dataclass(frozen=True)
class StandardisedMaps:
    """Moments of the training maps, and all maps in coordinates of the training maps.

    Attributes
    ----------
    mean, scale : arrays of shape (n_channels,)
    mean_map : array of shape (n_channels, height, width)
        Mean over samples of the raw training maps.
    train : Basis
    is_direct : bool
        Whether the basis is made of the maps, not of their Gram matrix.
    evaluation : array of shape (n_eval, n_coordinates)
    grams : BandGrams or None
    energies : BandEnergies or None
        The last two where a partition was given.
    """

    mean: MapArray
    scale: MapArray
    mean_map: MapArray
    train: Basis
    is_direct: bool
    evaluation: FloatArray
    grams: BandGrams | None = None
    energies: BandEnergies | None = None


def pooled(slabs: Slabs) -> Slabs:
    """Slabs of spatial means, shape (n_samples, n_channels, 1, 1): what the pooled readout sees."""
    means = [slab.mean((2, 3), keepdims=True) for slab in slabs()]
    return lambda: means


def recorded(slabs: Slabs) -> tuple[Slabs, Slabs]:
    """The same slabs, and what `pooled` gives, noted while the slabs are gone through."""
    means: list[MapArray] = []

    def iterate() -> Iterator[MapArray]:
        means.clear()
        for slab in slabs():
            means.append(slab.mean((2, 3), keepdims=True))
            yield slab

    return iterate, lambda: means


def standardise(slab: MapArray, mean: MapArray, scale: MapArray) -> MapArray:
    """Standardised maps, of the shape of the slab."""
    return scaled(slab - mean[:, None, None], scale)


def scaled(centred: MapArray, scale: MapArray) -> MapArray:
    """Standardised maps from centred ones, which are overwritten."""
    centred *= (1 / scale)[:, None, None]
    return centred


@dataclass
class _Coordinates:
    """Rows of all maps, or their inner products, added up slab by slab."""

    direct: bool
    train: list[FloatArray] = field(default_factory=list)
    evaluation: list[FloatArray] = field(default_factory=list)
    gram: FloatArray | float = 0.0
    kernel: FloatArray | float = 0.0

    def add(self, train: MapArray, evaluation: MapArray) -> None:
        """Add flat standardised maps of some channels."""
        if self.direct:
            self.train.append(train.astype(np.float64))
            self.evaluation.append(evaluation.astype(np.float64))
        else:
            self.gram = self.gram + (train @ train.T).astype(np.float64)
            self.kernel = self.kernel + (evaluation @ train.T).astype(np.float64)

    def finish(self, grams: BandGrams | None) -> tuple[Basis, FloatArray]:
        """The basis and the coordinates of the evaluation maps."""
        if self.direct:
            basis = basis_from_maps(np.concatenate(self.train, axis=1))
            return basis, basis.project(np.concatenate(self.evaluation, axis=1))
        if grams is not None:
            return grams.basis(np.ones(len(grams.gram), bool))
        basis = basis_from_gram(np.asarray(self.gram))
        return basis, basis.project(np.asarray(self.kernel))


def standardise_maps(
    train_slabs: Slabs,
    eval_slabs: Slabs,
    n_dimensions: int,
    partition: BandPartition | None = None,
) -> StandardisedMaps:
    """Moments and coordinates, from one pass over both splits.

    Parameters
    ----------
    train_slabs, eval_slabs : callables
        Give slabs of the same channels, in the order of the channels.
    n_dimensions : int
        Of one map: channels times height times width. The coordinates have no more.
    partition : BandPartition, optional
        If given, Gram matrices are taken band by band, and energies along with them.
    """
    means, scales, mean_maps = [], [], []
    coordinates: _Coordinates | None = None
    grams = BandGrams() if partition else None
    energies = BandEnergies() if partition else None
    for train, evaluation in zip(train_slabs(), eval_slabs(), strict=True):
        mean_map = train.mean(0)
        centred, mean, scale = centre_channels(train)
        both = scaled(centred, scale), standardise(evaluation, mean, scale)
        coordinates = coordinates or _Coordinates(n_dimensions <= len(train))
        if partition is None or coordinates.direct:
            coordinates.add(*(maps.reshape(len(maps), -1) for maps in both))
        if partition and grams and energies:
            packed = [pack_bands(maps, partition) for maps in both]
            grams.add(*packed)
            energies.add(packed, (mean, scale), mean_map, partition)
        means.append(mean)
        scales.append(scale)
        mean_maps.append(mean_map)
    assert coordinates is not None, "a layer has channels"
    basis, evaluated = coordinates.finish(grams)
    return StandardisedMaps(
        np.concatenate(means),
        np.concatenate(scales),
        np.concatenate(mean_maps),
        basis,
        coordinates.direct,
        evaluated,
        grams,
        energies,
    )


def weight_slabs(maps: StandardisedMaps, probe: FittedProbe, slabs: Slabs) -> Iterator[MapArray]:
    """The readout's weights, slab by slab, each (n_classes, n_channels, height, width)."""
    weights = probe.weights(maps.train).T.astype(np.float32)
    if maps.is_direct:
        yield weights.reshape(-1, *maps.mean_map.shape)
        return
    start = 0
    for slab in slabs():
        part = slice(start, start + slab.shape[1])
        flat = standardise(slab, maps.mean[part], maps.scale[part]).reshape(len(slab), -1)
        yield (weights @ flat).reshape(-1, *slab.shape[1:])
        start += slab.shape[1]


def refit_subsets(kinds: Sequence[str], bins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Sets of bands that a readout has to be refitted for, each once, that of all bands first.

    Parameters
    ----------
    kinds : sequence of str
        Kinds of modes that keep some bands and take out the others.
    bins : array of shape (n_bands,)
        Empty bands are in no set.
    """
    full = bins > 0
    rows = [full]
    for kind in kinds:
        rows += list(kept_bands(kind, len(bins))[full] & full)
    return np.array(list(dict.fromkeys(tuple(row.tolist()) for row in rows)))
