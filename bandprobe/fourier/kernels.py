"""What the kernels of a convolution pass at each frequency of their input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.spectra import density


def spread(kernels: FloatArray, dilation: tuple[int, int]) -> FloatArray:
    """Kernels with the zeros between their weights that a dilation puts there.

    Parameters
    ----------
    kernels : array of shape (..., height, width)
    dilation : tuple of int
        Distance of neighbouring weights along y and x.

    Returns
    -------
    array of shape (..., (height - 1) * dilation[0] + 1, (width - 1) * dilation[1] + 1)
    """
    sides = [(n - 1) * step + 1 for n, step in zip(kernels.shape[-2:], dilation, strict=True)]
    wide = np.zeros((*kernels.shape[:-2], *sides), kernels.dtype)
    wide[..., :: dilation[0], :: dilation[1]] = kernels
    return wide


def kernel_response(
    kernels: NDArray[np.floating], side: int, dilation: tuple[int, int] = (1, 1)
) -> FloatArray:
    """Mean power of the zero-padded kernels over the frequencies of their input.

    A kernel that is convolved with a map multiplies the power at each frequency by this.

    Parameters
    ----------
    kernels : array of shape (n_outputs, n_inputs, height, width)
        As a convolution has them; with groups, `n_inputs` is that of a group, and the kernels
        between groups, which do not exist, do not count.
    side : int
        Of the grid of frequencies, at least that of the spread kernels.
    dilation : tuple of int

    Returns
    -------
    array of shape (side, side)
        In squared units of the weights, DC in the middle, averaged over outputs and inputs.
        Summed over bins it is ``side ** 2`` times the mean sum of squares of a kernel (Parseval).

    Raises
    ------
    ValueError
        If the grid is smaller than a kernel.
    """
    wide = spread(np.asarray(kernels, np.float64), dilation)
    if max(wide.shape[-2:]) > side:
        raise ValueError(f"kernels of {wide.shape[-2:]} do not fit a grid of {side} x {side}")
    total = np.zeros((side, side))
    for of_output in wide:
        total += np.square(np.abs(np.fft.fft2(of_output, s=(side, side)))).sum(0)
    return np.fft.fftshift(total / (wide.shape[0] * wide.shape[1]))


def band_response(response: FloatArray, partition: BandPartition) -> FloatArray:
    """Mean of a response over the bins of each band, shape (n_bands,); NaN without bins.

    Parameters
    ----------
    response : array of shape (side, side)
        As of `kernel_response`.
    partition : BandPartition
        For the same grid.
    """
    partition.check(response.shape)
    index, values = partition.index.ravel(), np.fft.ifftshift(response).ravel()
    sums = np.asarray(np.bincount(index, values, len(partition.bands)), np.float64)
    return density(sums, partition.counts)
