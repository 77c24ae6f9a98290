"""The naive form of an intervention: the whole network runs again for every target."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from benchmarks.by_hand import band_masks, features, from_map, margins, to_map
from benchmarks.by_hand import white_noise as noise_of
from benchmarks.by_hand_fit import Array, Linear

BATCH = 16


def change(
    mode: Any, maps: torch.Tensor, mask: torch.Tensor, mean_map: torch.Tensor, noise: torch.Tensor
) -> torch.Tensor:
    """One band of some maps changed: full transform, mask of the full plane, inverse transform."""
    spectrum = torch.fft.fft2(maps)
    if mode.kind == "phase":
        phases = torch.fft.fft2(noise)
        changed = torch.where(mask, spectrum * phases / phases.abs(), spectrum)
        return _real(changed)
    kept = ~mask if mode.kind == "remove" else mask
    if mode.fill == "mean":
        spectrum = torch.where(kept, spectrum, torch.fft.fft2(mean_map))
        return _real(spectrum)
    return _real(spectrum * kept)


def _real(spectrum: torch.Tensor) -> torch.Tensor:
    maps: torch.Tensor = torch.fft.ifft2(spectrum).real
    return maps


@torch.inference_mode()
def changed_features(
    network: torch.nn.Module,
    layer: str,
    inputs: torch.Tensor,
    samples: Array,
    mode: Any,
    draw: int,
    mask: Array,
    mean_map: Array,
) -> Array:
    """Maps of a layer after its output was changed, by a run of the network over all inputs."""
    full, mean = torch.from_numpy(mask), torch.from_numpy(mean_map)
    found = []
    part = slice(0, BATCH)

    def replace(_module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> torch.Tensor:
        maps, noise = to_map(network, output), torch.empty(0)
        if mode.kind == "phase":
            drawn = noise_of(mode.seed, draw, samples[part], tuple(maps.shape[1:]))
            noise = torch.from_numpy(drawn)
        return from_map(network, output, change(mode, maps, full, mean, noise))

    def read(_module: torch.nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        found.append(to_map(network, output).contiguous().numpy())

    module = network.get_submodule(layer)
    handles = [module.register_forward_hook(hook) for hook in (replace, read)]
    for start in range(0, len(inputs), BATCH):
        part = slice(start, start + BATCH)
        network(inputs[part].to(memory_format=torch.channels_last))
    for handle in handles:
        handle.remove()
    return np.concatenate(found)


def top1(
    network: torch.nn.Module,
    layer: str,
    inputs: torch.Tensor,
    samples: Array,
    labels: Array,
    mode: Any,
    band: int,
    edges: tuple[float, ...],
    readout: tuple[str, Linear],
    mean_map: Array,
) -> float:
    """Accuracy of one target: one run of the network for each draw of its mode."""
    height, width = mean_map.shape[1:]
    mask = band_masks(edges, height, width, half=False)[band]
    name, linear = readout
    hits = []
    for draw in range(mode.draws):
        maps = changed_features(network, layer, inputs, samples, mode, draw, mask, mean_map)
        hits.append(margins(linear.logits(features(name, maps)), labels) > 0)
    return float(np.mean(hits))
