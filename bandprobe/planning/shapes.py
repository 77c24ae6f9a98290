"""Shapes of the maps of a backbone and costs of its passes, without weights or images."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from bandprobe.backbones.architectures import Wanted, build
from bandprobe.backbones.axes import IMAGES, no_map
from bandprobe.backbones.backbone import Backbone, as_map, load_backbone, read_layers
from bandprobe.backbones.layers import module_and_element
from bandprobe.backbones.layouts import layout_of
from bandprobe.backbones.tracing import watched
from bandprobe.backbones.untrained import build_twin
from bandprobe.errors import ModelError
from bandprobe.planning.map_shapes import PIXELS, LayerShape, PassShape, image_passes
from bandprobe.study.study import Model


def pass_shapes(model: Model) -> tuple[PassShape, ...]:
    """Every pass of a model, computed on tensors with shapes but no values.

    Raises
    ------
    ModelError
        If the architecture or a layer is unknown, or the output of a layer is not a map.
    """
    if model.architecture == PIXELS:
        return image_passes(model)
    backbone = without_values(model)
    height, width = backbone.input_size(model.preprocess)
    parameters = sum(tensor.numel() for tensor in backbone.network.parameters())
    channels = backbone.input_channels(model.preprocess)
    image = torch.empty(1, channels, height, width, device="meta")
    passes = []
    for layers in model.passes:
        shapes, flops = _dry_pass(backbone, layers, image)
        passes.append(PassShape(shapes, flops, parameters))
    return tuple(passes)


def without_values(model: Model) -> Backbone:
    """A model whose tensors have shapes and no values."""
    wanted = Wanted(model.architecture, _known_weights(model), model.arguments)
    make = partial(build, wanted)
    if wanted.pretrained:
        make = partial(build_twin, wanted, lambda: None)  # no numbers are wanted
    try:
        with torch.device("meta"):
            built = make()
    except (ModelError, NotImplementedError):
        built = make()  # a few architectures compute with their weights as they are built
    network = built.network.eval().to("meta")
    layout = layout_of(network, model.layout)
    own = (built.preprocess, built.preprocess_source)
    return Backbone(network, "none", "none", layout, *own, torch.contiguous_format, wanted)


def _known_weights(model: Model) -> str:
    """Published weights, which say what the input is; files are not read here."""
    return model.weights if model.weights.partition("/")[0] == "pretrained" else "random"


def _dry_pass(
    backbone: Backbone, layers: Sequence[str], image: torch.Tensor
) -> tuple[tuple[LayerShape, ...], int]:
    shapes: dict[str, LayerShape] = {}

    def note(layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> None:
        tokens = 0 if prefix is None else int(prefix.shape[1])
        channels, height, width = (int(size) for size in maps.shape[1:])
        shapes[layer] = LayerShape(layer, channels, height, width, tokens)

    known = backbone.layers(image)
    for layer in layers:
        known.layout(layer)  # found out by passes of its own, which are not to be counted
    with FlopCounterMode(display=False) as counter:
        read_layers(backbone, layers, image, note)
    return tuple(shapes[layer] for layer in layers), int(counter.get_total_flops())


@dataclass(frozen=True)
class ModuleShape:
    """One module of a network, and whether it can be a layer of a study.

    Attributes
    ----------
    name, kind : str
        Its name, which is also the name of the layer, and its class.
    output : str
        Shape of its output for one image, as text.
    layer : LayerShape, optional
        The shape of its map; None if its output is not a map.
    reason : str
        Why it cannot be a layer; empty if it can.
    declared : bool
        Whether the network itself says that it is one, by timm's `forward_intermediates`.
    """

    name: str
    kind: str
    output: str
    layer: LayerShape | None
    reason: str
    declared: bool = False


def module_shapes(model: Model) -> tuple[tuple[ModuleShape, ...], tuple[int, int]]:
    """Every module of a network, and the input's height and width.

    The layers that the network declares come first, from shallow to deep; then all other modules in
    the order in which they end.

    Raises
    ------
    ModelError
        If the architecture is unknown, or the pass fails.
    """
    backbone = without_values(model)
    size = backbone.input_size(model.preprocess)
    channels = backbone.input_channels(model.preprocess)
    images = torch.empty(IMAGES, channels, *size, device="meta")
    outputs: dict[str, Any] = {}
    again: set[str] = set()

    def see(name: str, output: Any) -> None:
        if name in outputs:
            again.add(name)
        outputs.pop(name, None)
        outputs[name] = output

    try:
        with watched(backbone.network, see), torch.inference_mode():
            backbone.network(images)
    except (AssertionError, RuntimeError) as error:
        raise ModelError(
            f"the forward pass of {model.architecture} fails on an input of {size[0]} x {size[1]}",
            found=" ".join(str(error).split())[:400],
        ) from error
    modules = backbone.modules()
    declared = list(backbone.layers(images).declared)
    found = []
    for layer in dict.fromkeys([*declared, *outputs]):
        name, element = module_and_element(layer, modules)
        output = outputs[name] if element is None else outputs[name][element]
        shape, reason = None, "runs more than once in a pass"
        if name not in again:
            shape, reason = _as_layer(backbone, layer, outputs[name], images)
        kind = type(modules[name]).__name__
        found.append(
            ModuleShape(layer, kind, _shape_text(output), shape, reason, layer in declared)
        )
    return tuple(found), size


def _as_layer(
    backbone: Backbone, layer: str, output: Any, images: torch.Tensor
) -> tuple[LayerShape | None, str]:
    known = backbone.layers(images)
    try:
        layout = known.layout(layer)
        tensor = output if layout.element is None else output[layout.element]
        maps, prefix = as_map(backbone.network, layer, tensor, layout, known.size)
        if len(maps) != len(images):
            raise no_map(layer, "does not give one output a sample", f"{len(maps)} outputs")
    except ModelError as error:
        return None, str(error).splitlines()[0].removeprefix(f"layer {layer}").strip(": ")
    tokens = 0 if prefix is None else int(prefix.shape[1])
    channels, height, width = (int(side) for side in maps.shape[1:])
    return LayerShape(layer, channels, height, width, tokens), ""


def _shape_text(output: Any) -> str:
    if isinstance(output, torch.Tensor):
        return " x ".join(str(size) for size in output.shape[1:])
    return type(output).__name__


def images_per_second(model: Model, batch: int, seconds: float) -> float:
    """Speed of the bare forward pass to the last layer, with random weights, on this machine."""
    weights = _known_weights(model)
    given = (model.architecture, weights, model.arguments, model.seed, None)
    backbone = load_backbone(*given, layout=model.layout, untrained=weights != "random")
    channels = backbone.input_channels(model.preprocess)
    images = torch.zeros(batch, channels, *backbone.input_size(model.preprocess))
    last = [model.layers[-1]]
    read_layers(backbone, last, images, lambda *_: None)
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < seconds:
        read_layers(backbone, last, images, lambda *_: None)
        count += batch
    return count / (time.perf_counter() - begin)
