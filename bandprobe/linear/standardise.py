"""One mean and one scale per channel, and the definition of a readout's logits."""

from __future__ import annotations

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray


def channel_moments(maps: MapArray) -> tuple[MapArray, MapArray]:
    """Mean and scale of each channel over samples and positions, as in `centre_channels`."""
    _, mean, scale = centre_channels(maps)
    return mean, scale


def centre_channels(maps: MapArray) -> tuple[MapArray, MapArray, MapArray]:
    """Maps minus the mean of each channel over samples and positions, and the channels' moments.

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)

    Returns
    -------
    centred : array of the shape of `maps`
    mean, scale : arrays of shape (n_channels,)
        The scale is the standard deviation, and 1 for a channel that never changes.

    Notes
    -----
    In two passes over each map, so that a large mean costs no precision; maps are summed in
    float32, pairwise, and their sums in float64.
    """
    mean = maps.mean((2, 3)).mean(0, dtype=np.float64).astype(np.float32)
    centred = maps - mean[:, None, None]
    flat = centred.reshape(*maps.shape[:2], -1)
    squares = np.einsum("ncp,ncp->nc", flat, flat)
    return centred, mean, channel_scale(squares, flat.shape[-1], mean)


def channel_scale(squares: MapArray, n_positions: int, mean: MapArray) -> MapArray:
    """Scale of each channel, as of `centre_channels`.

    Parameters
    ----------
    squares : array of shape (n_samples, n_channels)
        Sums over positions of the squares of the centred maps.
    n_positions : int
    mean : array of shape (n_channels,)
    """
    scale = np.sqrt(squares.mean(0, dtype=np.float64) / n_positions)
    # A channel whose values differ from their mean only by rounding errors does not change.
    rounding = 8 * np.finfo(np.float32).eps * np.abs(mean)
    return np.where(scale > rounding, scale, 1.0).astype(np.float32)


def standardise(maps: MapArray, mean: MapArray, scale: MapArray) -> MapArray:
    """Standardised maps, from raw ones (n_samples, n_channels, height, width)."""
    return scaled(maps - mean[:, None, None], scale)


def scaled(centred: MapArray, scale: MapArray) -> MapArray:
    """Standardised maps from centred ones, which are overwritten."""
    centred *= (1 / scale)[:, None, None]
    return centred


def readout_logits(
    maps: MapArray,
    weights: MapArray,
    intercept: FloatArray,
    channel_mean: MapArray,
    channel_scale: MapArray,
    *,
    without_dc: bool = False,
) -> FloatArray:
    """Logits of raw maps, by the definition of the stored probe.

    ``sum(W * (x - channel_mean) / channel_scale) + intercept``, shape (n_samples, n_classes). With
    `without_dc` the spatial mean of each map takes the place of the channel's mean.
    """
    # In double precision: hundreds of thousands of terms cost single precision four digits.
    doubles = maps.astype(np.float64)
    mean = doubles.mean((2, 3), keepdims=True) if without_dc else channel_mean[:, None, None]
    deviation = doubles - mean
    standardised = (deviation / channel_scale[:, None, None]).reshape(len(maps), -1)
    logits: FloatArray = standardised @ weights.reshape(len(weights), -1).T.astype(np.float64)
    return logits + intercept
