"""Frozen backbones, and the maps that their layers give."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bandprobe.backbones.architectures import Wanted, build
from bandprobe.backbones.checkpoints import has_initial_statistics, tensors_digest
from bandprobe.backbones.layers import Layers, missing_element, module_and_element, put_element
from bandprobe.backbones.layouts import (
    Layout,
    Size,
    check_aspect,
    check_open,
    layout_of,
    puts_channels_last,
)
from bandprobe.backbones.tracing import tensors_of
from bandprobe.backbones.untrained import build_twin
from bandprobe.base.arrays import MapArray
from bandprobe.data.images import Preprocess
from bandprobe.errors import ModelError, unknown_name, where_raised
from bandprobe.scoring.network_flags import WEIGHTS_UNTRAINED

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
    weights_source : str
        Where the weights come from, in words.
    layout : Layout, optional
        Of its outputs; what the network says itself where it is left out.
    own_preprocess : mapping
        Keys of the configuration's `preprocess` that come with the network.
    preprocess_source : str
        Where these come from, in words.
    memory_format : torch.memory_format
        Of the inputs; the network's numbers do not depend on it.
    wanted : Wanted, optional
        What it was built from.
    lacking : tuple of str
        Modules of a classifier that the file of weights does not have: they are random.
    looks_untrained : bool
        Whether weights that are said to be trained have batch statistics that no image has changed.
    """

    network: nn.Module
    weights_sha256: str
    weights_source: str = "random"
    layout: Layout | None = None
    own_preprocess: Mapping[str, Any] = field(default_factory=dict)
    preprocess_source: str = "none of its own"
    memory_format: torch.memory_format = torch.channels_last
    wanted: Wanted | None = None
    lacking: tuple[str, ...] = ()
    looks_untrained: bool = False
    _layers: dict[Size, Layers] = field(default_factory=dict, repr=False, compare=False)

    @property
    def facts(self) -> dict[str, str]:
        """What every result of the network keeps: the digest of its weights, and its flags."""
        flags = {"flags": json.dumps([WEIGHTS_UNTRAINED])} if self.looks_untrained else {}
        return {"weights_sha256": self.weights_sha256, **flags}

    @property
    def device(self) -> torch.device:
        """Where its weights are; networks without any are in the machine's memory."""
        first = next(self.network.parameters(), None)
        return torch.device("cpu") if first is None else first.device

    def inputs(self, batch: MapArray) -> torch.Tensor:
        """A batch where the network is, in its memory format."""
        return torch.from_numpy(batch).to(self.device, memory_format=self.memory_format)

    def modules(self) -> dict[str, nn.Module]:
        """Modules by their own names, which are the names of layers."""
        return {name: module for name, module in self.network.named_modules() if name}

    def layers(self, image: torch.Tensor) -> Layers:
        """Its layers for images (sample, channel, y, x) of one size, found out once."""
        size = (int(image.shape[-2]), int(image.shape[-1]))
        if size not in self._layers:
            layout = self.layout or layout_of(self.network)
            image = image[:1].to(self.device, memory_format=self.memory_format)
            self._layers[size] = Layers(self.network, layout, image, self.wanted)
        return self._layers[size]

    def preprocess(self, given: Mapping[str, Any]) -> Preprocess:
        """The preprocessing: what the configuration gives, and the network's own for the rest.

        Raises
        ------
        ConfigError
            If neither has one of the keys.
        """
        return Preprocess.from_config({**self.own_preprocess, **given})

    def input_size(self, given: Mapping[str, Any]) -> Size:
        """Height and width of the input, known even where other keys of `preprocess` are not."""
        size = given.get("size", self.own_preprocess.get("size"))
        if size is None:
            return self.preprocess(given).size  # raises, naming what is missing
        height, width = size
        return int(height), int(width)

    def input_channels(self, given: Mapping[str, Any]) -> int:
        """Channels of the input, by its preprocessing; 3 where that says nothing."""
        if given.get("function"):
            return int(given.get("channels", 3))
        return len(given.get("mean") or self.own_preprocess.get("mean") or (0, 0, 0))


