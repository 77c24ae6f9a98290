"""Networks with weights that no two tensors share, and their layers read by plain hooks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bandprobe.backbones.backbone import Backbone, load_backbone, read_layers


def scramble(network: nn.Module, seed: int = 0) -> nn.Module:
    """Other values in every tensor, so that one that was not loaded shows; stable to run."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for tensor in network.state_dict().values():
            if tensor.is_floating_point():
                noise = torch.rand(tensor.shape, generator=generator)
                tensor.mul_(0.9 + 0.2 * noise).add_(0.04 * (noise - 0.5))
    return network.eval()


@torch.inference_mode()
def outputs(network: nn.Module, layers: Sequence[str], batch: torch.Tensor) -> dict[str, Any]:
    """What the modules return, without anything of bandprobe."""
    found: dict[str, Any] = {}
    modules = dict(network.named_modules())
    handles = [
        modules[layer].register_forward_hook(
            lambda _m, _i, output, layer=layer: found.__setitem__(layer, output.clone())
        )
        for layer in layers
    ]
    network(batch)
    for handle in handles:
        handle.remove()
    return found


def maps(
    backbone: Backbone, layers: Sequence[str], batch: torch.Tensor
) -> dict[str, tuple[torch.Tensor, torch.Tensor | None]]:
    """Maps and prefix tokens of layers, as extraction reads them."""
    found = {}

    def keep(layer: str, values: torch.Tensor, prefix: torch.Tensor | None) -> None:
        found[layer] = values.clone(), None if prefix is None else prefix.clone()

    read_layers(backbone, layers, batch, keep)
    return found


def loaded(architecture: str, file: Path, **arguments: Any) -> Backbone:
    """A backbone with the weights of a file."""
    return load_backbone(architecture, f"file/{file}", arguments, 0, file)


def assert_close(found: torch.Tensor, expected: torch.Tensor) -> None:
    """Equal to 1e-4 of the standard deviation, which must be there."""
    spread = expected.std().item()
    assert spread > 1e-3
    assert found.shape == expected.shape
    assert (found - expected).abs().max().item() < 1e-4 * spread
