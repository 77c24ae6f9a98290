"""Fitting readouts from slabs of channels, so that no layer need be in memory.

A slab holds some channels of all samples. Gram matrices are sums over slabs, and a slab of the
weight map needs no other slab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.devices import doubled, put
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.modes import kept_bands
from bandprobe.linear.band_grams import BandEnergies, BandGrams, BandRows, pack_bands
from bandprobe.linear.probe import Basis, FittedProbe, basis_from_gram, basis_from_maps
from bandprobe.linear.standardise import centre_channels

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
    grams : BandGrams or BandRows or None
    energies : BandEnergies or None
        The last two where a partition was given.
    """

    mean: MapArray
    scale: MapArray
    mean_map: MapArray
    train: Basis
    is_direct: bool
    evaluation: FloatArray
    grams: BandGrams | BandRows | None = None
    energies: BandEnergies | None = None


def pooled(slabs: Slabs) -> Slabs:
    """Slabs of spatial means, shape (n_samples, n_channels, 1, 1): what the pooled readout sees."""
    return in_memory([slab.mean((2, 3), keepdims=True) for slab in slabs()])


def in_memory(slabs: Sequence[MapArray]) -> Slabs:
    """Slabs that need not be read again."""
    return lambda: slabs


def standardise(slab: MapArray, mean: MapArray, scale: MapArray) -> MapArray:
    """Standardised maps, of the shape of the slab."""
    return scaled(slab - mean[:, None, None], scale)


def scaled(centred: MapArray, scale: MapArray) -> MapArray:
    """Standardised maps from centred ones, which are overwritten."""
    centred *= (1 / scale)[:, None, None]
    return centred


@dataclass
class MapSums:
    """What is added up over slabs of channels before a readout of the maps can be fitted.

    Parameters
    ----------
    direct : bool
        Whether maps have no more dimensions than there are training maps. Then the maps are kept,
        otherwise their inner products.
    partition : BandPartition, optional
        If given, all is taken band by band, and energies along with it.
    device : str
        Where transforms and inner products are computed; sums are kept in the machine's memory.
    """

    direct: bool
    partition: BandPartition | None = None
    mean: list[MapArray] = field(default_factory=list)
    scale: list[MapArray] = field(default_factory=list)
    mean_map: list[MapArray] = field(default_factory=list)
    spatial_means: tuple[list[MapArray], list[MapArray]] = field(default_factory=lambda: ([], []))
    rows: tuple[list[MapArray], list[MapArray]] = field(default_factory=lambda: ([], []))
    gram: FloatArray | float = 0.0
    kernel: FloatArray | float = 0.0
    grams: BandGrams | BandRows | None = None
    energies: BandEnergies | None = None
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.partition is not None:
            self.grams = BandRows() if self.direct else BandGrams()
            self.energies = BandEnergies()

    def add(self, train: MapArray, evaluation: MapArray) -> None:
        """Add the same channels of both splits, arrays (n_samples, n_channels, height, width)."""
        for means, maps in zip(self.spatial_means, (train, evaluation), strict=True):
            means.append(maps.mean((2, 3), keepdims=True))
        mean_map = train.mean(0)
        centred, mean, scale = centre_channels(train)
        both = scaled(centred, scale), standardise(evaluation, mean, scale)
        self._add_standardised(*both)
        if self.partition and self.grams is not None and self.energies is not None:
            packed = [pack_bands(put(maps, self.device), self.partition) for maps in both]
            self.grams.add(*packed)
            self.energies.add(packed, (mean, scale), mean_map, self.partition)
        self.mean.append(mean)
        self.scale.append(scale)
        self.mean_map.append(mean_map)

    def _add_standardised(self, *both: MapArray) -> None:
        flat = [maps.reshape(len(maps), -1) for maps in both]
        if self.direct:
            for rows, maps in zip(self.rows, flat, strict=True):
                rows.append(maps)
        elif self.partition is None:
            rows, columns = (put(maps, self.device) for maps in flat)
            self.gram = self.gram + doubled(rows @ rows.T)
            self.kernel = self.kernel + doubled(columns @ rows.T)

    def finish(self) -> StandardisedMaps:
        """Moments, and the coordinates of all maps."""
        assert self.mean, "a layer has channels"
        basis, evaluation = self._coordinates()
        return StandardisedMaps(
            np.concatenate(self.mean),
            np.concatenate(self.scale),
            np.concatenate(self.mean_map),
            basis,
            self.direct,
            evaluation,
            self.grams,
            self.energies,
        )

    def _coordinates(self) -> tuple[Basis, FloatArray]:
        if self.direct:
            train, evaluation = (
                np.concatenate(rows, axis=1).astype(np.float64) for rows in self.rows
            )
            basis = basis_from_maps(train)
            return basis, basis.project(evaluation)
        if isinstance(self.grams, BandGrams):
            return self.grams.basis(np.ones(len(self.grams.gram), bool))
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
    sums: MapSums | None = None
    for train, evaluation in zip(train_slabs(), eval_slabs(), strict=True):
        sums = sums or MapSums(n_dimensions <= len(train), partition)
        sums.add(train, evaluation)
    assert sums is not None, "a layer has channels"
    return sums.finish()


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