def load_backbone(
    architecture: str,
    weights: str,
    arguments: Mapping[str, Any],
    seed: int,
    weights_file: Path | None,
    weights_sha256: str | None = None,
    layout: Mapping[str, Any] | None = None,
    device: str = "cpu",
    *,
    weights_key: str | None = None,
    weights_prefix: str | None = None,
    untrained: bool = False,
) -> Backbone:
    """A network with weights from a file, published ones, or random ones.

    Parameters
    ----------
    architecture : str
        `timm/NAME`, `torchvision/NAME` or `python/package.module:function`.
    weights : str
        `random`, `pretrained`, `pretrained/TAG`, `file/PATH` or `asset/NAME`.
    arguments : mapping
        Keyword arguments for the architecture.
    seed : int
        Of random weights.
    weights_file : Path, optional
        The file of `file/PATH` and `asset/NAME`.
    weights_sha256 : str, optional
        That the weights' file must have.
    layout : mapping, optional
        How a `python/` network's outputs are laid out, where it does not say so.
    device : str
        Where the network goes once it is complete, as of `bandprobe.base.devices.open_device`.
    weights_key, weights_prefix : str, optional
        Which tensors of a file of weights, where more than one set fills the network.
    untrained : bool
        Whether random weights take the place of these, in the same network with the same input.

    Raises
    ------
    ModelError
        If the architecture is unknown or the weights do not fit it.
    """
    torch.manual_seed(seed)
    chosen = (weights_sha256, weights_key, weights_prefix)
    wanted = Wanted(architecture, weights, arguments, weights_file, *chosen)
    built = build_twin(wanted, lambda: torch.manual_seed(seed)) if untrained else build(wanted)
    network, checkpoint = built.network, built.checkpoint
    network.eval().requires_grad_(False)
    own_code = architecture.startswith("python/")
    random_text = f"random, with the input of {weights}"
    digest = checkpoint.sha256 if checkpoint else tensors_digest(network.state_dict())
    network.to(device)
    if not own_code:
        _channels_last(network)
    return Backbone(
        network,
        digest,
        checkpoint.source if checkpoint else random_text if untrained else weights,
        layout_of(network, layout),
        built.preprocess,
        built.preprocess_source,
        # Code that was written for the usual order may call view(), which fails on the other.
        torch.contiguous_format if own_code else torch.channels_last,
        wanted,
        built.lacking,
        weights != "random" and not untrained and has_initial_statistics(network),
    )


def _channels_last(network: nn.Module) -> None:
    """Weights of convolutions in that memory format; it is defined for four dimensions alone."""
    for tensor in (*network.parameters(), *network.buffers()):
        if tensor.ndim == 4:
            tensor.data = tensor.data.contiguous(memory_format=torch.channels_last)


class _LastLayerReached(Exception):  # noqa: N818 - it ends a pass and is not an error
    """Ends a forward pass when no later layer is wanted."""


@contextmanager
def tapped(
    backbone: Backbone, layers: Sequence[str], sink: MapSink, batch: torch.Tensor
) -> Iterator[nn.Module]:
    """Hand every layer's map to `sink` as soon as it exists; hooks go when the block ends.

    `sink(layer, maps, prefix)` gets maps of shape (n_samples, n_channels, height, width) and the
    prefix tokens of shape (n_samples, n_tokens, n_channels), or None. It must copy what it keeps:
    the network may write over its own activations. Maps and prefix tokens that it returns take the
    place of the layer's output, and may be more or fewer samples. `batch` is of the size of the
    images that follow, (n_samples, n_channels, height, width).
    """
    modules = backbone.modules()
    for layer in layers:
        if module_and_element(layer, modules)[0] not in modules:
            near = [name for name in modules if name.count(".") < 2]
            raise ModelError(unknown_name("layer", layer, near))
        if any(layer == name or layer.startswith(f"{name}.") for name in backbone.lacking):
            raise ModelError(
                f"layer {layer} belongs to the classifier, which the file of weights does not have",
                hint="choose a layer before it, or weights with a classifier",
            )
    known = backbone.layers(batch)
    layouts = {layer: known.layout(layer) for layer in layers}

    def hook(layer: str, layout: Layout) -> Callable[[nn.Module, Any, Any], Any]:
        def receive(_module: nn.Module, _inputs: Any, output: Any) -> Any:
            element = layout.element
            missing_element(layer.partition(".outputs.")[0], element, tensors_of(output))
            tensor = output if element is None else output[element]
            maps, prefix = as_map(backbone.network, layer, tensor, layout, known.size)
            changed = sink(layer, maps, prefix)
            if changed is None:
                return None
            whole = from_map(backbone.network, layer, tensor, *changed, layout)
            return put_element(output, element, whole, len(tensor))

        return receive

    handles = []
    try:
        for layer, layout in layouts.items():
            module = modules[module_and_element(layer, modules)[0]]
            handles.append(module.register_forward_hook(hook(layer, layout)))
        yield backbone.network
    finally:
        for handle in handles:
            handle.remove()


def reduced(precision: str, device: str) -> AbstractContextManager[object]:
    """A block in which convolutions and matrix products have a number format."""
    return nullcontext() if precision == "float32" else torch.autocast(device, torch.bfloat16)


