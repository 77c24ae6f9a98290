"""The fast route held against the literal one, on stored features of a study."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.bands import Bands
from bandprobe.compose import isolate, remove, replace
from bandprobe.decompose import band_logits, blank_logits, phase_band_logits
from bandprobe.fitted import Readout, read_readout
from bandprobe.intervene import intervene, white_noise
from bandprobe.modes import Mode
from bandprobe.probe import readout_logits
from bandprobe.store import Store

FloatArray = NDArray[np.float64]


def fast_logits(
    mode: Mode,
    maps: NDArray[np.float32],
    readout: Readout,
    bands: Bands,
    samples: NDArray[np.int64],
) -> FloatArray:
    """Logits of every band and draw, (n_bands, n_draws, n_samples, n_classes), by band logits."""
    weights = readout.by_band(bands.on_grid(*maps.shape[-2:]))
    mean = readout.channel_mean[:, None, None]
    logits = band_logits(maps - mean, weights)
    if mode.kind == "phase":
        turned = [
            phase_band_logits(
                maps,
                white_noise(mode.seed, draw, samples.tolist(), maps.shape[1:]),
                readout.channel_mean,
                weights,
            )
            for draw in range(mode.draws)
        ]
        return np.stack([replace(logits, one, readout.intercept) for one in turned], axis=1)
    fill = (
        blank_logits(readout.channel_mean, weights)
        if mode.fill == "zero"
        else band_logits((readout.mean_map - mean)[None], weights)[:, 0]
    )
    change = remove if mode.kind == "remove" else isolate
    return change(logits, fill, readout.intercept)[:, None]


def literal_logits(
    mode: Mode,
    maps: NDArray[np.float32],
    readout: Readout,
    bands: Bands,
    samples: NDArray[np.int64],
) -> FloatArray:
    """The same by transform, mask, inverse transform and the readout's definition."""
    partition = bands.on_grid(*maps.shape[-2:])
    rows = []
    for band in range(len(bands)):
        draws = []
        for draw in range(mode.draws):
            noise = (
                white_noise(mode.seed, draw, samples.tolist(), maps.shape[1:])
                if mode.kind == "phase"
                else None
            )
            changed = intervene(mode, maps, partition, band, mean_map=readout.mean_map, noise=noise)
            draws.append(logits_of(changed, readout))
        rows.append(np.stack(draws))
    return np.stack(rows)


def logits_of(maps: NDArray[np.float32], readout: Readout) -> FloatArray:
    """Logits of raw maps by the readout's definition."""
    return readout_logits(
        maps, readout.weights, readout.intercept, readout.channel_mean, readout.channel_scale
    )


def largest_difference(
    mode: Mode, features: Path, layer: str, probe: Path, bands: Bands, n_samples: int
) -> float:
    """Largest difference of any logit between both routes, in units of their standard deviation.

    Parameters
    ----------
    mode : Mode
    features, probe : Path
        Stores of the evaluation features and of the readout.
    layer : str
    bands : Bands
    n_samples : int
        Evaluation maps to compare on, from the first.
    """
    store, readout = Store(features), read_readout(probe)
    maps = np.asarray(store.array(layer)[:n_samples], np.float32)
    samples = store.read("sample")[:n_samples]
    fast = fast_logits(mode, maps, readout, bands, samples)
    literal = literal_logits(mode, maps, readout, bands, samples)
    spread = float(logits_of(maps, readout).std())
    return float(np.abs(fast - literal).max()) / spread
