"""The literal route: Fourier transform, mask, inverse transform, one band of raw maps at a time.

This is the experiment as one would describe it, done on the full complex plane and without any
shortcut. `bandprobe.decompose` gets the same logits for all bands at once; tests and the
single-target command hold one against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import scipy.fft

from bandprobe.bands import BandPartition
from bandprobe.fourier import ComplexArray, FloatArray, unit_phases
from bandprobe.modes import Mode


def white_noise(
    seed: int, draw: int, samples: Sequence[int], shape: tuple[int, int, int]
) -> FloatArray:
    """Real Gaussian white noise for each sample, the same in whatever order they are computed.

    Parameters
    ----------
    seed, draw : int
    samples : sequence of int
        Sample identifiers; each has a random stream of its own.
    shape : (n_channels, height, width)

    Returns
    -------
    array of shape (n_samples, n_channels, height, width)
    """
    noise = np.empty((len(samples), *shape), np.float32)
    for row, sample in enumerate(samples):
        stream = np.random.SFC64(np.random.SeedSequence([seed, draw, int(sample)]))
        np.random.Generator(stream).standard_normal(dtype=np.float32, out=noise[row])
    return noise


def project(maps: FloatArray, partition: BandPartition, band: int) -> FloatArray:
    """Keep only the frequency bins of one band: (..., height, width), real."""
    partition.check(maps.shape)
    transformed = scipy.fft.fft2(np.asarray(maps, np.float32))
    return _real(np.where(partition.mask(band), transformed, 0))


def intervene(
    mode: Mode,
    maps: FloatArray,
    partition: BandPartition,
    band: int,
    *,
    mean_map: FloatArray | None = None,
    noise: FloatArray | None = None,
) -> FloatArray:
    """Raw maps after one intervention on one band.

    Parameters
    ----------
    mode : Mode
    maps : array of shape (n_samples, n_channels, height, width)
    partition : BandPartition
    band : int
    mean_map : array of shape (n_channels, height, width), optional
        Training mean of the raw maps; needed by ``fill: mean``.
    noise : array of the shape of `maps`, optional
        Real noise whose phases replace nothing but multiply those of the band (``phase``).

    Returns
    -------
    array of the shape of `maps`

    Raises
    ------
    GridMismatchError
        If `partition` was made for another grid.
    ValueError
        If the array that the mode needs was not given.
    """
    if mode.kind == "phase":
        if noise is None:
            raise ValueError("mode of kind 'phase' needs noise")
        return _with_phases(maps, partition, band, noise)
    inside = project(maps, partition, band)
    if mode.fill == "zero":
        filling = np.zeros_like(maps[0])
    elif mean_map is not None:
        filling = np.asarray(mean_map, np.float32)
    else:
        raise ValueError("fill 'mean' needs the training mean map")
    filling_inside = project(filling, partition, band)
    if mode.kind == "isolate":
        changed = inside + (filling - filling_inside)
    else:
        changed = (maps - inside) + filling_inside
    return cast("FloatArray", changed)


def _with_phases(
    maps: FloatArray, partition: BandPartition, band: int, noise: FloatArray
) -> FloatArray:
    partition.check(maps.shape)
    transformed = scipy.fft.fft2(np.asarray(maps, np.float32))
    noise_transformed = scipy.fft.fft2(np.asarray(noise, np.float32))
    phases = unit_phases(cast("ComplexArray", noise_transformed))
    return _real(np.where(partition.mask(band), transformed * phases, transformed))


def _real(transformed: np.ndarray) -> FloatArray:
    """Inverse transform of Hermitian coefficients; the imaginary residue is rounding alone."""
    restored: FloatArray = scipy.fft.ifft2(transformed).real
    return restored
