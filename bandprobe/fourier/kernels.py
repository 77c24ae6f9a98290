"""What the kernels of a convolution pass at each frequency of their input."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.spectra import density


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
        If the grid is smaller than a kernel with the zeros of its dilation.
    """
    count, length = kernels.shape[0] * kernels.shape[1], kernels.shape[2] * kernels.shape[3]
    sides = [(n - 1) * step + 1 for n, step in zip(kernels.shape[-2:], dilation, strict=True)]
    if max(sides) > side:
        raise ValueError(f"kernels of {tuple(sides)} do not fit a grid of {side} x {side}")
    weights = np.asarray(kernels, np.float64).reshape(count, length)
    # Power is the transform of the autocorrelation, and the mean of that is a small matrix: one
    # transform for all kernels.
    products = weights.T @ weights / count
    row, column = (
        at.ravel() * step for at, step in zip(np.indices(kernels.shape[-2:]), dilation, strict=True)
    )
    correlation = np.zeros((side, side))
    lags = [(at[:, None] - at) % side for at in (row, column)]
    np.add.at(correlation, tuple(lags), products)
    # Rounding may leave a little less than nothing.
    return np.fft.fftshift(np.maximum(np.fft.fft2(correlation).real, 0))


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
