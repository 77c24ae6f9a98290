"""The literal route: Fourier transform, mask, inverse transform, one band of raw maps at a time.

This is the experiment as one would describe it, done on the full complex plane and without any
shortcut. `bandprobe.linear.decompose` gets the same logits for all bands at once; tests and the
single-target command hold one against the other.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, FloatArray
from bandprobe.base.devices import library, put_like
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.fourier.transform import unit_phases


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
    return masked(maps, partition.mask(band))


def masked(maps: FloatArray, mask: NDArray[np.bool_]) -> FloatArray:
    """Keep only the bins of a mask of the full plane, shape (height, width)."""
    if not isinstance(maps, np.ndarray):
        torch = library(maps)
        kept = torch.where(put_like(mask, maps), torch.fft.fft2(maps), 0)
        on_device: FloatArray = torch.fft.ifft2(kept).real
        return on_device
    transformed = scipy.fft.fft2(np.asarray(maps, np.float32))
    return _real(np.where(mask, transformed, 0))


def intervene(
    mode: Mode,
    maps: FloatArray,
    partition: BandPartition,
    band: int,
    *,
    mean_map: FloatArray | None = None,
    noise: FloatArray | None = None,
    other: FloatArray | None = None,
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
        Real white noise, needed by ``phase`` and ``noise``.
    other : array of the shape of `maps`, optional
        Maps of other images, needed by ``resample``.

    Returns
    -------
    array of the shape of `maps`

    Raises
    ------
    GridMismatchError
        If `partition` was made for another grid.
    ValueError
        If the array that the mode needs was not given.

    Examples
    --------
    >>> import numpy as np
    >>> from bandprobe import Bands, Mode, intervene
    >>> maps = np.random.default_rng(0).standard_normal((4, 3, 8, 8), np.float32)
    >>> bands = Bands(("low", "high"), (0.5,))
    >>> grid, band = bands.on_grid(8, 8), bands.position("low")
    >>> rest = intervene(Mode("remove", "remove"), maps, grid, band)
    >>> alone = intervene(Mode("isolate", "isolate"), maps, grid, band)
    >>> bool(np.allclose(rest + alone, maps, atol=1e-5))
    True

    With the mean of the maps in place of what is removed, their mean stays:

    >>> filled = intervene(Mode("m", "remove", "mean"), maps, grid, band, mean_map=maps.mean(0))
    >>> bool(np.allclose(filled.mean(0), maps.mean(0), atol=1e-5))
    True
    """
    partition.check(maps.shape)
    kept = kept_bands(mode.kind, len(partition.bands))[band]
    return intervene_mask(
        mode, maps, ~kept[partition.index], mean_map=mean_map, noise=noise, other=other
    )


def intervene_mask(
    mode: Mode,
    maps: FloatArray,
    mask: NDArray[np.bool_],
    *,
    mean_map: FloatArray | None = None,
    noise: FloatArray | None = None,
    other: FloatArray | None = None,
) -> FloatArray:
    """As `intervene`, on the bins of a mask of the full plane that is closed under conjugation.

    The mask holds what is changed: the band itself, or what a mode that keeps bands takes out.
    """
    if mode.kind in ("phase", "noise"):
        given = _needed(noise, mode, "noise")
        change = _turned if mode.kind == "phase" else _drowned
        return change(maps, mask, given, mode.strength)
    if mode.kind == "resample":
        return (maps - masked(maps, mask)) + masked(_needed(other, mode, "other maps"), mask)
    # From the smaller side, so that nothing at all is exactly nothing.
    few = mask.sum() * 2 < mask.size
    rest = maps - masked(maps, mask) if few else masked(maps, ~mask)
    if mode.fill == "zero":
        return rest
    filling = np.asarray(_needed(mean_map, mode, "the training mean map"), np.float32)
    return rest + masked(put_like(filling, rest), mask)


def _needed(array: FloatArray | None, mode: Mode, what: str) -> FloatArray:
    if array is None:
        raise ValueError(f"mode of kind {mode.kind!r} needs {what}")
    return array


def _turned(
    maps: FloatArray, mask: NDArray[np.bool_], noise: FloatArray, strength: float
) -> FloatArray:
    """Each coefficient of the mask times a unit phase."""
    transformed = scipy.fft.fft2(np.asarray(maps, np.float32))
    noise_transformed = cast("ComplexArray", scipy.fft.fft2(np.asarray(noise, np.float32)))
    phases = unit_phases(noise_transformed, maps.shape[-1], strength)
    return _real(np.where(mask, transformed * phases, transformed))


def _drowned(
    maps: FloatArray, mask: NDArray[np.bool_], noise: FloatArray, strength: float
) -> FloatArray:
    """Noise confined to the mask is added, `strength` times as strong as what is there."""
    inside, added = masked(maps, mask), masked(noise, mask)
    own = np.square(inside).sum((-2, -1), keepdims=True)
    its = np.square(added).sum((-2, -1), keepdims=True)
    factor = np.sqrt(np.divide(strength * own, its, out=np.zeros_like(own), where=its > 0))
    return cast("FloatArray", maps + factor * added)


def _real(transformed: np.ndarray) -> FloatArray:
    """Inverse transform of Hermitian coefficients; the imaginary residue is rounding alone."""
    restored: FloatArray = scipy.fft.ifft2(transformed).real
    return restored
