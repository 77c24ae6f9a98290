"""Real two-dimensional Fourier transforms of maps, in single precision.

SciPy's transform stays in float32 and is about ten times as fast here as NumPy's, which goes
through float64.
"""

from __future__ import annotations

from typing import cast

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, FloatArray, MapArray
from bandprobe.base.devices import doubled, library, put_like


def map_fft(maps: MapArray) -> ComplexArray:
    """As `real_fft`, of maps whose mean is taken apart.

    A map that is constant in space has exactly no energy outside DC then, and what a large mean
    costs in precision stays in DC.
    """
    centred, mean = without_mean(maps)
    transformed = real_fft(centred)
    transformed[..., 0, 0] = mean[..., 0, 0] * (maps.shape[-2] * maps.shape[-1])
    return transformed


def full_fft(maps: MapArray) -> ComplexArray:
    """As `map_fft`, on the full plane: (..., height, width)."""
    centred, mean = without_mean(maps)
    if isinstance(centred, np.ndarray):
        transformed = cast("ComplexArray", scipy.fft.fft2(centred))
    else:
        transformed = library(centred).fft.fft2(centred)
    transformed[..., 0, 0] = mean[..., 0, 0] * (maps.shape[-2] * maps.shape[-1])
    return transformed


def without_mean(maps: MapArray) -> tuple[MapArray, MapArray]:
    """Maps minus their spatial means, which are summed in double precision, and these means.

    Returns
    -------
    centred : array of the shape of `maps`, in float32
        Exactly zero where a map is constant.
    mean : array of shape (..., 1, 1), in float32
    """
    if isinstance(maps, np.ndarray):
        values = np.asarray(maps, np.float32)
        mean = values.mean((-2, -1), np.float64, keepdims=True).astype(np.float32)
        return values - mean, mean
    on_device: MapArray = maps
    double, single = library(maps).float64, library(maps).float32
    mean = on_device.mean((-2, -1), keepdim=True, dtype=double).to(single)
    return on_device - mean, mean


def real_fft(maps: MapArray) -> ComplexArray:
    """Unnormalised real FFT over the last two axes: (..., height, width // 2 + 1)."""
    if not isinstance(maps, np.ndarray):
        on_device: ComplexArray = library(maps).fft.rfft2(maps)
        return on_device
    transformed = scipy.fft.rfft2(np.asarray(maps, np.float32), axes=(-2, -1))
    return cast("ComplexArray", transformed)


def multiplicity(height: int, width: int) -> MapArray:
    """How often each half-plane bin counts in a sum over the full plane: once or twice.

    A bin stands for itself and its conjugate, except in the column of zero frequency and, for
    even width, of Nyquist, where both members of each pair are present.
    """
    weight = np.full((height, width // 2 + 1), 2.0, np.float32)
    weight[:, 0] = 1.0
    if width % 2 == 0:
        weight[:, -1] = 1.0
    return weight


def power(maps: MapArray) -> MapArray:
    """Power of each half-plane bin, scaled so that its sum is the spatial energy (Parseval).

    Parameters
    ----------
    maps : array of shape (..., height, width)

    Returns
    -------
    array of shape (..., height, width // 2 + 1)
        ``multiplicity * |FFT|^2 / (height * width)``, in squared units of `maps`.
    """
    return scaled_power(map_fft(maps), maps.shape[-1])


def scaled_power(transformed: ComplexArray, width: int) -> MapArray:
    """As `power`, from the coefficients of maps that are `width` wide."""
    height = transformed.shape[-2]
    squared: MapArray = library(transformed).square(transformed.real)
    squared += library(transformed).square(transformed.imag)
    squared *= put_like(multiplicity(height, width) / np.float32(height * width), squared)
    return squared


def grouped_sum(values: MapArray, index: NDArray[np.intp], n_groups: int) -> FloatArray:
    """Sum the last two axes of `values` by the group of each bin: (..., n_groups)."""
    member = (index.ravel()[:, None] == np.arange(n_groups)).astype(np.float32)
    flat = values.reshape(*values.shape[:-2], -1)
    return doubled(flat @ put_like(member, flat))


def unit_phases(noise: ComplexArray, width: int, strength: float = 1.0) -> ComplexArray:
    """Coefficients of modulus one with the phases of `noise`; where it is zero, exactly one.

    Taken from the FFT of *real* noise the phases are Hermitian, so multiplying the FFT of a real
    map by them gives the FFT of another real map with the same power in every bin.

    Parameters
    ----------
    noise : array of shape (..., height, n_columns)
        FFT of real noise, on the full plane or the half that a real FFT keeps.
    width : int
        Of the maps.
    strength : float
        Share of the angle, in (0, 1]. Below 1 the bins that are their own conjugates stay as they
        are: their only Hermitian phases are 0 and pi.
    """
    xp = library(noise)
    # Twice as fast as the modulus, which guards against an overflow that unit noise cannot cause.
    squared = xp.square(noise.real)
    squared += xp.square(noise.imag)
    silent = squared == 0
    if silent.any():
        noise = xp.where(silent, put_like(np.array(1, np.complex64), noise), noise)
        squared = xp.where(silent, put_like(np.array(1, np.float32), noise), squared)
    if strength == 1:
        phases: ComplexArray = noise * (1 / xp.sqrt(squared))
        return phases
    turned: ComplexArray = xp.exp(1j * strength * xp.angle(noise))
    height = noise.shape[-2]
    for row in (0, height // 2) if height % 2 == 0 else (0,):
        for column in (0, width // 2) if width % 2 == 0 else (0,):
            turned[..., row, column] = 1
    return turned
