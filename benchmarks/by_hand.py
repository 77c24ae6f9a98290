"""The basics of a study as one careful script: hooks, FFT, masks, scikit-learn, loops.

Written from the definitions on the page of the method, as a researcher would without a package: the
features of all layers of a network are held in memory in the study's number format, each band is
cut out of the map by an inverse transform, and every changed map goes through the classifiers. It
shares what is easily shared: one pass of the network serves all layers, one transform of a map all
bands and modes, one inverse transform of a band its four fills, one changed map both readouts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import scipy.fft
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import Ridge
from sklearn.preprocessing import KernelCenterer, StandardScaler

Array = NDArray[Any]
# Mode and band: one changed map of every image, once for each draw.
Cell = tuple[str, int]
BLOCK = 64
EDGE_TOLERANCE = 1e-9
CLEAN: Cell = ("clean", 0)
# Where no class leads by more than this share of the logits' deviation, rounding chooses.
LEVEL = 1e-4


class LastLayer(Exception):  # noqa: N818 - it ends a pass, it is no error
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


def calibrated_log_loss(logits: Array, labels: Array) -> float:
    """Log loss a sample at the best temperature, as the study scores its held-out folds."""
    logits = logits - logits.mean(1, keepdims=True)
    logits = logits / logits.std()
    truth = logits[np.arange(len(labels)), labels]

    def loss(log_scale: float) -> float:
        scaled = np.exp(log_scale) * logits
        return float((logsumexp(scaled, axis=1) - np.exp(log_scale) * truth).mean())

    return float(minimize_scalar(loss, bounds=(-7, 7), method="bounded").fun)


def choose_penalty(
    held_out: Callable[[Array, Array], Callable[[float], Array]],
    labels: Array,
    folds: Array,
    penalties: Array,
) -> int:
    """Position of the penalty with the least mean loss over the folds that are left out."""
    losses = []
    for fold in np.unique(folds):
        rest, held = np.flatnonzero(folds != fold), np.flatnonzero(folds == fold)
        predict = held_out(rest, held)
        losses.append([calibrated_log_loss(predict(one), labels[held]) for one in penalties])
    return int(np.mean(losses, axis=0).argmin())


@dataclass(frozen=True)
class Linear:
    """A linear classifier of raw features (n_samples, n_features) and the penalty it has."""

    weights: Array
    intercept: Array
    penalty: float

    def logits(self, features: Array) -> Array:
        """Logits, (n_samples, n_classes)."""
        found: Array = features @ self.weights + self.intercept
        return found


def fit_map(maps: Array, labels: Array, folds: Array, penalties: Sequence[float]) -> Linear:
    """Ridge on whole standardised maps by its kernel, as there are far fewer images than values."""
    var, mean = torch.var_mean(torch.from_numpy(maps).float(), dim=(0, 2, 3), correction=0)
    deviation = torch.sqrt(var).numpy()
    # A channel that never changes but by rounding has scale 1.
    deviation[deviation <= 1e-6 * np.abs(mean.numpy())] = 1
    shape = (1, len(mean), 1, 1)
    z = maps.astype(np.float32)
    z -= mean.numpy().reshape(shape)
    z /= deviation.reshape(shape)
    z = z.reshape(len(z), -1)
    kernel = (z @ z.T).astype(np.float64)
    target = np.eye(labels.max() + 1)[labels]
    centred = KernelCenterer().fit_transform(kernel)
    scaled = np.asarray(penalties) * np.trace(centred) / len(kernel)

    def held_out(rest: Array, held: Array) -> Callable[[float], Array]:
        centre = KernelCenterer().fit(kernel[np.ix_(rest, rest)])
        inner = centre.transform(kernel[np.ix_(rest, rest)])
        outer = centre.transform(kernel[np.ix_(held, rest)])
        base = target[rest].mean(0)

        def predict(alpha: float) -> Array:
            ridge = KernelRidge(alpha=alpha, kernel="precomputed").fit(inner, target[rest] - base)
            return np.asarray(ridge.predict(outer) + base)

        return predict

    chosen = choose_penalty(held_out, labels, folds, scaled)
    ridge = KernelRidge(alpha=scaled[chosen], kernel="precomputed")
    ridge.fit(centred, target - target.mean(0))
    dual = (ridge.dual_coef_ - ridge.dual_coef_.mean(0)).astype(np.float32)
    weights = z.T @ dual
    # Of raw maps: the standardisation goes into the weights.
    intercept = target.mean(0) - z.mean(0) @ weights
    weights = (weights.reshape(*maps.shape[1:], -1) / deviation.reshape(*shape[1:], 1)).reshape(
        weights.shape
    )
    by_channel = weights.reshape(len(mean), -1, weights.shape[1]).sum(1, dtype=np.float64)
    return Linear(weights, intercept - mean.numpy() @ by_channel, penalties[chosen])


def fit_pooled(maps: Array, labels: Array, folds: Array, penalties: Sequence[float]) -> Linear:
    """Ridge on the standardised spatial means."""
    means = maps.mean((2, 3), dtype=np.float32).astype(np.float64)
    scaler = StandardScaler().fit(means)
    z = scaler.transform(means)
    target = np.eye(labels.max() + 1)[labels]
    scaled = np.asarray(penalties) * np.square(z - z.mean(0)).sum() / len(z)

    def held_out(rest: Array, held: Array) -> Callable[[float], Array]:
        return lambda alpha: np.asarray(
            Ridge(alpha=alpha).fit(z[rest], target[rest]).predict(z[held])
        )

    chosen = choose_penalty(held_out, labels, folds, scaled)
    ridge = Ridge(alpha=scaled[chosen]).fit(z, target)
    weights = ridge.coef_.T / scaler.scale_[:, None]
    return Linear(weights, ridge.intercept_ - scaler.mean_ @ weights, penalties[chosen])


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
