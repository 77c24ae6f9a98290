"""What a feature map contains: energy per band, power per ring, centroid, half diagonal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, FloatArray, MapArray
from bandprobe.fourier.bands import EDGE_TOLERANCE, BandPartition, radial_frequency
from bandprobe.fourier.transform import multiplicity, power, real_fft

Window = Literal["none", "hann"]
# Keeps the logarithm of a silent bin finite; the value of Park and Kim's code.
AMPLITUDE_FLOOR = 1e-6


@dataclass(frozen=True)
class MapSpectra:
    """Spectra of some maps, one row per sample.

    Attributes
    ----------
    energy, energy_without_dc : array of shape (n_samples, n_bands)
        Sums over channels and over the bins of the full plane, in squared feature units.
    profile : array of shape (n_samples, n_radii)
        Mean power per bin in the rings of `radial_bins`, averaged over channels, in squared
        feature units; NaN for a ring without bins.
    centroid, centroid_without_dc : array of shape (n_samples,)
        Mean radial frequency of all bins, weighted by their energy, Nyquist = 1; NaN where there
        is not energy.
    delta_log_amplitude : array of shape (n_samples, n_diagonal)
        See `delta_log_amplitude`.
    """

    energy: FloatArray
    energy_without_dc: FloatArray
    profile: FloatArray
    centroid: FloatArray
    centroid_without_dc: FloatArray
    delta_log_amplitude: FloatArray


def map_spectra(maps: MapArray, partition: BandPartition, window: Window = "none") -> MapSpectra:
    """All spectra of some maps, from one transform per map (two with a window).

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)
    partition : BandPartition
        For the same height and width.
    window : "none" or "hann"
        What each map is multiplied by after its mean was subtracted; see `hann_window`. The zero
        frequency and `delta_log_amplitude` are those of the map without a window.

    Raises
    ------
    GridMismatchError
        If `partition` was made for another grid; the message gives both.

    Notes
    -----
    Without a window the energies of all bands sum to ``sum(maps ** 2)`` (Parseval).

    Examples
    --------
    >>> import numpy as np
    >>> from bandprobe import Bands, map_spectra
    >>> maps = np.random.default_rng(0).standard_normal((4, 3, 8, 8), np.float32)
    >>> spectra = map_spectra(maps, Bands(("low", "high"), (0.5,)).on_grid(8, 8))
    >>> spectra.energy.shape, spectra.centroid.shape
    ((4, 2), (4,))
    >>> bool(np.allclose(spectra.energy.sum(1), (maps**2).sum((1, 2, 3))))
    True
    """
    return spectra_and_power(maps, partition, window)[0]


def spectra_and_power(
    maps: MapArray, partition: BandPartition, window: Window = "none"
) -> tuple[MapSpectra, FloatArray]:
    """As `map_spectra`, with the power of each half-plane bin that they are sums of.

    The power has the shape (n_samples, height, width // 2 + 1) and is summed over channels; a bin
    that stands for its conjugate too has that of both.
    """
    partition.check(maps.shape)
    n_channels, height, width = maps.shape[1:]
    # Without its mean a constant map is exactly zero outside the zero frequency.
    mean = maps.mean((-2, -1), dtype=np.float64, keepdims=True)
    centred = maps - mean.astype(np.float32)
    transformed = real_fft(centred)
    zero = mean[..., 0, 0] * (height * width)
    delta = delta_log_amplitude(transformed, zero, width)
    if window == "hann":
        centred *= hann_window(height, width)
        transformed = real_fft(centred)
    without_dc = _summed_power(transformed, width)
    # What a window moves to the zero frequency comes from neighbouring bins.
    without_dc[:, 0, 0] = 0.0
    total = without_dc.copy()
    total[:, 0, 0] = np.square(zero).sum(1) / (height * width)
    n_bands = len(partition.bands)
    spectra = MapSpectra(
        energy=_grouped(total, partition.half_index, n_bands),
        energy_without_dc=_grouped(without_dc, partition.half_index, n_bands),
        profile=_ring_power(total, width) / n_channels,
        centroid=_centroid(total, width),
        centroid_without_dc=_centroid(without_dc, width),
        delta_log_amplitude=delta,
    )
    return spectra, total


def join_spectra(parts: Sequence[MapSpectra]) -> MapSpectra:
    """Spectra of several blocks of samples as one."""
    names = [item.name for item in fields(MapSpectra)]
    return MapSpectra(**{n: np.concatenate([getattr(part, n) for part in parts]) for n in names})


def band_energy(maps: MapArray, partition: BandPartition) -> FloatArray:
    """Energy of every radial band of every map.

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)
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
    Summed over bands this is the spatial energy, ``sum(maps ** 2)`` (Parseval).

    Examples
    --------
    A wave of three cycles on 16 columns has a frequency of 3 / 8 Nyquist:

    >>> import numpy as np
    >>> from bandprobe import Bands, band_energy
    >>> wave = np.cos(2 * np.pi * 3 * np.arange(16) / 16, dtype=np.float32)
    >>> maps = np.broadcast_to(wave, (1, 1, 16, 16))
    >>> grid = Bands(("low", "mid", "high"), (0.3, 0.7)).on_grid(16, 16)
    >>> band_energy(maps, grid).round(3)[0, 0]
    array([  0., 128.,   0.])
    """
    partition.check(maps.shape)
    return _grouped(power(maps), partition.half_index, len(partition.bands))


def rounding_energy(maps: MapArray, partition: BandPartition, mantissa: int) -> FloatArray:
    """Energy that the rounding of stored values is expected to have in each band.

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)
        As read from a number format, in single precision.
    partition : BandPartition
    mantissa : int
        Bits of the format's mantissa: 10 for float16, 23 for float32.

    Returns
    -------
    array of shape (n_samples, n_bands)
        Summed over channels, in squared feature units: errors are uniform within a step of the
        format, ``step ** 2 / 12``, and white. A band with less than that holds rounding alone.
    """
    partition.check(maps.shape)
    # The bits of the exponent alone are the largest power of two that a value exceeds.
    exponents = np.ascontiguousarray(maps, np.float32).view(np.uint32) & np.uint32(0x7F800000)
    step = exponents.view(np.float32).reshape(len(maps), -1)
    squares = np.einsum("np,np->n", step, step, dtype=np.float64) * 4.0**-mantissa / 12
    energy: FloatArray = np.outer(squares, partition.counts / partition.counts.sum())
    return energy


def bins_without_dc(partition: BandPartition) -> NDArray[np.int64]:
    """Full-plane bins of each band, without the zero frequency; shape (n_bands,)."""
    bins = partition.counts.copy()
    bins[partition.dc_band] -= 1
    return bins


def density(energy: FloatArray, bins: NDArray[np.int64]) -> FloatArray:
    """Energy per bin, of the shape of `energy`, (..., n_bands); NaN where a band has no bins.

    White noise has the same density in all bands, whatever their number of bins.
    """
    return np.divide(energy, bins, out=np.full_like(energy, np.nan), where=bins > 0)


def radial_bins(height: int, width: int) -> tuple[FloatArray, NDArray[np.intp]]:
    """Annuli one frequency step of the shorter side wide, and the annulus of every bin.

    The first holds DC alone; bins that are nearer to it than half a step belong to the second. A
    side of a single position has no frequencies, so the step is that of the other. Bins of equal
    radius share an annulus.

    Returns
    -------
    frequency : array of shape (n_radii,)
        Centres of the annuli, 0 for DC, in units of Nyquist.
    index : array of shape (height, width)
        Annulus of every bin of the full plane.
    """
    step = 2.0 / min((side for side in (height, width) if side > 1), default=1)
    # Radii that lie on a border up to rounding belong to the outer annulus, as with bands.
    index = np.floor(radial_frequency(height, width) / step + 0.5 + EDGE_TOLERANCE).astype(np.intp)
    index[index == 0] = 1
    index[0, 0] = 0
    frequency = np.arange(int(index.max()) + 1, dtype=np.float64) * step
    return frequency.astype(np.float64), index


def cycles_per_image(frequency: FloatArray, height: int, width: int) -> FloatArray:
    """Radial frequency in cycles along the shorter side of the map, from units of Nyquist."""
    return frequency * (min(height, width) / 2)


def diagonal_frequency(height: int, width: int) -> FloatArray:
    """Frequencies of the half diagonal, on each axis, Nyquist = 1; shape (n_diagonal,).

    They run from 0 to the last one below Nyquist; an even side has a bin at Nyquist, which the
    half diagonal of Park and Kim's code leaves out, and so it is left out here. Only a square
    grid has exact bins on its diagonal; for any other the array is empty.
    """
    if height != width:
        return np.empty(0, np.float64)
    return np.arange((height + 1) // 2, dtype=np.float64) * (2.0 / height)


def delta_log_amplitude(transformed: ComplexArray, zero: FloatArray, width: int) -> FloatArray:
    """Log amplitude on the half diagonal, relative to the zero frequency.

    Parameters
    ----------
    transformed : array of shape (n_samples, n_channels, height, width // 2 + 1)
        Unnormalised real FFT of maps without a window; its zero frequency is not used.
    zero : array of shape (n_samples, n_channels)
        The zero frequency of the same maps, their sums.
    width : int
        Of the maps.

    Returns
    -------
    array of shape (n_samples, n_diagonal)
        Natural logarithms, averaged over channels; the first is 0. The frequencies are those of
        `diagonal_frequency`; where there are none, ``n_diagonal`` is 0.

    Notes
    -----
    The Fourier analysis of Park and Kim, How Do Vision Transformers Work? (ICLR 2022), figures 2a
    and 8: the log of the modulus plus 1e-6, averaged over channels, on the diagonal from the
    centre of the shifted plane, minus its first value. Their mean over images is the mean of
    these values.
    """
    position = np.arange(len(diagonal_frequency(transformed.shape[-2], width)))
    if not len(position):
        return np.empty((len(transformed), 0))
    amplitude = np.abs(transformed[:, :, position, position]).astype(np.float64)
    amplitude[:, :, 0] = np.abs(zero)
    level = np.log(amplitude + AMPLITUDE_FLOOR).mean(1)
    relative: FloatArray = level - level[:, :1]
    return relative


def hann_window(height: int, width: int) -> FloatArray:
    """A Hann window at the centres of the positions, shape (height, width).

    It is mirror-symmetric, and scaled so that white noise whose mean is subtracted first keeps its
    expected energy outside the zero frequency. A window cannot be inverted: for spectra only.
    """
    sides = (np.sin(np.pi * (np.arange(n) + 0.5) / n) ** 2 for n in (height, width))
    raw = np.outer(*sides)
    size = raw.size
    # Expected energy outside DC of unit white noise without its mean, times the window.
    kept = np.square(raw).sum() * (1 - 2 / size) + np.square(raw.sum() / size)
    scale = np.sqrt((size - 1) / kept) if size > 1 else 1.0
    return (raw * scale).astype(np.float32)


def _summed_power(transformed: ComplexArray, width: int) -> FloatArray:
    """Power of each half-plane bin as in `fourier.power`, summed over channels."""
    height = transformed.shape[-2]
    # Real and imaginary parts as neighbours.
    parts = np.ascontiguousarray(transformed).view(np.float32)
    squared = np.einsum("schp,schp->shp", parts, parts).astype(np.float64)
    summed: FloatArray = squared[..., ::2] + squared[..., 1::2]
    summed *= multiplicity(height, width) / (height * width)
    return summed


def _ring_power(summed: FloatArray, width: int) -> FloatArray:
    frequency, index = radial_bins(summed.shape[-2], width)
    bins = np.bincount(index.ravel(), minlength=len(frequency))
    return density(_grouped(summed, index[:, : width // 2 + 1], len(frequency)), bins)


def _centroid(summed: FloatArray, width: int) -> FloatArray:
    radius = radial_frequency(summed.shape[-2], width)[:, : width // 2 + 1]
    total: FloatArray = summed.sum((1, 2))
    moment: FloatArray = np.einsum("shw,hw->s", summed, radius)
    return np.divide(moment, total, out=np.full_like(total, np.nan), where=total > 0)


def _grouped(values: MapArray | FloatArray, index: NDArray[np.intp], n_groups: int) -> FloatArray:
    """Sum the last two axes of `values` by the group of each bin: (..., n_groups)."""
    group = index.ravel()
    rows = values.reshape(-1, group.size)
    sums: FloatArray = np.empty((len(rows), n_groups))
    for number in range(len(rows)):
        sums[number] = np.bincount(group, rows[number], n_groups)
    return sums.reshape(*values.shape[:-2], n_groups)
