"""Random masks of one layer as they are stored, and how well they match their bands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MaskArray
from bandprobe.features.blocks import sample_blocks
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.random_masks import KINDS, equal_bins, equal_energy
from bandprobe.fourier.transform import multiplicity, power
from bandprobe.store.zarr_store import Store, Variable, write_store


@dataclass(frozen=True)
class BinPower:
    """Power of each bin of a layer's evaluation maps, in squared feature units.

    Attributes
    ----------
    mean : array of shape (height, width)
        Over samples and channels, on the full plane.
    by_channel : array of shape (n_channels, n_half_bins)
        Over samples, on the half plane: each bin with its conjugate.
    of_mean : array of shape (n_channels, n_half_bins)
        Of the mean map.
    """

    mean: FloatArray
    by_channel: FloatArray
    of_mean: FloatArray

    def variance(self, channel_scale: NDArray[np.floating]) -> FloatArray:
        """Variance of each bin between images, standardised, summed over channels.

        Parameters
        ----------
        channel_scale : array of shape (n_channels,)
            Of a readout.

        Returns
        -------
        array of shape (height, width)
        """
        between = np.maximum(self.by_channel - self.of_mean, 0.0)
        standardised = (between / np.square(channel_scale)[:, None]).sum(0)
        height, width = self.mean.shape
        return full_plane(standardised.reshape(height, width // 2 + 1), width)


def bin_power(features: Store, layer: str) -> BinPower:
    """Power of each bin, in one pass over a layer's maps."""
    n_samples, n_channels, height, width = features.array(layer).shape
    total = np.zeros((height, width // 2 + 1))
    by_channel = np.zeros((n_channels, height * (width // 2 + 1)))
    map_sum = np.zeros((n_channels, height, width))
    for _, maps in sample_blocks(features, layer):
        by_bin = power(maps)
        total += by_bin.sum((0, 1), dtype=np.float64)
        by_channel += by_bin.sum(0, dtype=np.float64).reshape(n_channels, -1)
        map_sum += maps.sum(0, dtype=np.float64)
    mean_map = (map_sum / n_samples).astype(np.float32)
    return BinPower(
        full_plane(total / (n_samples * n_channels), width),
        by_channel / n_samples,
        power(mean_map).reshape(n_channels, -1).astype(np.float64),
    )


def full_plane(half: FloatArray, width: int) -> FloatArray:
    """Power of every bin of the full plane, (height, width).

    Parameters
    ----------
    half : array of shape (height, width // 2 + 1)
        Power of the half plane's bins, each with its conjugate.
    width : int
    """
    height, columns = half.shape
    single = half / multiplicity(height, width)
    rest = np.arange(columns, width)
    mirrored = single[(-np.arange(height) % height)[:, None], -rest % width]
    return np.concatenate([single, mirrored], axis=1)


def write_masks(
    path: Path,
    partition: BandPartition,
    power_by_bin: FloatArray,
    draws: int,
    seed: int,
    attrs: Mapping[str, Any],
) -> None:
    """Draw and write the control masks of one layer.

    Parameters
    ----------
    path : Path
    partition : BandPartition
    power_by_bin : array of shape (height, width)
        Mean power, by which masks of equal energy are chosen.
    draws, seed : int
    attrs : mapping
        Provenance.
    """
    n_bands = len(partition.bands)
    bands = np.arange(n_bands)[:, None, None]
    masks = np.stack(
        [
            [np.equal(equal_bins(partition, seed, draw), bands) for draw in range(draws)],
            [equal_energy(partition, power_by_bin, seed, draw) for draw in range(draws)],
        ]
    )
    dims = ("control", "control_draw", "band")
    band_energy = np.array([power_by_bin[partition.mask(band)].sum() for band in range(n_bands)])
    energy = np.einsum("cdbyx,yx->cdb", masks, power_by_bin)
    share = np.divide(energy, band_energy, out=np.full_like(energy, np.nan), where=band_energy > 0)
    write_store(
        path,
        {
            "mask": Variable(
                (*dims, "y", "x"), masks, {"long_name": "bins of the full plane, DC at [0, 0]"}
            ),
            "mask_bins": Variable(dims, masks.sum((-2, -1)), {"units": "1"}),
            "mask_energy": Variable(
                dims, share, {"units": "1", "long_name": "mean energy relative to the band's"}
            ),
            "bins": Variable(("band",), partition.counts, {"units": "1"}),
        },
        {
            "band": Variable(("band",), np.array(partition.bands.names)),
            "control": Variable(("control",), np.array(KINDS)),
        },
        attrs,
    )


@dataclass(frozen=True)
class Masks:
    """Bands and the random masks that are their controls, as one list.

    Attributes
    ----------
    partition : BandPartition
    controls : mapping of str to bool arrays of shape (n_draws, n_bands, height, width)
    """

    partition: BandPartition
    controls: Mapping[str, MaskArray]

    @property
    def stacked(self) -> MaskArray:
        """All masks, bands first, shape (n_masks, height, width)."""
        grid = (self.partition.height, self.partition.width)
        bands = np.stack([self.partition.mask(b) for b in range(len(self.partition.bands))])
        return np.concatenate([bands, *(m.reshape(-1, *grid) for m in self.controls.values())])

    def overlap(self, seen: MaskArray) -> NDArray[np.int64]:
        """Bins among the seen ones that each random mask shares with each band.

        Parameters
        ----------
        seen : bool array of shape (height, width)

        Returns
        -------
        array of shape (n_controls, n_draws, n_bands, n_bands)
            The last axis is the band, the one before it the band that the mask stands for.
        """
        shared = [
            [[self.partition.counted(mask & seen) for mask in draw] for draw in drawn]
            for drawn in self.controls.values()
        ]
        return np.array(shared)

    def parted(self, values: FloatArray) -> tuple[FloatArray, dict[str, FloatArray]]:
        """Values for `stacked`, (n_masks, ...), as those of the bands and those of each control."""
        n_bands = len(self.partition.bands)
        controls, start = {}, n_bands
        for kind, masks in self.controls.items():
            count = masks.shape[0] * n_bands
            part = values[start : start + count]
            controls[kind] = part.reshape(masks.shape[0], n_bands, *values.shape[1:])
            start += count
        return values[:n_bands], controls


def read_masks(paths: Sequence[Path], partition: BandPartition) -> Masks:
    """The bands with the stored masks of a layer, if there are any."""
    controls: dict[str, MaskArray] = {}
    for store in map(Store, paths):
        controls |= dict(zip(store.labels("control"), store.read("mask"), strict=True))
    return Masks(partition, controls)
