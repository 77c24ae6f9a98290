"""The basics of a study as one careful script: hooks, FFT, masks, scikit-learn, loops.

Written from the definitions on the page of the method, as a researcher would without a package: the
features of all layers of a network are held in memory in the study's number format, each band is
cut out of the map by an inverse transform, and every changed map goes through the classifiers. It
shares what is easily shared: one pass of the network serves all layers, one transform of a map all
bands and modes, one inverse transform of a band its four fills, one changed map both readouts. The
readouts are in `benchmarks/by_hand_fit.py`; nothing of bandprobe is imported in either.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.fft
import torch

from benchmarks.by_hand_fit import Array, Linear

# Mode and band: one changed map of every image, once for each draw.
Cell = tuple[str, int]
BLOCK = 64
EDGE_TOLERANCE = 1e-9
CLEAN: Cell = ("clean", 0)
# Where no class leads by more than this share of the logits' deviation, rounding chooses.
LEVEL = 1e-4


class LastLayer(Exception):  # noqa: N818 - it ends a pass and is not an error
    """Ends a forward pass at the last layer that is wanted."""


def to_map(network: torch.nn.Module, output: torch.Tensor) -> torch.Tensor:
    """A layer's output as (sample, channel, y, x); tokens without prefix, on the patch grid."""
    if output.ndim == 4:
        return output
    prefix: Any = network.num_prefix_tokens
    height, width = network.patch_embed.grid_size  # type: ignore[union-attr, misc]
    patches = output[:, prefix:].transpose(1, 2)
    return patches.reshape(len(output), -1, height, width)


def from_map(network: torch.nn.Module, output: torch.Tensor, maps: torch.Tensor) -> torch.Tensor:
    """A changed map in the place of the layer's own, in the format of its output."""
    if output.ndim == 4:
        return maps.contiguous(memory_format=torch.channels_last)
    prefix: Any = network.num_prefix_tokens
    return torch.cat([output[:, :prefix], maps.flatten(2).transpose(1, 2)], 1)


