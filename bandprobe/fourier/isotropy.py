"""Energy by orientation compared with that of maps without any preferred orientation."""

from __future__ import annotations

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.bands import radial_frequency
from bandprobe.fourier.plane import second_harmonic, sector_shares
from bandprobe.fourier.spectra import radial_bins

# Steps in which a power that varies within rings is fitted to the means of the rings.
FITS = 20


def oriented(
    energy: FloatArray, harmonic: FloatArray, profile: FloatArray, height: int, width: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """What each image has of each orientation.

    Parameters
    ----------
    energy : array of shape (n_samples, n_orientations)
        Energy in each sector, without DC.
    harmonic : array of shape (n_samples, 2)
        Energy times the cosine and the sine of twice the orientation.
    profile : array of shape (n_samples, n_radii)
        Mean power per bin in each ring; NaN for a ring without bins.
    height, width : int

    Returns
    -------
    share : array of shape (n_samples, n_orientations)
        Of the energy outside DC; NaN for orientations without bins.
    relative : array of the same shape
        Share over that of an isotropic map with the radial profile of the image.
    anisotropy : array of shape (n_samples, 2)
        Mean cosine and mean sine of twice the orientation, weighted by energy, minus those of the
        isotropic map. The first is 1 if all waves change along rows and -1 if all change along
        columns; the second is 1 for the direction towards the upper right, -1 for the lower right.

    Notes
    -----
    Images without energy outside DC are NaN. Twice the angle is what directions without a sign are
    averaged by: Mardia and Jupp, Directional Statistics (2000), section 1.1, on axial data; of the
    power of a Fourier plane, Bigün and Granlund, Optimal orientation detection of linear symmetry
    (ICCV 1987). The length of this mean is never negative, so it is above zero for isotropic maps
    too; its two parts have a sign, and their expectation is zero.
    """
    shares = sector_shares(height, width)
    counts = np.bincount(radial_bins(height, width)[1].ravel(), minlength=profile.shape[1])
    filled = np.nan_to_num(profile)
    rings = filled * counts
    rings[:, 0] = 0.0
    rings = _over(rings, rings.sum(1, keepdims=True))
    total = energy.sum(1, keepdims=True)
    share, turned = _over(energy, total), _over(harmonic, total)
    share[:, shares.sum((1, 2)) == 0] = np.nan
    mean = filled.mean(0)
    relative = _over(share, rings @ isotropic_rings(mean, height, width, shares))
    expected = rings @ isotropic_rings(mean, height, width, second_harmonic(height, width))
    return share, relative, turned - expected


def _over(values: FloatArray, total: FloatArray) -> FloatArray:
    """A ratio; NaN where there is nothing to divide by."""
    whole = np.broadcast_to(total, values.shape)
    return np.divide(values, whole, out=np.full_like(values, np.nan), where=whole > 0)


def isotropic_rings(
    profile: FloatArray, height: int, width: int, weights: FloatArray
) -> FloatArray:
    """What `by_orientation` gives for one unit of energy in each ring, if maps had no orientation.

    Parameters
    ----------
    profile : array of shape (n_radii,)
        Mean power per bin in each ring of `radial_bins`, over images. Within a ring the power is
        taken to change with the radius as between the neighbouring rings: on small grids, and on
        those that are not square, the bins of a ring that are nearest to DC have certain
        orientations.
    height, width : int
    weights : array of shape (n, height, width)

    Returns
    -------
    array of shape (n_radii, n)
        0 for the ring of DC and for rings without bins.
    """
    frequency, index = radial_bins(height, width)
    radius = radial_frequency(height, width)
    ring = index.ravel()
    outside = ring > 0
    counts = np.bincount(ring, minlength=len(frequency))
    log_radius = np.log(radius.ravel()[outside])
    middle = np.bincount(ring[outside], log_radius, len(frequency)) / np.maximum(counts, 1)
    known = (counts > 0) & (np.arange(len(counts)) > 0) & (np.nan_to_num(profile) > 0)
    share = np.ones(ring.size)
    if known.sum() > 1:
        target = np.log(profile[known])
        level = target.copy()
        # The mean over a ring is not the power at its middle: until the means are right.
        for _ in range(FITS):
            share[outside] = np.exp(_continued(log_radius, middle[known], level))
            mean = np.bincount(ring, share, len(frequency)) / np.maximum(counts, 1)
            level += target - np.log(mean[known])
    share /= np.bincount(ring, share, len(frequency))[ring]
    flat = weights.reshape(len(weights), -1)
    sums = [np.bincount(ring, share * row, len(frequency)) for row in flat]
    expected = np.asarray(np.stack(sums, axis=1), np.float64)
    expected[0] = 0.0
    return expected


def _continued(at: FloatArray, x: FloatArray, y: FloatArray) -> FloatArray:
    """Linear interpolation that goes on beyond both ends with the slopes there."""
    values = np.interp(at, x, y)
    for end, neighbour, beyond in ((0, 1, at < x[0]), (-1, -2, at > x[-1])):
        slope = (y[end] - y[neighbour]) / (x[end] - x[neighbour])
        values[beyond] = y[end] + slope * (at[beyond] - x[end])
    return values
