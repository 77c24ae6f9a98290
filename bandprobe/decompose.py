"""The fast route: a linear readout's logits, band by band, from one transform of each map.

The band projections P_b are orthogonal and sum to the identity, so a linear readout splits as
``<W, z> = sum_b <P_b W, P_b z>`` (Parseval). With those band logits of a clean map every
intervention that is linear in the map follows by addition. Only a change of phases needs
the coefficients again.

Maps are centred by the readout's channel means here, and the channel scales are folded into the
weights: ``logits(x) = sum_b L_b(x - mean) + intercept``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.bands import BandPartition
from bandprobe.fourier import ComplexArray, FloatArray, multiplicity, spectrum, unit_phases

LogitArray = NDArray[np.float64]


@dataclass(frozen=True)
class BandWeights:
    """A linear readout's weights as packed real Fourier coefficients, one block a band.

    Attributes
    ----------
    partition : BandPartition
    columns : tuple of int arrays
        For each band, the positions of its real and imaginary parts in a flattened half plane.
    blocks : tuple of arrays of shape (n_channels * n_columns, n_classes)
        Weights of those coefficients; a product with packed coefficients is the band's logit.
    spatial_sum : array of shape (n_channels, n_classes)
        Weight of a map that is constant at one: what a shift of a channel's mean does.
    only_dc : bool
        Whether the weights are constant maps, as a pooled readout's; then sums are enough.
    """

    partition: BandPartition
    columns: tuple[NDArray[np.intp], ...]
    blocks: tuple[FloatArray, ...]
    spatial_sum: NDArray[np.float64]
    only_dc: bool

    @property
    def sees(self) -> NDArray[np.bool_]:
        """Whether the readout has any weight at all in each band, shape (n_bands,)."""
        return np.array([bool(block.any()) for block in self.blocks])

    def logits(
        self, coefficients: ComplexArray, shift: NDArray[np.floating] | None = None
    ) -> LogitArray:
        """Logits of each band, shape (n_bands, n_samples, n_classes).

        Parameters
        ----------
        coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
            Real FFT of the maps.
        shift : array of shape (n_channels,), optional
            Constant still to be added to each map; only the DC band sees it.
        """
        n_samples, n_channels = coefficients.shape[:2]
        flat = np.ascontiguousarray(coefficients).view(np.float32)
        flat = flat.reshape(n_samples, n_channels, -1)
        n_classes = self.spatial_sum.shape[1]
        result = np.zeros((len(self.blocks), n_samples, n_classes))
        for band, (columns, block) in enumerate(zip(self.columns, self.blocks, strict=True)):
            if block.any():
                result[band] = flat[:, :, columns].reshape(n_samples, -1) @ block
        if shift is not None:
            result[self.partition.dc_band] += np.asarray(shift, np.float64) @ self.spatial_sum
        return result


def transform(maps: FloatArray, readouts: Sequence[BandWeights]) -> ComplexArray:
    """Real FFT of maps, as far as some readouts need it: sums are enough for pooled ones.

    Raises
    ------
    GridMismatchError
        If a readout was made for another grid.
    """
    for weights in readouts:
        weights.partition.check(maps.shape)
    if not all(weights.only_dc for weights in readouts):
        return spectrum(maps)
    height, width = maps.shape[-2:]
    transformed = np.zeros((*maps.shape[:-1], width // 2 + 1), np.complex64)
    transformed[..., 0, 0] = maps.mean((-2, -1)) * np.float32(height * width)
    return transformed


def turn_phases(
    coefficients: ComplexArray,
    noise: FloatArray,
    channel_mean: NDArray[np.floating],
    readouts: Sequence[BandWeights],
) -> ComplexArray:
    """Multiply every coefficient by the noise's unit phase, then centre.

    Parameters
    ----------
    coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
        Real FFT of *raw* maps: the phase of DC is its sign, which centring would change.
    noise : array of shape (n_samples, n_channels, height, width)
    channel_mean : array of shape (n_channels,)
        Taken off after the change.
    readouts : sequence of BandWeights
        As for `transform`.
    """
    height, width = noise.shape[-2:]
    changed = coefficients * unit_phases(transform(noise, readouts))
    changed[..., 0, 0] -= channel_mean * np.float32(height * width)
    return changed


def pack_weights(weights: FloatArray, partition: BandPartition) -> BandWeights:
    """Split weight maps into bands.

    Parameters
    ----------
    weights : array of shape (n_classes, n_channels, height, width)
        Of the *centred raw* map: the readout's W divided by its channel scale.
    partition : BandPartition

    Notes
    -----
    The maps are transformed relative to their first value, so that a constant map, the weight of a
    pooled readout, has exactly no weight outside DC. DC itself is summed in double precision.
    """
    partition.check(weights.shape)
    height, width = weights.shape[-2:]
    transformed = spectrum(weights - weights[..., :1, :1])
    spatial_sum = weights.sum((-2, -1), dtype=np.float64)
    transformed[..., 0, 0] = spatial_sum
    transformed *= multiplicity(height, width) / np.float32(height * width)
    n_classes, n_channels = weights.shape[:2]
    flat = transformed.view(np.float32).reshape(n_classes, n_channels, -1)
    columns = tuple(
        np.flatnonzero(np.repeat(partition.half_index.ravel() == band, 2))
        for band in range(len(partition.bands))
    )
    blocks = tuple(np.ascontiguousarray(flat[:, :, at].reshape(n_classes, -1).T) for at in columns)
    return BandWeights(partition, columns, blocks, spatial_sum.T, not flat[:, :, 2:].any())


def band_logits(centred: FloatArray, weights: BandWeights) -> LogitArray:
    """Logits of each band of centred maps, shape (n_bands, n_samples, n_classes).

    Parameters
    ----------
    centred : array of shape (n_samples, n_channels, height, width)
        Raw maps minus the channel means.
    weights : BandWeights
    """
    return weights.logits(transform(centred, [weights]))


def phase_band_logits(
    maps: FloatArray,
    noise: FloatArray,
    channel_mean: NDArray[np.floating],
    weights: BandWeights,
) -> LogitArray:
    """Band logits of raw maps after `turn_phases`, shape (n_bands, n_samples, n_classes)."""
    raw = transform(maps, [weights])
    return weights.logits(turn_phases(raw, noise, channel_mean, [weights]))


def blank_logits(channel_mean: FloatArray, weights: BandWeights) -> LogitArray:
    """Band logits of a raw map that is zero everywhere, shape (n_bands, n_classes).

    Centred, it is minus the channel means: a constant, which only the DC band sees.
    """
    result = np.zeros((len(weights.blocks), weights.spatial_sum.shape[1]))
    result[weights.partition.dc_band] = -np.asarray(channel_mean, np.float64) @ weights.spatial_sum
    return result
