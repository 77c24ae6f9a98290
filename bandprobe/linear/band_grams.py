"""Training maps band by band: their Gram matrices and their energies.

The bands are orthogonal, so the Gram matrix of maps of which some bands are kept is the sum of
those bands' matrices: a readout refitted on changed maps needs no other pass over the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.devices import doubled, fetch, library, put_like
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.transform import grouped_sum, multiplicity, power, spectrum
from bandprobe.linear.probe import Basis, basis_from_gram, basis_from_maps


def pack_bands(maps: MapArray, partition: BandPartition) -> list[MapArray]:
    """Real coefficients of each band, whose inner products are those of the band's maps.

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)
    partition : BandPartition

    Returns
    -------
    list of arrays of shape (n_samples, n_channels, n_coefficients)
        One a band. DC, where it is in the band, is the first coefficient.
    """
    partition.check(maps.shape)
    height, width = maps.shape[-2:]
    coefficients = spectrum(maps)
    root = np.sqrt(multiplicity(height, width) / np.float32(height * width))
    coefficients *= put_like(root, coefficients)
    flat = coefficients.reshape(*maps.shape[:2], -1)
    index = partition.half_index.ravel()
    if not isinstance(flat, np.ndarray):
        as_real = library(flat).view_as_real
        chosen = (put_like(np.flatnonzero(index == b), flat) for b in range(len(partition.bands)))
        return [as_real(flat[:, :, bins]).flatten(2) for bins in chosen]
    return [
        np.take(flat, np.flatnonzero(index == band), axis=2).view(np.float32)
        for band in range(len(partition.bands))
    ]


@dataclass
class BandGrams:
    """Inner products of training maps, and of evaluation maps with them, by band.

    Attributes
    ----------
    gram : list of arrays of shape (n_train, n_train)
    kernel : list of arrays of shape (n_eval, n_train)
    """

    gram: list[FloatArray] = field(default_factory=list)
    kernel: list[FloatArray] = field(default_factory=list)

    def add(self, train: Sequence[MapArray], evaluation: Sequence[MapArray]) -> None:
        """Add some channels of standardised maps, as of `pack_bands`."""
        for band, (one, other) in enumerate(zip(train, evaluation, strict=True)):
            rows, columns = one.reshape(len(one), -1), other.reshape(len(other), -1)
            gram, kernel = doubled(rows @ rows.T), doubled(columns @ rows.T)
            if band == len(self.gram):
                self.gram.append(gram)
                self.kernel.append(kernel)
            else:
                self.gram[band] += gram
                self.kernel[band] += kernel

    def basis(self, kept: NDArray[np.bool_]) -> tuple[Basis, FloatArray]:
        """Coordinates of training and evaluation maps of which only some bands are kept.

        What stands in the gap is the same in every map, so centring takes it out: the fill does
        not matter to a readout that is fitted on the changed maps.

        Parameters
        ----------
        kept : bool array of shape (n_bands,)
        """
        chosen = np.flatnonzero(kept)
        basis = basis_from_gram(sum((self.gram[b] for b in chosen), np.zeros_like(self.gram[0])))
        kernel = sum((self.kernel[b] for b in chosen), np.zeros_like(self.kernel[0]))
        return basis, basis.project(kernel)


@dataclass
class BandRows:
    """As `BandGrams` where maps have fewer dimensions than there are images: the packed maps.

    Attributes
    ----------
    train, evaluation : lists, one entry a band, of lists of arrays (n_samples, n_coefficients)
    """

    train: list[list[MapArray]] = field(default_factory=list)
    evaluation: list[list[MapArray]] = field(default_factory=list)

    def add(self, train: Sequence[MapArray], evaluation: Sequence[MapArray]) -> None:
        """Add some channels of standardised maps, as of `pack_bands`."""
        for rows, packed in ((self.train, train), (self.evaluation, evaluation)):
            rows += [[] for _ in range(len(packed) - len(rows))]
            for band, one in zip(rows, packed, strict=True):
                band.append(fetch(one).reshape(len(one), -1))

    def basis(self, kept: NDArray[np.bool_]) -> tuple[Basis, FloatArray]:
        """As `BandGrams.basis`."""
        rows = [
            np.concatenate([part for band in np.flatnonzero(kept) for part in one[band]], axis=1)
            for one in (self.train, self.evaluation)
        ]
        basis = basis_from_maps(rows[0].astype(np.float64))
        return basis, basis.project(rows[1].astype(np.float64))


@dataclass
class BandEnergies:
    """Energies of raw maps by channel and band, in squared feature units.

    Attributes
    ----------
    train, evaluation : lists of arrays of shape (n_samples, n_channels, n_bands)
    mean_map : list of arrays of shape (n_channels, n_bands)
        Of the mean training map.
    """

    train: list[FloatArray] = field(default_factory=list)
    evaluation: list[FloatArray] = field(default_factory=list)
    mean_map: list[FloatArray] = field(default_factory=list)

    def add(
        self,
        packed: Sequence[Sequence[MapArray]],
        moments: tuple[MapArray, MapArray],
        mean_map: MapArray,
        partition: BandPartition,
    ) -> None:
        """Add some channels: packed standardised maps of both splits, and their moments."""
        for found, bands in zip((self.train, self.evaluation), packed, strict=True):
            found.append(raw_energies(bands, *moments, partition))
        n_bands = len(partition.bands)
        self.mean_map.append(grouped_sum(power(mean_map), partition.half_index, n_bands))

    def gathered(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """All channels of the training maps, the evaluation maps and the mean map."""
        return (
            np.concatenate(self.train, axis=1),
            np.concatenate(self.evaluation, axis=1),
            np.concatenate(self.mean_map),
        )


def raw_energies(
    packed: Sequence[MapArray], mean: MapArray, scale: MapArray, partition: BandPartition
) -> FloatArray:
    """Band energies of raw maps from packed standardised ones, (n_samples, n_channels, n_bands)."""
    sums = (library(band).einsum("ncp,ncp->nc", band, band) for band in packed)
    energy = np.stack([fetch(one) for one in sums], axis=-1)
    result: FloatArray = energy.astype(np.float64) * np.square(scale)[:, None]
    # Standardising moved DC alone.
    root = np.sqrt(partition.height * partition.width)
    centred = doubled(packed[partition.dc_band][..., 0]) * scale
    dc = np.square(centred + root * mean) - np.square(centred)
    result[..., partition.dc_band] = np.maximum(result[..., partition.dc_band] + dc, 0.0)
    return result