@torch.inference_mode()
def read_layers(
    backbone: Backbone,
    layers: Sequence[str],
    batch: torch.Tensor,
    sink: MapSink,
    precision: str = "float32",
) -> None:
    """One forward pass over a batch, stopped once the last wanted layer has given its map.

    With ``precision="bfloat16"`` PyTorch's autocast runs convolutions and matrix products in it;
    maps may then be handed on in bfloat16.

    Raises
    ------
    ModelError
        If a layer is unknown, is never reached, or its output is not a map.
    """
    waiting = set(layers)

    def receive(layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> None:
        if layer not in waiting:
            raise ModelError(
                f"layer {layer} runs more than once in a forward pass",
                hint="choose a module that runs once, such as the block around it",
            )
        if len(maps) != len(batch):
            raise ModelError(
                f"layer {layer} does not give one output a sample",
                found=f"{len(maps)} outputs for {len(batch)} samples",
                hint="choose the block around it",
            )
        waiting.discard(layer)
        sink(layer, maps, prefix)
        if not waiting:
            raise _LastLayerReached

    try:
        with (
            tapped(backbone, layers, receive, batch) as network,
            reduced(precision, backbone.device.type),
        ):
            network(batch.to(backbone.device, memory_format=backbone.memory_format))
    except _LastLayerReached:
        return
    except (AssertionError, RuntimeError) as error:
        raise ModelError(
            f"the forward pass failed on inputs of {tuple(batch.shape)}",
            found=" ".join(str(error).split())[:400] or where_raised(error),
            hint="do preprocess.size and the number of channels (the length of "
            "preprocess.mean) fit the architecture? A transformer has to be told: "
            "arguments: {img_size: ...}, torchvision's {image_size: ...}",
        ) from error
    raise ModelError(f"layer {sorted(waiting)[0]} is not reached by a forward pass")


def as_map(
    network: nn.Module,
    layer: str,
    output: Any,
    layout: Layout | None = None,
    size: Size | None = None,
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """A layer's output as a map, and its prefix tokens if it has any.

    Patch tokens (n_samples, n_tokens, n_channels) are laid out on their grid; channels-last maps
    are turned to (n_samples, n_channels, height, width).

    Parameters
    ----------
    network : torch.nn.Module
    layer : str
    output : any
        What the layer's module returned.
    layout : Layout, optional
        What the network says itself where it is left out.
    size : (height, width), optional
        Of the network's input in pixels; with it the aspect of the maps is checked.
    """
    if not isinstance(output, torch.Tensor) or output.ndim not in (3, 4):
        found = tuple(output.shape) if isinstance(output, torch.Tensor) else type(output).__name__
        raise ModelError(
            f"layer {layer} gives no map",
            expected="a tensor (sample, channel, y, x) or (sample, token, channel)",
            found=found,
        )
    layout = layout or layout_of(network)
    if output.ndim == 4:
        module = dict(network.named_modules()).get(layer)
        last = puts_channels_last(module, layout)
        maps = output.permute(0, 3, 1, 2) if last else output
        if size is not None and not (layout.known or "channels_last" in layout.configured):
            check_aspect(layer, tuple(maps.shape), size)
            check_open(layer, tuple(output.shape), size, module, layout)
        return maps, None
    grid = layout.grid_for(size)
    n_patches = output.shape[1] - layout.prefix_tokens
    if grid is None or grid[0] * grid[1] != n_patches:
        raise ModelError(
            f"layer {layer}: {n_patches} patch tokens do not fill a grid",
            expected="a patch grid" if grid is None else f"the patch grid {grid}",
            found=f"{output.shape[1]} tokens, {layout.prefix_tokens} of them no patches",
            hint="give the input size to the architecture too: arguments: {img_size: ...}; for a "
            "network of your own: layout: {prefix_tokens: ..., grid: [rows, columns]}",
        )
    if size is not None and not layout.known:
        check_aspect(layer, (1, 1, *grid), size)
    patches = output[:, layout.prefix_tokens :].transpose(1, 2)
    if layout.order is not None:
        patches = patches[:, :, torch.tensor(layout.order, device=patches.device)]
    maps = patches.reshape(len(output), -1, *grid)
    return maps, (output[:, : layout.prefix_tokens] if layout.prefix_tokens else None)


def from_map(
    network: nn.Module,
    layer: str,
    output: torch.Tensor,
    maps: torch.Tensor,
    prefix: torch.Tensor | None,
    layout: Layout | None = None,
) -> torch.Tensor:
    """The inverse of `as_map`: maps and prefix tokens in the format of a layer's output."""
    if output.ndim == 4:
        module = dict(network.named_modules()).get(layer)
        last = puts_channels_last(module, layout or layout_of(network))
        kept = torch.channels_last if not last else torch.contiguous_format
        return (maps.permute(0, 2, 3, 1) if last else maps).contiguous(memory_format=kept)
    if layout is not None and layout.order is not None:
        back = torch.tensor(layout.order, device=maps.device).argsort()
        maps = maps.flatten(2)[:, :, back].reshape(maps.shape)
    patches = maps.flatten(2).transpose(1, 2)
    return patches.contiguous() if prefix is None else torch.cat([prefix, patches], 1)
