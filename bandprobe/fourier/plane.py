"""The Fourier plane of maps in two dimensions: mean log power of each bin, energy by orientation.

An orientation is the direction in which a wave changes, in degrees as seen in the map with its
first row on top: 0 changes along a row (upright stripes), 45 towards the upper right, 90 along a
column. A wave and its conjugate have the same orientation, so 180 degrees are all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MaskArray
from bandprobe.fourier.transform import multiplicity

SECTORS = 8
# Width of a sector in degrees.
SECTOR = 180 / SECTORS


@dataclass(frozen=True)
class PlaneSums:
    """Sums over images for the mean log power of each bin of the half plane.

    Attributes
    ----------
    log_power : array of shape (height, width // 2 + 1)
        Sum of the logarithms to base 10 over the images that have power in the bin.
    images : array of the same shape
        How many these are.
    """

    log_power: FloatArray
    images: NDArray[np.int64]

    def __add__(self, other: PlaneSums) -> PlaneSums:
        return PlaneSums(self.log_power + other.log_power, self.images + other.images)


def plane_sums(power: FloatArray, width: int, n_channels: int) -> PlaneSums:
    """Sums over images of the log power of each bin, averaged over channels before the logarithm.

    Parameters
    ----------
    power : array of shape (n_samples, height, width // 2 + 1)
        As the second value of `fourier.spectra.spectra_and_power`.
    width : int
        Of the maps.
    n_channels : int
        Over which `power` was summed.
    """
    height = power.shape[-2]
    exists = power > 0
    log_power = np.log10(power, out=np.zeros_like(power), where=exists)
    images = exists.sum(0)
    scale = np.log10(multiplicity(height, width).astype(np.float64) * n_channels)
    return PlaneSums(log_power.sum(0) - images * scale, images)


def mean_log_power(sums: PlaneSums, width: int) -> FloatArray:
    """Mean log10 of the power per bin over images, shape (height, width), DC in the middle.

    NaN in bins in which no image has power. The axes are those of `plane_frequency`.
    """
    known = sums.images > 0
    mean = np.divide(
        sums.log_power, sums.images, out=np.full(sums.log_power.shape, np.nan), where=known
    )
    return full_plane(mean, width)


def full_plane(half: FloatArray, width: int) -> FloatArray:
    """A half plane with the Hermitian partners of its bins beside it, DC in the middle.

    Parameters
    ----------
    half : array of shape (height, width // 2 + 1)
        Of a quantity that conjugate bins share, as power, in the order of a real FFT.
    width : int
        Of the maps.

    Returns
    -------
    array of shape (height, width)
        DC at ``[height // 2, width // 2]``.
    """
    height = len(half)
    plane = np.empty((height, width), half.dtype)
    plane[:, : half.shape[1]] = half
    missing = np.arange(half.shape[1], width)
    plane[:, missing] = half[-np.arange(height) % height][:, width - missing]
    return np.fft.fftshift(plane)


def plane_frequency(side: int) -> FloatArray:
    """Frequencies along one axis of a plane with DC in the middle, in cycles per pixel of the map.

    Shape (side,). Nyquist is 0.5; an even side has it once, as -0.5.
    """
    frequency: FloatArray = np.fft.fftshift(np.fft.fftfreq(side))
    return frequency


def orientations() -> FloatArray:
    """Middles of the sectors in degrees, shape (SECTORS,)."""
    return np.asarray(np.arange(SECTORS) * SECTOR, np.float64)


def sector_shares(height: int, width: int) -> FloatArray:
    """How much of each bin belongs to each sector, shape (SECTORS, height, width).

    Sums to 1 over sectors, but for DC, which has no orientation, to 0. A bin at Nyquist stands for
    a wave and its alias, whose frequency along that axis has the other sign, and belongs half to
    the orientation of each. No bin lies on the border of two sectors: the borders, at 11.25
    degrees and so on, have irrational slopes.
    """
    return _over_aliases(height, width, _sectors_of)


def second_harmonic(height: int, width: int) -> FloatArray:
    """Cosine and sine of twice the orientation of each bin, shape (2, height, width); 0 at DC.

    Bins at Nyquist have the mean over a wave and its alias, as in `sector_shares`.
    """
    return _over_aliases(height, width, _doubled)


def _over_aliases(
    height: int, width: int, function: Callable[[FloatArray], FloatArray]
) -> FloatArray:
    """Mean of a function of the orientation in degrees over the waves that a bin stands for."""
    total: FloatArray | float = 0.0
    for rows in _signs(height):
        for columns in _signs(width):
            angle = np.degrees(np.arctan2(-rows[:, None], columns[None, :])) % 180
            total = total + function(angle) / 4
    values = np.asarray(total)
    values[:, 0, 0] = 0.0
    return values


def _signs(side: int) -> tuple[FloatArray, FloatArray]:
    """Frequencies of one axis, with Nyquist as negative and as positive."""
    frequency = np.asarray(np.fft.fftfreq(side), np.float64)
    return frequency, np.where(frequency == -0.5, 0.5, frequency)


def _sectors_of(angle: FloatArray) -> FloatArray:
    nearest = np.rint(angle / SECTOR).astype(int) % SECTORS
    member: MaskArray = np.arange(SECTORS)[:, None, None] == nearest
    return member.astype(np.float64)


def _doubled(angle: FloatArray) -> FloatArray:
    twice = np.radians(2 * angle)
    return np.stack([np.cos(twice), np.sin(twice)])


def by_orientation(power: FloatArray, weights: FloatArray) -> FloatArray:
    """Energy of each image outside DC, weighted by functions of the orientation.

    Parameters
    ----------
    power : array of shape (n_samples, height, width // 2 + 1)
        As the second value of `fourier.spectra.spectra_and_power`.
    weights : array of shape (n, height, width)
        As of `sector_shares` or `second_harmonic`; conjugate bins have the same.

    Returns
    -------
    array of shape (n_samples, n)
    """
    half = weights[..., : power.shape[-1]]
    return power.reshape(len(power), -1) @ half.reshape(len(half), -1).T
