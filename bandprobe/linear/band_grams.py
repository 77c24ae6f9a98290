"""Training maps band by band: their inner products and their energies, summed over channels.

The bands are orthogonal, so the Gram matrix of maps of which some bands are kept is the sum of
those bands' matrices: refitting a readout on changed maps needs no other pass over the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.devices import doubled, fetch, library, put_like
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.transform import map_fft, multiplicity
from bandprobe.linear.inner_products import ProductMatrix, add_gram, add_kernel, complete


def pack_bands(maps: MapArray, partition: BandPartition) -> list[MapArray]:
    """Real coefficients of each band, whose inner products are those of the band's maps.

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)
    partition : BandPartition

    Returns
    -------
    list of arrays of shape (n_samples, n_channels, n_coefficients)
        One per band. DC, where the band contains it, is the first coefficient.
    """
    partition.check(maps.shape)
    height, width = maps.shape[-2:]
    coefficients = map_fft(maps)
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

    As of `bandprobe.linear.inner_products`: Gram matrices are complete after `complete`.

    Attributes
    ----------
    gram : list of arrays of shape (n_train, n_train)
    kernel : list of arrays of shape (n_eval, n_train)
    """

    gram: list[ProductMatrix] = field(default_factory=list)
    kernel: list[ProductMatrix] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Energy of all training maps."""
        return float(sum(np.trace(gram, dtype=np.float64) for gram in self.gram))

    def add_packed(self, train: Sequence[MapArray], evaluation: Sequence[MapArray]) -> None:
        """Add some channels of standardised maps, as `pack_bands` returns them."""
        for band, (train_band, eval_band) in enumerate(zip(train, evaluation, strict=True)):
            rows = train_band.reshape(len(train_band), -1)
            columns = eval_band.reshape(len(eval_band), -1)
            if band == len(self.gram):
                self.gram.append(add_gram(None, rows))
                self.kernel.append(add_kernel(None, columns, rows))
            else:
                add_gram(self.gram[band], rows)
                add_kernel(self.kernel[band], columns, rows)

    def complete(self) -> None:
        """Complete the Gram matrices after the last slab."""
        for gram in self.gram:
            complete(gram)


@dataclass
class BandRows:
    """Like `BandGrams` for maps with no more dimensions than images: the packed maps themselves.

    Attributes
    ----------
    train, evaluation : lists, one entry per band, of lists of arrays (n_samples, n_coefficients)
    """

    train: list[list[MapArray]] = field(default_factory=list)
    evaluation: list[list[MapArray]] = field(default_factory=list)

    @property
    def total(self) -> float:
        """Energy of all training maps."""
        return float(
            sum(np.square(part, dtype=np.float64).sum() for rows in self.train for part in rows)
        )

    def add_packed(self, train: Sequence[MapArray], evaluation: Sequence[MapArray]) -> None:
        """Add some channels of standardised maps, as `pack_bands` returns them."""
        for rows, packed in ((self.train, train), (self.evaluation, evaluation)):
            rows += [[] for _ in range(len(packed) - len(rows))]
            for parts, coefficients in zip(rows, packed, strict=True):
                parts.append(fetch(coefficients).reshape(len(coefficients), -1))

    def complete(self) -> None:
        """Nothing is left to do after the last slab."""


@dataclass
class BandEnergies:
    """Energies of raw maps by channel and band, in squared feature units.

    Attributes
    ----------
    train, evaluation : lists of arrays of shape (n_samples, n_channels, n_bands)
    """

    train: list[FloatArray] = field(default_factory=list)
    evaluation: list[FloatArray] = field(default_factory=list)

    def gathered(self) -> tuple[FloatArray, FloatArray]:
        """All channels of the training maps and of the evaluation maps."""
        return np.concatenate(self.train, axis=1), np.concatenate(self.evaluation, axis=1)


@dataclass
class BandSums:
    """What is added up band by band, over slabs of channels.

    Attributes
    ----------
    partition : BandPartition
    products : BandGrams or BandRows
    energies : BandEnergies
    """

    partition: BandPartition
    products: BandGrams | BandRows
    energies: BandEnergies = field(default_factory=BandEnergies)

    @classmethod
    def empty(cls, partition: BandPartition, *, direct: bool) -> BandSums:
        """Nothing yet; `direct` as for `bandprobe.linear.map_sums.MapSums`."""
        return cls(partition, BandRows() if direct else BandGrams())

    def add_slab(
        self,
        train: MapArray,
        evaluation: MapArray,
        moments: tuple[MapArray, MapArray],
    ) -> None:
        """Add some channels.

        Parameters
        ----------
        train, evaluation : arrays of shape (n_samples, n_channels, height, width)
            Standardised, on the device that computes.
        moments : pair of arrays of shape (n_channels,)
            Mean and scale of the raw training maps.
        """
        packed = [pack_bands(maps, self.partition) for maps in (train, evaluation)]
        self.products.add_packed(*packed)
        self.energies.train.append(raw_energies(packed[0], *moments, self.partition))
        self.energies.evaluation.append(raw_energies(packed[1], *moments, self.partition))


def raw_energies(
    packed: Sequence[MapArray], mean: MapArray, scale: MapArray, partition: BandPartition
) -> FloatArray:
    """Band energies of raw maps from packed standardised ones.

    Parameters
    ----------
    packed : sequence of arrays of shape (n_samples, n_channels, n_coefficients)
        One per band, as `pack_bands` returns them.
    mean, scale : arrays of shape (n_channels,)
    partition : BandPartition

    Returns
    -------
    array of shape (n_samples, n_channels, n_bands)
    """
    sums = (library(band).einsum("ncp,ncp->nc", band, band) for band in packed)
    energy = np.stack([fetch(band_sum) for band_sum in sums], axis=-1)
    result: FloatArray = energy.astype(np.float64) * np.square(scale)[:, None]
    # Standardising shifted DC alone.
    root = np.sqrt(partition.height * partition.width)
    centred = doubled(packed[partition.dc_band][..., 0]) * scale
    dc = np.square(centred + root * mean) - np.square(centred)
    result[..., partition.dc_band] = np.maximum(result[..., partition.dc_band] + dc, 0.0)
    return result
