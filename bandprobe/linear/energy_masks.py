"""The `energy` readout on maps of which random sets of bins were changed, not bands.

Its features are logarithms of sums over a band's bins, so they are no sum over sets of bins: each
set needs the energies of its part of every band.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.fourier.modes import kept_bands
from bandprobe.linear.energy import EnergyReadout


@dataclass(frozen=True)
class BinSets:
    """Sets of bins that cover the plane exactly once, and those that stay in each cell.

    Attributes
    ----------
    masks : bool array of shape (n_sets, n_half_bins)
    kept : bool array of shape (n_cells, n_sets)
    """

    masks: MaskArray
    kept: MaskArray


def bin_sets(kind: str, control: str, masks: MaskArray) -> Iterator[BinSets]:
    """The sets that a mode keeps and changes, for the masks that stand for the bands.

    Parameters
    ----------
    kind : {"remove", "isolate", "lowpass", "highpass"}
    control : {"equal-bins", "equal-energy"}
        Masks of equal bins are a partition, and make up all cells; others stand one by one against
        all other bins.
    masks : bool array of shape (n_bands, n_half_bins)

    Yields
    ------
    BinSets
        Together they have a cell for each band.
    """
    if control == "equal-bins":
        yield BinSets(masks, kept_bands(kind, len(masks)))
        return
    for mask in masks:
        yield BinSets(np.stack([mask, ~mask]), np.array([[kind == "isolate", kind == "remove"]]))


def part_energies(
    power: MapArray | FloatArray, index: NDArray[np.intp], n_bands: int, masks: MaskArray
) -> FloatArray:
    """Energy of the part of each band that lies in each set.

    Parameters
    ----------
    power : array of shape (..., n_half_bins)
    index : array of shape (n_half_bins,)
        Band of each bin.
    n_bands : int
    masks : bool array of shape (n_sets, n_half_bins)

    Returns
    -------
    array of shape (n_sets, ..., n_bands)
    """
    result = np.zeros((len(masks), *power.shape[:-1], n_bands))
    for band in range(n_bands):
        bins = np.flatnonzero(index == band)
        parts = power[..., bins] @ masks[:, bins].T.astype(power.dtype)
        result[..., band] = np.moveaxis(parts, -1, 0)
    return result


@dataclass(frozen=True)
class MaskedEnergy:
    """An energy readout that scores maps with changed sets of bins.

    Attributes
    ----------
    readout : EnergyReadout
    index : array of shape (n_half_bins,)
        Band of each bin of the half plane.
    mean_power : array of shape (n_channels, n_half_bins)
        By which the typical energy of a band is divided among its bins.
    """

    readout: EnergyReadout
    index: NDArray[np.intp]
    mean_power: FloatArray

    @property
    def typical(self) -> FloatArray:
        """The energies whose features are zero, the training mean; (n_channels, n_bands)."""
        scale = self.readout.scale
        energy: FloatArray = np.maximum(np.exp(scale.mean) - scale.floor, 0.0)
        return energy

    def energies(self, power: MapArray, masks: MaskArray) -> FloatArray:
        """Energy of each set's part of each band, (n_sets, n_samples, n_channels, n_bands).

        Parameters
        ----------
        power : array of shape (n_samples, n_channels, n_half_bins)
            Of each bin of the raw maps, as of `bandprobe.fourier.transform.power`.
        masks : bool array of shape (n_sets, n_half_bins)
        """
        return part_energies(power, self.index, self.typical.shape[1], masks)

    def fills(self, masks: MaskArray, fill: str) -> FloatArray:
        """Energy that takes the place of each set's, (n_sets, n_channels, n_bands).

        Parameters
        ----------
        masks : bool array of shape (n_sets, n_half_bins)
        fill : {"zero", "mean"}
            With "mean", bins that are changed get their share of the band's typical energy, so that
            a band that is changed as a whole has the training mean of its feature.
        """
        if fill == "zero":
            return np.zeros((len(masks), *self.typical.shape))
        parts = part_energies(self.mean_power, self.index, self.typical.shape[1], masks)
        whole = parts.sum(0)
        share: FloatArray = np.divide(parts, whole, out=np.zeros_like(parts), where=whole > 0)
        return share * self.typical

    def logits(self, energies: FloatArray, fills: FloatArray, kept: MaskArray) -> FloatArray:
        """Logits of changed maps, (n_cells, n_samples, n_classes).

        Parameters
        ----------
        energies, fills
            As of the methods of these names, of the same sets.
        kept : bool array of shape (n_cells, n_sets)
        """
        cells = []
        for stays in kept:
            changed = energies[stays].sum(0) + fills[~stays].sum(0)
            cells.append(self.readout.band_logits(changed).sum(0) + self.readout.intercept)
        return np.stack(cells)
