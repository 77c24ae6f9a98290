"""Slabs of very many maps, a strip at a time: moments, inner products, weights and logits.

A slab keeps the number format that it is stored in. A strip is a part of its channels, or some rows
of one channel where that is large; Gram matrices, weights and logits are sums over strips.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.blocks import sized
from bandprobe.fourier.transform import without_mean
from bandprobe.linear.inner_products import row_blocks
from bandprobe.linear.map_sums import pattern_scale, spatial_mean
from bandprobe.linear.standardise import channel_scale

# Of a strip in single precision.
STRIP_BYTES = 256_000_000
# Of a few maps in single precision, whose moments are taken at once.
MOMENT_BYTES = 32_000_000
# Maps whose logits are added to at once.
LOGIT_ROWS = 1024

Slab = NDArray[np.floating]
Strip = tuple[slice, slice]
"""Channels and rows."""


def weights_are_cheaper(n_train: int, n_eval: int, n_classes: int, n_sets: int) -> bool:
    """Whether logits by weights take fewer operations than inner products of both splits.

    Weights of the first set of labels are needed in any case.
    """
    by_weights = n_classes * (n_sets * n_eval + (n_sets - 1) * n_train)
    return by_weights < n_train * n_eval


@dataclass(frozen=True)
class SlabMoments:
    """What standardises a slab, and what is stored of it.

    Attributes
    ----------
    mean, scale : arrays of shape (n_channels,)
        As of `bandprobe.linear.standardise.centre_channels`.
    mean_map : array of shape (n_channels, height, width)
    spatial_means : array of shape (n_samples, n_channels, 1, 1)
    pattern_scale : array of shape (n_channels,), or None
        As of `bandprobe.linear.map_sums.centre_maps`, if wanted.
    constant_energy : float
        Likewise; zero without a pattern.
    """

    mean: MapArray
    scale: MapArray
    mean_map: MapArray
    spatial_means: MapArray
    pattern_scale: MapArray | None
    constant_energy: float


def slab_moments(slab: Slab, *, pattern: bool) -> SlabMoments:
    """Moments of a slab (n_samples, n_channels, height, width), some maps at a time."""
    positions = slab.shape[2] * slab.shape[3]
    total: FloatArray | float = 0.0
    spatial: list[MapArray] = []
    squares: list[MapArray] = []
    pattern_squares: list[MapArray] = []
    levels: list[MapArray] = []
    for maps in _samples(slab):
        spatial.append(spatial_mean(maps))
        total = total + maps.sum(0, dtype=np.float64)
        if pattern:
            centred, level = without_mean(maps)
            pattern_squares.append(_squares(centred))
            levels.append(level)
    means = np.concatenate(spatial)
    mean = means[..., 0, 0].mean(0, dtype=np.float64).astype(np.float32)
    for maps in _samples(slab):
        maps -= mean[:, None, None]
        squares.append(_squares(maps))
    scale = channel_scale(np.concatenate(squares), positions, mean)
    mean_map = np.asarray(total / len(slab), np.float32)
    own, energy = None, 0.0
    if pattern:
        level = np.concatenate(levels)[..., 0, 0]
        own, energy = pattern_scale(np.concatenate(pattern_squares), level, positions)
    return SlabMoments(mean, scale, mean_map, means, own, energy)


def slab_spatial_means(slab: Slab) -> MapArray:
    """Spatial means (n_samples, n_channels, 1, 1), as the pooled readout sees them."""
    return np.concatenate([spatial_mean(maps) for maps in _samples(slab)])


def slab_levels(slab: Slab) -> MapArray:
    """Spatial means (n_samples, n_channels, 1, 1), as they are taken off for a pattern."""
    return np.concatenate([without_mean(maps)[1] for maps in _samples(slab)])


def _samples(slab: Slab) -> Iterator[MapArray]:
    """Copies of a few maps each in single precision."""
    step = max(1, sized(MOMENT_BYTES) // (4 * slab[0].size))
    return (np.array(slab[part], np.float32) for part in row_blocks(len(slab), step))


def _squares(maps: MapArray) -> MapArray:
    flat = maps.reshape(*maps.shape[:2], -1)
    squares: MapArray = np.einsum("ncp,ncp->nc", flat, flat)
    return squares


def strips(shape: tuple[int, ...]) -> list[Strip]:
    """Parts of a slab (n_samples, n_channels, height, width), each about `STRIP_BYTES`."""
    n_samples, n_channels, height, width = shape
    row = 4 * n_samples * width
    most = sized(STRIP_BYTES)
    channels = max(1, most // (row * height))
    rows = height if row * height <= most else max(1, most // row)
    return [
        (of_channels, of_rows)
        for of_channels in row_blocks(n_channels, channels)
        for of_rows in row_blocks(height, rows)
    ]


def standardised_strip(slab: Slab, strip: Strip, shift: MapArray, scale: MapArray) -> MapArray:
    """Standardised values of a strip, (n_samples, n_values).

    Parameters
    ----------
    slab : array of shape (n_samples, n_channels, height, width)
    strip : pair of slices
    shift : array of shape (n_samples or 1, n_channels, 1, 1)
        What is taken off: the means of the channels, or of each map.
    scale : array of shape (n_channels,)
    """
    channels, rows = strip
    values = np.array(slab[:, channels, rows], np.float32, order="C")
    values -= shift[:, channels]
    values *= (1 / scale[channels])[:, None, None]
    return values.reshape(len(values), -1)


def slab_weights(slab: Slab, duals: MapArray, shift: MapArray, scale: MapArray) -> MapArray:
    """Weights (n_rows, n_channels, height, width) from those on training maps, (n_rows, n_maps)."""
    weights = np.empty((len(duals), *slab.shape[1:]), np.float32)
    for channels, rows in strips(slab.shape):
        found = weights[:, channels, rows]
        values = standardised_strip(slab, (channels, rows), shift, scale)
        found[...] = (duals @ values).reshape(found.shape)
    return weights


def add_logits(
    logits: FloatArray, slab: Slab, weights: MapArray, shift: MapArray, scale: MapArray
) -> None:
    """Add a slab's share to logits (n_samples, n_rows), in place."""
    for channels, rows in strips(slab.shape):
        values = standardised_strip(slab, (channels, rows), shift, scale)
        own = weights[:, channels, rows].reshape(len(weights), -1)
        for part in row_blocks(len(logits), LOGIT_ROWS):
            logits[part] += values[part] @ own.T