@torch.inference_mode()
def read_features(
    network: torch.nn.Module,
    layers: Sequence[str],
    batches: Iterable[torch.Tensor],
    n_samples: int,
    dtype: torch.dtype,
) -> dict[str, Array]:
    """Maps of all layers, (n_samples, channels, height, width) each, in one pass of the network."""
    found: dict[str, torch.Tensor] = {}
    row = 0

    def keep(layer: str) -> Callable[[torch.nn.Module, Any, torch.Tensor], None]:
        def hook(_module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> None:
            maps = to_map(network, output)
            if layer not in found:
                found[layer] = torch.empty((n_samples, *maps.shape[1:]), dtype=dtype)
            found[layer][row : row + len(maps)] = maps
            if layer == layers[-1]:
                raise LastLayer

        return hook

    handles = [network.get_submodule(name).register_forward_hook(keep(name)) for name in layers]
    for batch in batches:
        try:
            network(batch.to(memory_format=torch.channels_last))
        except LastLayer:
            row += len(batch)
    for handle in handles:
        handle.remove()
    return {layer: maps.numpy() for layer, maps in found.items()}


def band_masks(
    edges: Sequence[float], height: int, width: int, *, half: bool = True
) -> list[Array]:
    """Bins of each radial band in the half plane of a real FFT; Nyquist is 1 on each axis."""
    columns = 2 * (scipy.fft.rfftfreq(width) if half else scipy.fft.fftfreq(width))
    rows = 2 * scipy.fft.fftfreq(height)
    radius = np.hypot(rows[:, None], columns[None]) + EDGE_TOLERANCE
    bounds = [0.0, *edges, np.inf]
    return [(radius >= low) & (radius < high) for low, high in pairwise(bounds)]


def white_noise(seed: int, draw: int, samples: Array, shape: tuple[int, ...]) -> Array:
    """The study's own random stream for each image and draw."""
    noise = np.empty((len(samples), *shape), np.float32)
    for row, sample in enumerate(samples):
        stream = np.random.SFC64(np.random.SeedSequence([seed, draw, int(sample)]))
        np.random.Generator(stream).standard_normal(dtype=np.float32, out=noise[row])
    return noise


def turn_phases(spectrum: Array, mode: Any, draw: int, samples: Array, width: int) -> Array:
    """Coefficients times the phases of the FFT of real noise, so that maps stay real."""
    shape = (spectrum.shape[1], spectrum.shape[2], width)
    phases = scipy.fft.rfft2(white_noise(mode.seed, draw, samples, shape))
    phases /= np.abs(phases)
    phases *= spectrum
    return np.asarray(phases)


def changed_maps(
    maps: Array, samples: Array, masks: Sequence[Array], modes: Sequence[Any], mean_map: Array
) -> Iterator[tuple[Cell, Array]]:
    """Every band of some maps changed in every mode, one after the other."""
    size = maps.shape[-2:]
    spectrum, mean_spectrum = scipy.fft.rfft2(maps), scipy.fft.rfft2(mean_map)
    turned = {
        (mode.name, draw): turn_phases(spectrum, mode, draw, samples, size[1])
        for mode in modes
        if mode.kind == "phase"
        for draw in range(mode.draws)
    }
    for band, mask in enumerate(masks):
        if not mask.any():
            continue
        inside = scipy.fft.irfft2(spectrum * mask, s=size)
        outside = maps - inside
        fill = scipy.fft.irfft2(mean_spectrum * mask, s=size)
        for mode in modes:
            if mode.kind == "phase":
                for draw in range(mode.draws):
                    mixed = np.where(mask, turned[mode.name, draw], spectrum)
                    yield (mode.name, band), scipy.fft.irfft2(mixed, s=size)
                continue
            kept, gap = (outside, fill) if mode.kind == "remove" else (inside, mean_map - fill)
            yield (mode.name, band), kept + gap if mode.fill == "mean" else kept


def margins(logits: Array, labels: Array) -> Array:
    """Logit of the true class minus the highest other, (n_samples,); above zero is correct."""
    truth = logits[np.arange(len(labels)), labels]
    others = np.where(np.eye(logits.shape[1], dtype=bool)[labels], -np.inf, logits).max(1)
    return np.asarray(truth - others)


@dataclass(frozen=True)
class Scores:
    """What one readout scores, by mode and band; the untouched maps are the cell `CLEAN`.

    Attributes
    ----------
    penalty : float
    top1, margin : dict of float
        Means over images and draws.
    spread : float
        Deviation of the untouched maps' logits, where it was computed.
    level : set
        Cells in which no class leads in any image, and accuracy is what rounding makes of it.
    """

    penalty: float
    top1: dict[Cell, float]
    margin: dict[Cell, float]
    spread: float = np.nan
    level: frozenset[Cell] = frozenset()


def score_layer(
    maps: Array,
    samples: Array,
    labels: Array,
    readouts: dict[str, Linear],
    masks: Sequence[Array],
    modes: Sequence[Any],
    mean_map: Array,
) -> dict[str, Scores]:
    """Scores of every readout under every mode on every band of one layer's evaluation maps."""
    found: dict[str, dict[Cell, list[Array]]] = {name: {} for name in readouts}
    spread = {}
    for name, one in readouts.items():
        logits = one.logits(features(name, maps))
        spread[name] = float(logits.std())
        found[name][CLEAN] = [margins(logits, labels)]
    for start in range(0, len(maps), BLOCK):
        part = slice(start, start + BLOCK)
        block = maps[part].astype(np.float32)
        for cell, changed in changed_maps(block, samples[part], masks, modes, mean_map):
            for name, one in readouts.items():
                own = margins(one.logits(features(name, changed)), labels[part])
                found[name].setdefault(cell, []).append(own)
    scores = {}
    for name, one in readouts.items():
        whole = {cell: np.concatenate(rows) for cell, rows in found[name].items()}
        scores[name] = Scores(
            one.penalty,
            {cell: float((values > 0).mean()) for cell, values in whole.items()},
            {cell: float(values.mean()) for cell, values in whole.items()},
            spread[name],
            frozenset(c for c, v in whole.items() if np.abs(v).max() <= LEVEL * spread[name]),
        )
    return scores


def features(readout: str, maps: Array) -> Array:
    """What a readout is linear in: the spatial means, or the whole map in one row."""
    if readout == "pooled":
        return np.asarray(maps.mean((2, 3), dtype=np.float32))
    return maps.reshape(len(maps), -1).astype(np.float32, copy=False)
