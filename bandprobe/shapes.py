"""What the layers of a backbone will give, found without weights and without images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch.utils.flop_counter import FlopCounterMode

from bandprobe.architectures import Wanted, build
from bandprobe.layouts import layout_of
from bandprobe.models import Backbone, load_backbone, read_layers
from bandprobe.study import Model

PIXELS = "pixels"


@dataclass(frozen=True)
class LayerShape:
    """One layer's map of one image, and its prefix tokens.

    Attributes
    ----------
    layer : str
    channels, height, width : int
    tokens : int
        Prefix tokens, each of `channels` values.
    """

    layer: str
    channels: int
    height: int
    width: int
    tokens: int = 0

    @property
    def dimensions(self) -> int:
        """Values of one map."""
        return self.channels * self.height * self.width

    @property
    def stored(self) -> int:
        """Values that are stored of one image."""
        return self.dimensions + self.tokens * self.channels


@dataclass(frozen=True)
class PassShape:
    """One forward pass: its layers, and what it takes.

    Attributes
    ----------
    layers : tuple of LayerShape
    flops : int
        Floating-point operations an image, multiplications and additions counted apart, as far as
        the pass goes.
    parameters : int
        Of the whole network.
    """

    layers: tuple[LayerShape, ...]
    flops: int
    parameters: int


def pass_shapes(model: Model) -> tuple[PassShape, ...]:
    """Every pass of a model, from tensors that have a shape and no values.

    Raises
    ------
    ModelError
        If the architecture or a layer is unknown, or a layer gives no map.
    """
    if model.architecture == PIXELS:
        height, width = model.preprocess["size"]
        return (PassShape((LayerShape("input", 3, height, width),), 0, 0),)
    backbone = _without_values(model)
    height, width = backbone.preprocess(model.preprocess).size
    parameters = sum(tensor.numel() for tensor in backbone.network.parameters())
    image = torch.empty(1, 3, height, width, device="meta")
    found = []
    for layers in model.passes:
        shapes, flops = _dry_pass(backbone, layers, image)
        found.append(PassShape(shapes, flops, parameters))
    return tuple(found)


def _without_values(model: Model) -> Backbone:
    wanted = Wanted(model.architecture, "random", model.arguments, None, None)
    with torch.device("meta"):
        built = build(wanted)
    network = built.network.eval()
    layout = layout_of(network, model.layout)
    own = (built.preprocess, built.preprocess_source)
    return Backbone(network, "none", "none", layout, *own, torch.contiguous_format)


def _dry_pass(
    backbone: Backbone, layers: Sequence[str], image: torch.Tensor
) -> tuple[tuple[LayerShape, ...], int]:
    shapes: dict[str, LayerShape] = {}

    def note(layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> None:
        tokens = 0 if prefix is None else int(prefix.shape[1])
        channels, height, width = (int(size) for size in maps.shape[1:])
        shapes[layer] = LayerShape(layer, channels, height, width, tokens)

    with FlopCounterMode(display=False) as counter:
        read_layers(backbone, layers, image, note)
    return tuple(shapes[layer] for layer in layers), int(counter.get_total_flops())


def images_per_second(model: Model, batch: int, seconds: float) -> float:
    """Speed of the bare forward pass to the last layer, with random weights, on this machine."""
    given = (model.architecture, "random", model.arguments, model.seed, None)
    backbone = load_backbone(*given, layout=model.layout)
    images = torch.zeros(batch, 3, *backbone.preprocess(model.preprocess).size)
    last = [model.layers[-1]]
    read_layers(backbone, last, images, lambda *_: None)
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        read_layers(backbone, last, images, lambda *_: None)
        count += batch
    return count / (time.perf_counter() - begin)
