"""The fast route: a linear readout's logits, bin by bin, from one transform of each map.

The bins of the Fourier plane are orthogonal, so a linear readout splits into them,
``<W, z> = sum_k <W_k, z_k>`` (Parseval), and with them into bands or any other sets of bins: one
product per bin serves every band and every random control. With those band logits of a clean map
every intervention that is linear in the map follows by addition. Only a change of the
coefficients themselves, by phases or noise, needs the bins again.

Maps are centred by the readout's channel means here, and the channel scales are folded into the
weights: ``logits(x) = sum_b L_b(x - mean) + intercept``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, FloatArray, MapArray, MaskArray
from bandprobe.base.blocks import sized
from bandprobe.base.devices import doubled, fetch, library, put_like
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.transform import (
    grouped_sum,
    map_fft,
    multiplicity,
    real_fft,
    scaled_power,
    unit_phases,
)

# Products are in memory for a few bins at a time.
PRODUCT_BYTES = 32_000_000
DEVICE_BYTES = 1_000_000_000
# Weights are transformed some channels at a time.
PACKED_BYTES = 64_000_000


@dataclass(frozen=True)
class BandWeights:
    """A linear readout's weights as real Fourier coefficients, one block per bin.

    Attributes
    ----------
    partition : BandPartition
    bins : int array of shape (n_bins,)
        Flat positions in the half plane of the bins that have any weight.
    blocks : array of shape (n_bins, 2 * n_channels, n_classes)
        Weights of the real parts of all channels, then of the imaginary ones.
    spatial_sum : array of shape (n_channels, n_classes)
        Weight of a map that is constant at one: what a shift of a channel's mean does.
    """

    partition: BandPartition
    bins: NDArray[np.intp]
    blocks: MapArray
    spatial_sum: FloatArray

    @property
    def only_dc(self) -> bool:
        """Whether the weights are constant maps, as a pooled readout's; then sums are enough."""
        return not self.bins.any()

    @property
    def seen(self) -> MaskArray:
        """Bins of the full plane that the readout has any weight in, shape (height, width)."""
        height, width = self.partition.height, self.partition.width
        flat = np.zeros(height * (width // 2 + 1), bool)
        flat[self.bins[self.blocks.any((1, 2))]] = True
        half = flat.reshape(height, width // 2 + 1)
        columns = np.arange(half.shape[1], width)
        mirrored = half[(-np.arange(height) % height)[:, None], -columns % width]
        return np.concatenate([half, mirrored], axis=1)

    @property
    def sees(self) -> MaskArray:
        """Whether the readout has any weight at all in each band, shape (n_bands,)."""
        band = self.partition.half_index.ravel()[self.bins[self.blocks.any((1, 2))]]
        return np.bincount(band, minlength=len(self.partition.bands)) > 0

    def logits(
        self,
        coefficients: ComplexArray,
        shift: NDArray[np.floating] | None = None,
        masks: MaskArray | None = None,
    ) -> FloatArray:
        """Logits of each band or mask, shape (n_masks, n_samples, n_classes).

        Parameters
        ----------
        coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
            Real FFT of the maps.
        shift : array of shape (n_channels,), optional
            Constant that is still to be added to each map; it changes only what contains DC.
        masks : bool array of shape (n_masks, height, width), optional
            Sets of bins of the full plane, closed under conjugation; the bands if not given.
        """
        half = half_masks(self.partition, masks)
        n_samples, n_classes = len(coefficients), self.spatial_sum.shape[1]
        result = np.zeros((len(half), n_samples, n_classes))
        for part, products in self.products(coefficients):
            member = put_like(half[:, self.bins[part]].astype(np.float32), products)
            total = fetch(member @ products.reshape(len(products), -1))
            result += total.reshape(len(half), n_samples, n_classes)
        if shift is not None:
            result[half[:, 0]] += np.asarray(shift, np.float64) @ self.spatial_sum
        return result

    def dc_logits(
        self, coefficients: ComplexArray, shift: NDArray[np.floating] | None = None
    ) -> FloatArray:
        """The part of the logits that DC alone brings, shape (n_samples, n_classes).

        Parameters are as of `logits`.
        """
        n_bins = self.partition.height * self.partition.width
        mean = doubled(coefficients[..., 0, 0].real) / n_bins
        if shift is not None:
            mean += np.asarray(shift, np.float64)
        result: FloatArray = mean @ self.spatial_sum
        return result

    def products(self, coefficients: ComplexArray) -> Iterator[tuple[slice, MapArray]]:
        """Logits of some bins at a time, (n_bins, n_samples, n_classes)."""
        n_samples, n_channels = coefficients.shape[:2]
        flat = coefficients.reshape(n_samples, n_channels, -1)
        if not isinstance(coefficients, np.ndarray):
            yield from self._products_on_device(flat)
            return
        bin_bytes = 4 * n_samples * (2 * n_channels + self.spatial_sum.shape[1])
        step = max(1, sized(PRODUCT_BYTES) // bin_bytes)
        packed = np.empty((step, n_samples, 2 * n_channels), np.float32)
        for start in range(0, len(self.bins), step):
            part = slice(start, start + step)
            chosen = flat[:, :, _as_slice(self.bins[part])].transpose(2, 0, 1)
            rows = packed[: len(chosen)]
            rows[:, :, :n_channels] = chosen.real
            rows[:, :, n_channels:] = chosen.imag
            yield part, rows @ self.blocks[part]

    def _products_on_device(self, flat: Any) -> Iterator[tuple[slice, MapArray]]:
        """As `products`, of a tensor (n_samples, n_channels, n_half_bins)."""
        torch = library(flat)
        kept = self._kept.setdefault(str(flat.device), {})
        if not kept:
            kept |= {"bins": put_like(self.bins, flat), "blocks": put_like(self.blocks, flat)}
        bin_bytes = 4 * len(flat) * (2 * flat.shape[1] + self.spatial_sum.shape[1])
        step = max(1, DEVICE_BYTES // bin_bytes)
        for start in range(0, len(self.bins), step):
            part = slice(start, start + step)
            chosen = flat[:, :, kept["bins"][part]].permute(2, 0, 1)
            rows = torch.cat([chosen.real, chosen.imag], 2)
            yield part, rows @ kept["blocks"][part]

    @cached_property
    def _kept(self) -> dict[str, dict[str, Any]]:
        """Weights on devices that they were used on."""
        return {}


def _as_slice(positions: NDArray[np.intp]) -> slice | NDArray[np.intp]:
    """Positions without gaps as a slice, which need not be copied."""
    first, last = int(positions[0]), int(positions[-1])
    return slice(first, last + 1) if last - first + 1 == len(positions) else positions


def half_masks(partition: BandPartition, masks: MaskArray | None = None) -> MaskArray:
    """Masks of the half plane, flattened, (n_masks, n_half_bins); the bands if none are given."""
    if masks is None:
        bands = np.arange(len(partition.bands))
        return np.equal(partition.half_index.ravel(), bands[:, None])
    partition.check(masks.shape)
    return masks[..., : partition.width // 2 + 1].reshape(len(masks), -1)


def transform(maps: MapArray, readouts: Sequence[BandWeights]) -> ComplexArray:
    """Real FFT of maps, as far as the readouts need it: sums are enough for pooled ones.

    Raises
    ------
    GridMismatchError
        If a readout was made for another grid.
    """
    for weights in readouts:
        weights.partition.check(maps.shape)
    if not all(weights.only_dc for weights in readouts):
        return map_fft(maps)
    height, width = maps.shape[-2:]
    transformed = put_like(np.zeros((*maps.shape[:-1], width // 2 + 1), np.complex64), maps)
    transformed[..., 0, 0] = maps.mean((-2, -1)) * (height * width)
    pooled: ComplexArray = transformed
    return pooled


def turn_phases(coefficients: ComplexArray, noise: MapArray, strength: float) -> ComplexArray:
    """Multiply every coefficient by the noise's unit phase.

    Parameters
    ----------
    coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
        Real FFT of *raw* maps: the phase of DC is its sign, which centring would change.
    noise : array of shape (n_samples, n_channels, height, width)
    strength : float
        As of `bandprobe.fourier.transform.unit_phases`.
    """
    return coefficients * unit_phases(real_fft(noise), noise.shape[-1], strength)


def add_noise(
    coefficients: ComplexArray, noise: MapArray, partition: BandPartition, strength: float
) -> ComplexArray:
    """Add noise to every band, of `strength` times the band's own energy in each channel.

    Parameters
    ----------
    coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
        Real FFT of raw maps.
    noise : array of shape (n_samples, n_channels, height, width)
        White.
    partition : BandPartition
    strength : float
    """
    width = noise.shape[-1]
    added = real_fft(noise)
    energy = band_power(coefficients, partition, width)
    of_noise = band_power(added, partition, width)
    wanted = np.divide(strength * energy, of_noise, out=np.zeros_like(energy), where=of_noise > 0)
    factor = np.sqrt(wanted)
    by_bin = put_like(factor.astype(np.float32), added)[..., partition.half_index]
    changed: ComplexArray = coefficients + by_bin * added
    return changed


def band_power(coefficients: ComplexArray, partition: BandPartition, width: int) -> FloatArray:
    """Energy of each band from coefficients, shape (n_samples, n_channels, n_bands)."""
    power = scaled_power(coefficients, width)
    return grouped_sum(power, partition.half_index, len(partition.bands))


def centre(
    coefficients: ComplexArray, channel_mean: NDArray[np.floating], width: int
) -> ComplexArray:
    """Coefficients of maps after subtracting a mean per channel; in place."""
    height = coefficients.shape[-2]
    shift = np.asarray(channel_mean * np.float32(height * width), np.float32)
    coefficients[..., 0, 0] -= put_like(shift, coefficients)
    return coefficients


def pack_weights(
    weights: MapArray, partition: BandPartition, *, without_dc: bool = False
) -> BandWeights:
    """Split weight maps into bins.

    Parameters
    ----------
    weights : array of shape (n_classes, n_channels, height, width)
        Of the *centred raw* map: the readout's W divided by its channel scale.
    partition : BandPartition
    without_dc : bool
        Whether the readout takes the spatial mean off each map, and so sees nothing of DC. What
        rounding leaves of its weight there is dropped.
    """
    return pack_slabs([weights], weights.shape[1], partition, without_dc=without_dc)


def pack_slabs(
    slabs: Iterable[MapArray],
    n_channels: int,
    partition: BandPartition,
    *,
    without_dc: bool = False,
) -> BandWeights:
    """As `pack_weights`, of weights that come some channels at a time.

    Parameters
    ----------
    slabs : iterable of arrays of shape (n_classes, n_slab_channels, height, width)
        In the order of the channels.
    n_channels : int
        Of all slabs.
    partition : BandPartition
    without_dc : bool

    Notes
    -----
    The maps are transformed relative to their first value, so that a constant map, the weight of a
    pooled readout, has exactly no weight outside DC. DC itself is summed in double precision.

    The weights are never in memory as a whole beside the packed ones, which have none of the bins
    that are empty: those of a pooled readout are as small as its means.
    """
    bins = np.zeros(0, np.intp)
    blocks = np.zeros((0, 2 * n_channels, 0), np.float32)
    sums: list[FloatArray] = []
    start = 0
    for slab in slabs:
        partition.check(slab.shape)
        step = max(1, sized(PACKED_BYTES) // (slab[:, :1].size * slab.itemsize))
        for first in range(0, slab.shape[1], step):
            weights = slab[:, first : first + step]
            by_bin, spatial_sum = _by_bin(weights, without_dc=without_dc)
            sums.append(spatial_sum)
            heavy = np.union1d(bins, np.flatnonzero(by_bin.any((1, 2))))
            if len(heavy) > len(bins):
                blocks, bins = _with_rows(blocks, bins, heavy, len(slab)), heavy
            stop = start + weights.shape[1]
            if len(bins):
                blocks[:, start:stop] = by_bin.real[bins]
                blocks[:, n_channels + start : n_channels + stop] = by_bin.imag[bins]
            start = stop
    spatial_sum = np.concatenate(sums, axis=1)
    if not len(bins):
        # A readout without any weight keeps one bin, so that its logits are zero.
        bins = np.zeros(1, np.intp)
        blocks = np.zeros((1, 2 * n_channels, len(spatial_sum)), np.float32)
    return BandWeights(partition, bins, blocks, spatial_sum.T)


def _by_bin(weights: MapArray, *, without_dc: bool) -> tuple[ComplexArray, FloatArray]:
    """Scaled coefficients and spatial sums of maps (n_classes, n_channels, height, width).

    Returns
    -------
    by_bin : array of shape (n_half_bins, n_channels, n_classes)
    spatial_sum : array of shape (n_classes, n_channels)
    """
    height, width = weights.shape[-2:]
    transformed = real_fft(weights - weights[..., :1, :1])
    spatial_sum = weights.sum((-2, -1), dtype=np.float64)
    if without_dc:
        spatial_sum = np.zeros_like(spatial_sum)
    transformed[..., 0, 0] = spatial_sum
    transformed *= multiplicity(height, width) / np.float32(height * width)
    by_bin = transformed.reshape(*weights.shape[:2], -1).transpose(2, 1, 0)
    return by_bin, spatial_sum


def _with_rows(
    blocks: MapArray, bins: NDArray[np.intp], wanted: NDArray[np.intp], n_classes: int
) -> MapArray:
    """Blocks of more bins: zeros where there was none."""
    larger = np.zeros((len(wanted), blocks.shape[1], n_classes), np.float32)
    if len(bins):
        larger[np.searchsorted(wanted, bins)] = blocks
    return larger


def band_logits(centred: MapArray, weights: BandWeights) -> FloatArray:
    """Logits of each band of centred maps, shape (n_bands, n_samples, n_classes).

    Parameters
    ----------
    centred : array of shape (n_samples, n_channels, height, width)
        Raw maps minus the channel means.
    weights : BandWeights
    """
    return weights.logits(transform(centred, [weights]))


def blank_logits(
    channel_mean: MapArray, weights: BandWeights, masks: MaskArray | None = None
) -> FloatArray:
    """Logits of each band or mask of a raw map that is zero everywhere, (n_masks, n_classes).

    Centred, it is minus the channel means: a constant, which only DC contains.
    """
    half = half_masks(weights.partition, masks)
    result = np.zeros((len(half), weights.spatial_sum.shape[1]))
    result[half[:, 0]] = -np.asarray(channel_mean, np.float64) @ weights.spatial_sum
    return result
