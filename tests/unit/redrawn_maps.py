"""Made-up maps of two splits, and literal fits to any of them: standardise, transform, solve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bandprobe.fourier.bands import Bands
from bandprobe.linear.joint_grams import JointGrams
from bandprobe.linear.map_sums import centre_maps
from bandprobe.linear.standardise import channel_moments

TRAIN, EVALUATION, CLASSES = 48, 20, 3
PENALTIES = np.array([1e-3, 1e-2, 0.1, 1.0, 10.0])
BANDS = Bands(("low", "mid", "high"), (0.3, 0.8))
GRIDS = [(6, 6), (5, 5), (4, 7), (7, 6)]


def made_maps(
    rng: np.random.Generator, grid: tuple[int, int]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Maps of training and evaluation images whose classes are in several bands, DC among them."""
    labels = np.arange(TRAIN + EVALUATION) % CLASSES
    maps = rng.normal(size=(len(labels), 4, *grid)) * np.array([1, 2, 5, 0.5])[:, None, None]
    y, x = np.meshgrid(*map(np.arange, grid), indexing="ij")
    for label in range(CLASSES):
        wave = np.cos(2 * np.pi * (label * y / grid[0] + x / grid[1])) + 0.3 * label
        maps[labels == label, 1] += 1.5 * wave
    return (maps + 3).astype(np.float32), labels


def literal(maps: NDArray[np.float32], readout: str) -> NDArray[np.float64]:
    """Maps as a readout gets them: standardised by the training maps of the study."""
    values = maps.astype(np.float64)
    if readout == "pattern":
        scale = centre_maps(maps[:TRAIN])[2]
        return (values - values.mean((2, 3), keepdims=True)) / scale[:, None, None]
    mean, scale = channel_moments(maps[:TRAIN])
    return (values - mean[:, None, None]) / scale[:, None, None]


def joint(maps: NDArray[np.float32], readouts: tuple[str, ...]) -> JointGrams:
    grams = JointGrams(BANDS.on_grid(*maps.shape[2:]), readouts)
    for part in (slice(0, 1), slice(1, 4)):
        grams.add_slab(maps[:TRAIN, part].copy(), maps[TRAIN:, part].copy())
    grams.complete()
    return grams


def literal_logits(
    standard: NDArray[np.float64],
    rows: NDArray[np.intp],
    labels: NDArray[np.int64],
    penalty: float,
    others: NDArray[np.intp],
) -> tuple[list[NDArray[np.float64]], NDArray[np.float64]]:
    """Logits of other maps without each band in turn, and of the whole ones, by least squares.

    The band is taken out by the transform, and the mean of the fitted maps put in its place.
    """
    flat = standard.reshape(len(standard), -1)
    centre = flat[rows].mean(0)
    design, target = flat[rows] - centre, np.eye(CLASSES)[labels[rows]]
    ridge = design.T @ design + penalty * np.eye(flat.shape[1])
    weights = np.linalg.solve(ridge, design.T @ (target - target.mean(0)))
    partition = BANDS.on_grid(*standard.shape[2:])
    changed = []
    for band in range(len(BANDS.names)):
        kept = partition.mask(band)

        def only(maps: NDArray[np.float64], mask: NDArray[np.bool_] = kept) -> NDArray[np.float64]:
            found: NDArray[np.float64] = np.fft.ifft2(np.fft.fft2(maps) * mask).real
            return found

        swapped = standard[others] - only(standard[others]) + only(standard[rows].mean(0))
        changed.append((swapped.reshape(len(others), -1) - centre) @ weights + target.mean(0))
    return changed, (flat[others] - centre) @ weights + target.mean(0)
