"""Random sets of bins as large or as strong as a band, which its effect is compared with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.bands import BandPartition

KINDS = ("equal-bins", "equal-energy")


@dataclass(frozen=True)
class Pairs:
    """Bins of a plane with their conjugates; masks made of pairs keep real maps real.

    Attributes
    ----------
    first, second : int arrays of shape (n_pairs,)
        Flat positions; equal where a bin is its own conjugate, as DC, which comes first.
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]

    @property
    def alone(self) -> NDArray[np.bool_]:
        """Whether a bin is its own conjugate, shape (n_pairs,)."""
        return np.equal(self.first, self.second)


def conjugate_pairs(height: int, width: int) -> Pairs:
    """Each bin of the full plane once, with the bin of opposite frequency."""
    rows, columns = np.divmod(np.arange(height * width), width)
    opposite = (-rows % height) * width + (-columns % width)
    first = np.flatnonzero(np.arange(height * width) <= opposite)
    return Pairs(first, opposite[first])


def equal_bins(partition: BandPartition, seed: int, draw: int) -> NDArray[np.intp]:
    """A random partition of the plane whose sets have as many bins as the bands.

    Parameters
    ----------
    partition : BandPartition
    seed, draw : int

    Returns
    -------
    int array of shape (height, width)
        Set of each bin. Conjugate pairs are permuted among pairs, bins that are their own
        conjugates among those, so that all counts stay the same; DC stays in its band.
    """
    generator = np.random.default_rng([seed, draw])
    pairs = conjugate_pairs(partition.height, partition.width)
    band = partition.index.ravel()[pairs.first]
    for kind in (~pairs.alone, pairs.alone & (np.arange(len(band)) > 0)):
        members = np.flatnonzero(kind)
        band[members] = generator.permutation(band[members])
    index = np.empty(partition.height * partition.width, np.intp)
    index[pairs.first] = band
    index[pairs.second] = band
    return index.reshape(partition.height, partition.width)


def equal_energy(
    partition: BandPartition, power: FloatArray, seed: int, draw: int
) -> NDArray[np.bool_]:
    """For each band a random mask with as much energy as the band.

    Parameters
    ----------
    partition : BandPartition
    power : array of shape (height, width)
        Mean power of each bin of the full plane.
    seed, draw : int

    Returns
    -------
    bool array of shape (n_bands, height, width)
        Conjugate pairs in a random order, each taken unless the sum would exceed the band's energy.
        DC is in the mask if and only if it is in the band. Masks of several bands may overlap.
        An empty band has an empty mask.
    """
    generator = np.random.default_rng([seed, draw, 1])
    pairs = conjugate_pairs(partition.height, partition.width)
    flat = power.ravel()
    energy = flat[pairs.first] + np.where(pairs.alone, 0.0, flat[pairs.second])
    masks = np.zeros((len(partition.bands), flat.size), bool)
    for band, mask in enumerate(masks):
        if not partition.counts[band]:
            continue
        inside = partition.mask(band).ravel()
        wanted = float(flat[inside].sum()) - (float(flat[0]) if inside[0] else 0.0)
        mask[0] = inside[0]
        order = 1 + generator.permutation(len(energy) - 1)
        taken = order[_fill_up(energy[order], wanted)]
        mask[pairs.first[taken]] = True
        mask[pairs.second[taken]] = True
    return masks.reshape(-1, partition.height, partition.width)


def _fill_up(energy: FloatArray, wanted: float) -> NDArray[np.bool_]:
    """Which items to take, in order, each unless the sum would exceed what is wanted."""
    taken = np.zeros(len(energy), bool)
    room = wanted * (1 + 1e-9)
    start = 0
    while start < len(energy):
        # All items up to the first that does not fit are taken at once.
        total = np.cumsum(energy[start:])
        fits = int(np.searchsorted(total, room, side="right"))
        taken[start : start + fits] = True
        room -= float(total[fits - 1]) if fits else 0.0
        start += fits + 1
        # What is larger than the remaining room will never fit.
        while start < len(energy) and energy[start] > room:
            start += 1
    return taken
