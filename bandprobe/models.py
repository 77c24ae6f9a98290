"""Frozen backbones, and the maps that their layers give."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import timm
import torch
from safetensors.torch import load_file
from torch import nn

from bandprobe.errors import ModelError, unknown_name

# A map with its prefix tokens, if the layer has any.
Tokens = tuple[torch.Tensor, torch.Tensor | None]
MapSink = Callable[[str, torch.Tensor, torch.Tensor | None], Tokens | None]


@dataclass(frozen=True)
class Backbone:
    """A network in evaluation mode, and what is needed to read its layers as maps.

    Attributes
    ----------
    network : torch.nn.Module
    weights_sha256 : str
        Of the weights file, or of the tensors where the weights are random.
    """

    network: nn.Module
    weights_sha256: str

    def modules(self) -> dict[str, nn.Module]:
        """Modules by their own names, which are the names of layers."""
        return {name: module for name, module in self.network.named_modules() if name}


def load_backbone(
    architecture: str,
    weights: str,
    arguments: Mapping[str, Any],
    seed: int,
    weights_file: Path | None,
) -> Backbone:
    """A timm architecture with weights from a safetensors file, or with random ones.

    timm adapts a checkpoint to the architecture's arguments: a position embedding is resampled
    to another image size.

    Raises
    ------
    ModelError
        If the architecture is unknown or the weights do not fit it.
    """
    name = architecture.removeprefix("timm/")
    if not timm.is_model(name):
        raise ModelError(
            unknown_name("timm architecture", name, timm.list_models(f"*{name[:6]}*")[:20]),
            hint="python -c 'import timm; print(*timm.list_models())' lists all",
        )
    torch.manual_seed(seed)
    try:
        if weights == "random":
            network = timm.create_model(name, **arguments)
        else:
            overlay: dict[str, Any] = {"file": str(weights_file)}
            if arguments.get("num_classes"):
                # Otherwise timm drops a classifier of another size than its own checkpoint's.
                overlay["num_classes"] = arguments["num_classes"]
            network = timm.create_model(
                name, pretrained=True, pretrained_cfg_overlay=overlay, **arguments
            )
    except (RuntimeError, TypeError, ValueError, OSError) as error:
        raise ModelError(
            f"cannot build {architecture} with weights {weights}",
            found=" ".join(str(error).split())[:400],
            hint="check the architecture's arguments and that the weights were made for it",
        ) from error
    if weights_file is not None:
        check_loaded(network, load_file(weights_file), weights_file)
    network.eval().requires_grad_(False)
    network.to(memory_format=torch.channels_last)
    digest = (
        hashlib.sha256(weights_file.read_bytes()).hexdigest()
        if weights_file
        else tensors_digest(network.state_dict())
    )
    return Backbone(network, digest)


def check_loaded(network: nn.Module, stored: Mapping[str, torch.Tensor], file: Path) -> None:
    """Raise `ModelError` unless the network holds the tensors of the file.

    timm passes over a classifier that does not fit, and then over anything else. Only the position
    embedding, which it resamples to the size of the input, may differ.
    """
    held = network.state_dict()
    wrong = [
        name
        for name, tensor in held.items()
        if name != "pos_embed"
        and (name not in stored or not torch.equal(tensor, stored[name].to(tensor.dtype)))
    ]
    if wrong:
        raise ModelError(
            f"{file} does not fill the architecture",
            expected=f"{len(held)} tensors under timm's names",
            found=f"{len(wrong)} that are missing or of another shape: {', '.join(wrong[:3])} ...",
            hint="give the checkpoint's number of classes: arguments: {num_classes: ...}",
        )


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names and values."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


class _LastLayerReached(Exception):  # noqa: N818 - it ends a pass, it is no error
    """Ends a forward pass when no later layer is wanted."""


@contextmanager
def tapped(backbone: Backbone, layers: Sequence[str], sink: MapSink) -> Iterator[nn.Module]:
    """Hand every layer's map to `sink` as soon as it exists; hooks go when the block ends.

    `sink(layer, maps, prefix)` gets maps of shape (n_samples, n_channels, height, width) and the
    prefix tokens of shape (n_samples, n_tokens, n_channels), or None. It must copy what it keeps:
    the network may write over its own activations. Maps and prefix tokens that it returns take the
    place of the layer's output, and may be more or fewer samples.
    """
    modules = backbone.modules()
    for layer in layers:
        if layer not in modules:
            near = [name for name in modules if name.count(".") < 2]
            raise ModelError(unknown_name("layer", layer, near))
    handles = []

    def hook(layer: str) -> Callable[[nn.Module, Any, Any], torch.Tensor | None]:
        def receive(_module: nn.Module, _inputs: Any, output: Any) -> torch.Tensor | None:
            maps, prefix = as_map(backbone.network, layer, output)
            changed = sink(layer, maps, prefix)
            return None if changed is None else from_map(backbone.network, output, *changed)

        return receive

    try:
        for layer in layers:
            handles.append(modules[layer].register_forward_hook(hook(layer)))
        yield backbone.network
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def read_layers(
    backbone: Backbone, layers: Sequence[str], batch: torch.Tensor, sink: MapSink
) -> None:
    """One forward pass over a batch, stopped once the last wanted layer has given its map.

    Raises
    ------
    ModelError
        If a layer is unknown, is never reached, or its output is no map.
    """
    waiting = set(layers)

    def receive(layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> None:
        if layer not in waiting:
            raise ModelError(
                f"layer {layer} runs more than once in a forward pass",
                hint="choose a module that runs once, such as the block around it",
            )
        waiting.discard(layer)
        sink(layer, maps, prefix)
        if not waiting:
            raise _LastLayerReached

    try:
        with tapped(backbone, layers, receive) as network:
            network(batch.to(memory_format=torch.channels_last))
    except _LastLayerReached:
        return
    except (AssertionError, RuntimeError) as error:
        raise ModelError(
            f"the forward pass failed on inputs of {tuple(batch.shape)}",
            found=" ".join(str(error).split())[:400],
            hint="does preprocess.size fit the architecture (arguments: {img_size: ...})?",
        ) from error
    raise ModelError(f"layer {sorted(waiting)[0]} is not reached by a forward pass")


def as_map(network: nn.Module, layer: str, output: Any) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A layer's output as a map, and its prefix tokens if it has any.

    Patch tokens (n_samples, n_tokens, n_channels) are laid out on their grid; channels-last maps
    are turned to (n_samples, n_channels, height, width).
    """
    if not isinstance(output, torch.Tensor) or output.ndim not in (3, 4):
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ModelError(
            f"layer {layer} gives no map",
            expected="a tensor (sample, channel, y, x) or (sample, token, channel)",
            found=found,
        )
    if output.ndim == 4:
        last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        return (output.permute(0, 3, 1, 2) if last else output), None
    n_prefix = int(getattr(network, "num_prefix_tokens", 0))
    grid = getattr(getattr(network, "patch_embed", None), "grid_size", None)
    n_patches = output.shape[1] - n_prefix
    if grid is None or grid[0] * grid[1] != n_patches:
        raise ModelError(
            f"layer {layer}: {n_patches} patch tokens do not fill a grid",
            expected=f"the patch grid {grid}",
            hint="give the input size to the architecture too: arguments: {img_size: ...}",
        )
    patches = output[:, n_prefix:].transpose(1, 2)
    maps = patches.reshape(len(output), -1, *grid)
    return maps, (output[:, :n_prefix] if n_prefix else None)


def from_map(
    network: nn.Module, output: torch.Tensor, maps: torch.Tensor, prefix: torch.Tensor | None
) -> torch.Tensor:
    """The inverse of `as_map`: maps and prefix tokens in the format of a layer's output."""
    if output.ndim == 4:
        last = getattr(network, "output_fmt", "NCHW") == "NHWC"
        kept = torch.channels_last if not last else torch.contiguous_format
        return (maps.permute(0, 2, 3, 1) if last else maps).contiguous(memory_format=kept)
    patches = maps.flatten(2).transpose(1, 2)
    return patches.contiguous() if prefix is None else torch.cat([prefix, patches], 1)
