"""The literal route: Fourier transform, mask, inverse transform, one band of raw maps at a time.

This is the experiment as one would describe it, on the full complex plane and without shortcuts.
`bandprobe.linear.decompose` computes the same logits for all bands at once; tests and the
single-target command compare the two (`bandprobe.interventions.compare_routes`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import numpy as np
import scipy.fft
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, MapArray
from bandprobe.base.devices import library, put_like
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.fourier.transform import full_fft, unit_phases


def white_noise(
    seed: int, draw: int, samples: Sequence[int], shape: tuple[int, int, int]
) -> MapArray:
    """Real Gaussian white noise for each sample, the same in any order of computation.

    Parameters
    ----------
    seed, draw : int
    samples : sequence of int
        Sample identifiers; each has its own random stream.
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


def project(maps: MapArray, partition: BandPartition, band: int) -> MapArray:
    """Keep only the frequency bins of one band: (..., height, width), real."""
    partition.check(maps.shape)
    return masked(maps, partition.mask(band))


def masked(maps: MapArray, mask: NDArray[np.bool_]) -> MapArray:
    """Keep only the bins of a mask of the full plane, shape (height, width)."""
    if not isinstance(maps, np.ndarray):
        torch = library(maps)
        kept = torch.where(put_like(mask, maps), full_fft(maps), 0)
        on_device: MapArray = torch.fft.ifft2(kept).real
        return on_device
    return _real(np.where(mask, full_fft(maps), 0))


def intervene(
    mode: Mode,
    maps: MapArray,
    partition: BandPartition,
    band: int,
    *,
    mean_map: MapArray | None = None,
    noise: MapArray | None = None,
    other: MapArray | None = None,
) -> MapArray:
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
    maps: MapArray,
    mask: NDArray[np.bool_],
    *,
    mean_map: MapArray | None = None,
    noise: MapArray | None = None,
    other: MapArray | None = None,
) -> MapArray:
    """As `intervene`, on the bins of a mask of the full plane that is closed under conjugation.

    The mask is what is changed: the band itself, or what a mode that keeps bands takes out.
    """
    if mode.kind in ("phase", "noise"):
        change = _turned if mode.kind == "phase" else _with_noise
        return change(maps, mask, _needed(noise, mode, "noise"), mode.strength)
    if mode.kind == "resample":
        return (maps - masked(maps, mask)) + masked(_needed(other, mode, "other maps"), mask)
    # Transform the smaller side, so that changing nothing changes exactly nothing.
    few = mask.sum() * 2 < mask.size
    rest = maps - masked(maps, mask) if few else masked(maps, ~mask)
    if mode.fill == "zero":
        return rest
    filling = np.asarray(_needed(mean_map, mode, "the training mean map"), np.float32)
    return rest + masked(put_like(filling, rest), mask)


def _needed(array: MapArray | None, mode: Mode, what: str) -> MapArray:
    if array is None:
        raise ValueError(f"mode of kind {mode.kind!r} needs {what}")
    return array


def _turned(maps: MapArray, mask: NDArray[np.bool_], noise: MapArray, strength: float) -> MapArray:
    """Each coefficient of the mask times a unit phase."""
    transformed = full_fft(maps)
    noise_transformed = cast("ComplexArray", scipy.fft.fft2(np.asarray(noise, np.float32)))
    phases = unit_phases(noise_transformed, maps.shape[-1], strength)
    return _real(np.where(mask, transformed * phases, transformed))


def _with_noise(
    maps: MapArray, mask: NDArray[np.bool_], noise: MapArray, strength: float
) -> MapArray:
    """Noise confined to the mask is added, `strength` times as strong as what is there."""
    inside, added = masked(maps, mask), masked(noise, mask)
    energy = np.square(inside).sum((-2, -1), keepdims=True)
    of_noise = np.square(added).sum((-2, -1), keepdims=True)
    wanted = np.divide(strength * energy, of_noise, out=np.zeros_like(energy), where=of_noise > 0)
    factor = np.sqrt(wanted)
    return cast("MapArray", maps + factor * added)


def _real(transformed: np.ndarray) -> MapArray:
    """Inverse transform of Hermitian coefficients; the imaginary rest is only rounding."""
    restored: MapArray = scipy.fft.ifft2(transformed).real
    return restored
