"""From sums over channels to coordinates that readouts are fitted in, and back to weight maps."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.modes import kept_bands
from bandprobe.linear.band_grams import BandGrams, BandRows
from bandprobe.linear.band_penalties import scale_bands
from bandprobe.linear.basis import Basis, basis_from_gram, basis_from_maps
from bandprobe.linear.map_sums import MapSums, channel_parts, standardise_maps
from bandprobe.linear.standardise import standardise

Slabs = Callable[[], Iterable[MapArray]]
"""Maps of all samples by slabs of channels, from the first on each call."""


@dataclass(frozen=True)
class Coordinates:
    """Both splits in principal coordinates of the training maps.

    Attributes
    ----------
    basis : Basis
        With the coordinates of the training maps.
    evaluation : array of shape (n_eval, n_coordinates)
    """

    basis: Basis
    evaluation: FloatArray


@dataclass(frozen=True)
class Products:
    """Inner products of the standardised maps of both splits, which readouts are fitted from.

    Attributes
    ----------
    grams : sequence of arrays of shape (n_train, n_train)
        Their sum has the inner products of the training maps.
    kernels : sequence of arrays of shape (n_eval, n_train)
        Likewise, of evaluation maps with training maps.
    total : float
        Energy of all training maps, as for `bandprobe.linear.basis.basis_from_gram`.
    dimensions : int, optional
        Values of a map, if they may be fewer than there are training maps.
    """

    grams: Sequence[NDArray[np.floating]]
    kernels: Sequence[NDArray[np.floating]]
    total: float
    dimensions: int | None = None

    @property
    def rank(self) -> int | None:
        """Dimensions of the maps, if there are fewer than training maps.

        Weights on these are large outside the span of the maps then if the penalty is small, and
        inner products, which are rounded to single precision on their way, do not cancel them:
        only coordinates are exact.
        """
        few = self.dimensions is not None and self.dimensions < len(self.grams[0])
        return self.dimensions if few else None

    def coordinates(self) -> Coordinates:
        """Both splits in principal coordinates."""
        basis = basis_from_gram(added(self.grams), self.total, self.rank)
        return Coordinates(basis, basis.project(added(self.kernels)))


@dataclass(frozen=True)
class Rows:
    """The standardised maps themselves, where they have no more dimensions than images.

    Attributes
    ----------
    train, evaluation : arrays of shape (n_samples, n_dimensions)
    total : float
        As of `Products`.
    """

    train: FloatArray
    evaluation: FloatArray
    total: float = 0.0

    def coordinates(self) -> Coordinates:
        """Both splits in principal coordinates."""
        basis = basis_from_maps(self.train, self.total)
        return Coordinates(basis, basis.project(self.evaluation))


def added(matrices: Sequence[NDArray[np.floating]]) -> FloatArray:
    """The sum of some matrices in double precision."""
    found = np.zeros_like(matrices[0], np.float64)
    for matrix in matrices:
        found += matrix
    return found


@dataclass(frozen=True)
class StandardisedMaps:
    """Moments of the training maps, and what their readouts are fitted from.

    Attributes
    ----------
    mean, scale : arrays of shape (n_channels,)
    mean_map : array of shape (n_channels, height, width)
        Mean over samples of the raw training maps.
    source : Products or Rows
    without_dc : bool
        Whether the spatial mean of each map is taken off, instead of the mean of its channel.
    scaling : pair of BandPartition and an array of shape (n_bands,), optional
        What each band of the readout's weights is to be multiplied by.
    """

    mean: MapArray
    scale: MapArray
    mean_map: MapArray
    source: Products | Rows
    without_dc: bool = False
    scaling: tuple[BandPartition, FloatArray] | None = None

    @property
    def is_direct(self) -> bool:
        """Whether readouts are fitted on the maps, not on their inner products."""
        return isinstance(self.source, Rows)

    @cached_property
    def coordinates(self) -> Coordinates:
        """Both splits in principal coordinates."""
        return self.source.coordinates()

    @classmethod
    def from_sums(cls, sums: MapSums) -> StandardisedMaps:
        """From what was added up over all channels.

        Raises
        ------
        ValueError
            If no channels were added.
        """
        if not sums.mean:
            raise ValueError("no channels were added: a layer has at least one")
        return cls(
            np.concatenate(sums.mean),
            np.concatenate(sums.scale),
            np.concatenate(sums.mean_map),
            _source(sums),
            sums.without_dc,
        )

    def standardised(self, slab: MapArray, part: slice) -> MapArray:
        """Standardised maps, from the raw ones of some channels."""
        if self.without_dc:
            return standardise_maps(slab, self.scale[part])
        return standardise(slab, self.mean[part], self.scale[part])

    def scaled(self, weights: MapArray) -> MapArray:
        """Weights of some channels, each band times its factor if it has one."""
        return weights if self.scaling is None else scale_bands(weights, *self.scaling)


def _source(sums: MapSums) -> Products | Rows:
    if sums.direct:
        train, evaluation = (np.concatenate(rows, axis=1).astype(np.float64) for rows in sums.rows)
        return Rows(train, evaluation, sums.constant_energy)
    # Without DC a channel has one dimension less, which may be fewer than there are maps.
    dimensions = sum(one.size - len(one) * sums.without_dc for one in sums.mean_map)
    if sums.by_band is not None:
        every_band = np.ones(len(sums.by_band.partition.bands), bool)
        source = source_of_bands(sums.by_band.products, every_band, dimensions)
        return replace(source, total=source.total + sums.constant_energy)
    gram, kernel = np.asarray(sums.gram), np.asarray(sums.kernel)
    return Products([gram], [kernel], sums.constant_energy, dimensions)


def source_of_bands(
    products: BandGrams | BandRows, kept: MaskArray, dimensions: int | None = None
) -> Products | Rows:
    """What readouts of maps of which only some bands are kept are fitted from.

    What fills the gap is the same in every map, so centring removes it: the fill does not matter
    to a readout that is fitted on the changed maps.

    Parameters
    ----------
    products : BandGrams or BandRows
    kept : bool array of shape (n_bands,)
    dimensions : int, optional
        Values of a map that lie in these bands.
    """
    bands = np.flatnonzero(kept)
    if isinstance(products, BandRows):
        train, evaluation = (
            np.concatenate([part for band in bands for part in rows[band]], axis=1)
            for rows in (products.train, products.evaluation)
        )
        return Rows(train.astype(np.float64), evaluation.astype(np.float64), products.total)
    grams, kernels = ([one[b] for b in bands] for one in (products.gram, products.kernel))
    return Products(grams, kernels, products.total, dimensions)


def coordinates_of_bands(products: BandGrams | BandRows, kept: MaskArray) -> Coordinates:
    """Coordinates of maps of which only some bands are kept; as `source_of_bands`."""
    return source_of_bands(products, kept).coordinates()


def standardise_slabs(
    pairs: Iterable[tuple[MapArray, MapArray]], *, direct: bool
) -> StandardisedMaps:
    """Moments and coordinates, from one pass over both splits.

    Parameters
    ----------
    pairs : iterable of pairs of arrays of shape (n_samples, n_channels, height, width)
        The same channels of training and evaluation maps, in the order of the channels.
    direct : bool
        As for `bandprobe.linear.map_sums.MapSums`.
    """
    sums = MapSums.empty(direct=direct)
    for train, evaluation in pairs:
        sums.add_slab(train, evaluation)
    sums.complete()
    return StandardisedMaps.from_sums(sums)


def weight_slabs(
    readouts: Sequence[tuple[StandardisedMaps, FloatArray]], slabs: Slabs
) -> Iterator[list[MapArray]]:
    """Weights of some readouts by slabs of channels, all from one pass over the training maps.

    Parameters
    ----------
    readouts : sequence of pairs of StandardisedMaps and an array of shape (n_rows, n_classes)
        What each readout was fitted from, and its weights on that: on the values of a map, or on
        the training maps.
    slabs : callable
        The raw training maps; read only where the bases are made from Gram matrices.

    Yields
    ------
    list of arrays of shape (n_classes, n_channels, height, width)
        One per readout.
    """
    weights = [own.T.astype(np.float32) for _, own in readouts]
    if all(maps.is_direct for maps, _ in readouts):
        yield [
            maps.scaled(own.reshape(-1, *maps.mean_map.shape))
            for own, (maps, _) in zip(weights, readouts, strict=True)
        ]
        return
    start = 0
    for slab in slabs():
        for part in channel_parts(slab.shape):
            some, here = slab[:, part], slice(start + part.start, start + part.stop)
            yield [
                maps.scaled(
                    (own @ maps.standardised(some, here).reshape(len(some), -1)).reshape(
                        -1, *some.shape[1:]
                    )
                )
                for own, (maps, _) in zip(weights, readouts, strict=True)
            ]
        start += slab.shape[1]


def refit_subsets(kinds: Sequence[str], bins: NDArray[np.int64]) -> MaskArray:
    """Sets of bands that a readout is refitted for, each once, the set of all bands first.

    A mode that leaves no band leaves nothing to fit, and gets no set.

    Parameters
    ----------
    kinds : sequence of str
        Kinds of modes that keep some bands and take out the others.
    bins : array of shape (n_bands,)
        Empty bands are in none of the sets.

    Returns
    -------
    bool array of shape (n_subsets, n_bands)
    """
    filled = bins > 0
    rows = [filled]
    for kind in kinds:
        kept = kept_bands(kind, len(bins))[filled] & filled
        rows += list(kept[kept.any(1)])
    return np.array(list(dict.fromkeys(tuple(row.tolist()) for row in rows)))
