"""Inner products of all maps of both splits by band, from which any split of them can be fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bandprobe.base.arrays import MapArray
from bandprobe.base.devices import put, put_like
from bandprobe.fourier.bands import BandPartition
from bandprobe.linear.band_grams import pack_bands
from bandprobe.linear.factorise import symmetric_eigen
from bandprobe.linear.inner_products import ProductMatrix, add_gram, complete
from bandprobe.linear.map_sums import centre_maps, channel_parts
from bandprobe.linear.standardise import channel_moments, standardise


@dataclass
class JointGrams:
    """Inner products by band of standardised maps, training maps first, then evaluation maps.

    Maps are standardised by the training maps, as for the readouts `map` and `pattern` of the
    study. Fitting to other maps later does not change that: it is the unit that values are in.

    Parameters
    ----------
    partition : BandPartition
    readouts : sequence of str
        Of `map` and `pattern`.
    device : str
        Where transforms and inner products are computed.

    Attributes
    ----------
    grams : dict of str to lists of arrays of shape (n_samples, n_samples)
        For each readout one per band; complete after `complete`.
    total : dict of str to float
        Energy of all training maps, also in channels of constant maps: what has no more than its
        rounding is nothing (`bandprobe.linear.gram_ridge.GramRidge`).
    """

    partition: BandPartition
    readouts: Sequence[str]
    device: str = "cpu"
    grams: dict[str, list[ProductMatrix]] = field(init=False)
    total: dict[str, float] = field(init=False)

    def __post_init__(self) -> None:
        self.grams = {readout: [] for readout in self.readouts}
        self.total = dict.fromkeys(self.readouts, 0.0)
        self._n_channels = 0

    def add_slab(self, train: MapArray, evaluation: MapArray) -> None:
        """Add the same channels of both splits, arrays (n_samples, n_channels, height, width)."""
        self._n_channels += train.shape[1]
        for part in channel_parts(train.shape, evaluation.shape):
            self._add_part(train[:, part], evaluation[:, part])

    def _add_part(self, train: MapArray, evaluation: MapArray) -> None:
        mean, scale = channel_moments(train)
        ratio, constant = np.ones_like(scale), 0.0
        if "pattern" in self.grams:
            _, _, of_pattern, constant = centre_maps(train)
            ratio = scale / of_pattern
        maps = standardise(np.concatenate([train, evaluation]), mean, scale)
        packed = pack_bands(put(maps, self.device), self.partition)
        del maps
        if "map" in self.grams:
            self.total["map"] += self._add("map", packed, len(train))
        if "pattern" in self.grams:
            for band in packed:
                band *= put_like(ratio[:, None], band)
            # The first coefficient, of a real and an imaginary part.
            packed[self.partition.dc_band][..., :2] = 0
            self.total["pattern"] += self._add("pattern", packed, len(train)) + constant

    def _add(self, readout: str, packed: Sequence[MapArray], n_train: int) -> float:
        """Add some channels to the products of a readout; returns the training maps' energy."""
        found, energy = self.grams[readout], 0.0
        for band, coefficients in enumerate(packed):
            rows = coefficients.reshape(len(coefficients), -1)
            train = rows[:n_train]
            energy += float((train * train).sum())
            if band == len(found):
                found.append(add_gram(None, rows))
            else:
                add_gram(found[band], rows)
        return energy

    def complete(self) -> None:
        """Complete the Gram matrices after the last slab.

        A band of fewer values than there are maps has a singular matrix. Weights on the maps are
        large outside its span if the penalty is small, and have to be cancelled there: what the
        rounding of the products to single precision has left outside is taken off.
        """
        for readout, of_readout in self.grams.items():
            bins = self.partition.counts.copy()
            bins[self.partition.dc_band] -= readout == "pattern"
            for gram, count in zip(of_readout, bins, strict=True):
                complete(gram)
                _confine(gram, int(count) * self._n_channels)


def _confine(gram: ProductMatrix, rank: int) -> None:
    """Let a Gram matrix have no higher rank than its maps have dimensions; in place."""
    if rank >= len(gram):
        return
    values, vectors = symmetric_eigen(gram.astype(np.float64))
    first = len(gram) - rank
    gram[...] = (vectors[:, first:] * values[first:]) @ vectors[:, first:].T
