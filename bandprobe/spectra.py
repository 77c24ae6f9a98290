"""What a feature map holds: energy per radial band, and the radial power profile."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from bandprobe.bands import BandPartition, radial_frequency
from bandprobe.fourier import FloatArray, power


def band_energy(features: FloatArray, partition: BandPartition) -> NDArray[np.float64]:
    """Energy of every radial band of every map.

    Parameters
    ----------
    features : array of shape (n_samples, n_channels, height, width)
    partition : BandPartition
        For the same height and width; its bands cover the plane exactly once.

    Returns
    -------
    array of shape (n_samples, n_channels, n_bands)
        Sums over the full plane, not means, in squared feature units.

    Raises
    ------
    GridMismatchError
        If `partition` was made for another grid; the message gives both.

    Notes
    -----
    Summed over bands this is the spatial energy, ``sum(features ** 2)`` (Parseval).
    """
    partition.check(features.shape)
    return _grouped(power(features), partition.half_index, len(partition.bands))


def dc_energy(features: FloatArray) -> NDArray[np.float64]:
    """Energy of the zero frequency of every map, shape (n_samples, n_channels).

    It is ``height * width * mean ** 2``, in squared feature units.
    """
    height, width = features.shape[-2:]
    mean = features.mean((-2, -1), dtype=np.float64)
    return cast("NDArray[np.float64]", np.square(mean) * (height * width))


def radial_bins(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Annuli one frequency step of the shorter side wide, and the annulus of every bin.

    Returns
    -------
    frequency : array of shape (n_radii,)
        Centres of the annuli, 0 for DC, in units of Nyquist.
    index : array of shape (height, width)
        Annulus of every bin of the full plane.
    """
    step = 2.0 / min(height, width)
    index = np.rint(radial_frequency(height, width) / step).astype(np.intp)
    frequency = np.arange(int(index.max()) + 1, dtype=np.float64) * step
    return frequency.astype(np.float64), index


def radial_profile(features: FloatArray) -> NDArray[np.float64]:
    """Mean power per bin at each radius, averaged over channels.

    Parameters
    ----------
    features : array of shape (n_samples, n_channels, height, width)

    Returns
    -------
    array of shape (n_samples, n_radii)
        In squared feature units; an annulus that holds no bin is NaN. The radii are those of
        `radial_bins`.
    """
    height, width = features.shape[-2:]
    frequency, index = radial_bins(height, width)
    half = index[:, : width // 2 + 1]
    total = _grouped(power(features).mean(1), half, len(frequency))
    bins = np.bincount(index.ravel(), minlength=len(frequency))
    return np.divide(total, bins, out=np.full_like(total, np.nan), where=bins > 0)


def _grouped(values: FloatArray, index: NDArray[np.intp], n_groups: int) -> NDArray[np.float64]:
    """Sum the last two axes of `values` by the group of each bin: (..., n_groups)."""
    member = (index.ravel()[:, None] == np.arange(n_groups)).astype(np.float32)
    flat = values.reshape(*values.shape[:-2], -1)
    return cast("NDArray[np.float64]", (flat @ member).astype(np.float64))
