"""How each family of networks is read: its layers, compared with what the library says they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from bandprobe.backbones.architectures import Wanted
from bandprobe.backbones.axes import build_without_values
from bandprobe.backbones.backbone import Backbone, Tokens, load_backbone, read_layers
from bandprobe.backbones.layouts import Layout, Size
from bandprobe.backbones.map_check import check_maps
from bandprobe.backbones.tracing import declared_sources, reference_maps
from bandprobe.errors import BandprobeError
from bandprobe.head.variants import own_outputs, plain_outputs, replaced_outputs
from bandprobe.planning.suggest import chosen_layers

# Most of the standard deviation that logits may differ by where an unchanged map is put back.
CLEAN = 1e-3


@dataclass(frozen=True)
class Surveyed:
    """One architecture.

    Attributes
    ----------
    architecture : str
    size : (height, width)
        Of the input.
    layouts : mapping of str to Layout
        The layers that the network declares.
    error : float
        Largest difference between a layer's map and the library's, over all layers, as a share of
        the map's standard deviation; NaN where there is none to compare.
    missing : int
        Maps of the library's that no module returns.
    head : str
        Why the rest of the network cannot go on from the last layer; empty if it can.
    oblong : (height, width), optional
        A size that is not square and that the network takes.
    oblong_error : float
        As `error`, at that size; infinite where the layers are others than at its own size.
    """

    architecture: str
    size: Size
    layouts: Mapping[str, Layout]
    error: float
    missing: int
    head: str
    oblong: Size | None
    oblong_error: float


def survey(architecture: str) -> Surveyed:
    """Read all the layers that a network declares, and compare each with the library's own map.

    Raises
    ------
    ModelError
        If the architecture cannot be built, or a layer be read.
    """
    backbone = load_backbone(architecture, "random", {}, 0, None)
    fill_zeros(backbone.network)
    height, width = backbone.own_preprocess["size"]
    size = (int(height), int(width))
    layouts, missing, error = compare(backbone, size)
    head = head_fault(backbone, list(layouts)[-1], size) if layouts else ""
    oblong, oblong_error = None, float("nan")
    for other, arguments in oblong_sizes(architecture, size):
        try:
            if arguments:
                backbone = load_backbone(architecture, "random", arguments, 0, None)
                fill_zeros(backbone.network)
            others, _, oblong_error = compare(backbone, other)
        except (BandprobeError, RuntimeError, IndexError):
            continue  # some find out with values alone
        oblong = other
        if list(others) != list(layouts):
            oblong_error = float("inf")
        break
    return Surveyed(architecture, size, layouts, error, missing, head, oblong, oblong_error)


def fill_zeros(network: nn.Module) -> None:
    """Small weights where all of a tensor's are zero: a classifier of zeros tells nothing apart."""
    generator = torch.Generator().manual_seed(0)
    for tensor in network.parameters():
        if not tensor.any():
            tensor.copy_(torch.randn(tensor.shape, generator=generator) * 0.02)


def compare(backbone: Backbone, size: Size) -> tuple[dict[str, Layout], int, float]:
    """The declared layers at one size, how many maps no module returns, and the largest error."""
    batch = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    inputs = backbone.inputs(batch.numpy())
    sources = declared_sources(backbone.network, inputs)
    with torch.inference_mode():
        reference = reference_maps(backbone.network, inputs)
    layouts = dict(one for one in sources if one is not None)
    maps: dict[str, torch.Tensor] = {}

    def keep(layer: str, values: torch.Tensor, _prefix: torch.Tensor | None) -> None:
        maps[layer] = values.clone()

    if layouts:
        read_layers(backbone, list(layouts), batch, keep)
    errors = [
        _difference(maps[source[0]], expected)
        for source, expected in zip(sources, reference, strict=True)
        if source is not None
    ]
    missing = sum(source is None for source in sources)
    return layouts, missing, max(errors, default=float("nan"))


def _difference(found: torch.Tensor, expected: torch.Tensor) -> float:
    if found.shape != expected.shape:
        return float("inf")
    return float((found - expected).abs().max() / expected.std())


def head_fault(backbone: Backbone, layer: str, size: Size) -> str:
    """Why the rest of a network cannot go on from a layer; empty if it can.

    Two copies of the unchanged maps take the place of the layer's output, which must give the
    logits of a plain pass twice.
    """
    images = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0)).numpy()

    def twice(maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        tokens = None if prefix is None else torch.cat([prefix, prefix])
        return torch.cat([maps, maps]), tokens

    try:
        plain = plain_outputs(backbone, images, own_outputs)
        found = replaced_outputs(backbone, layer, images, twice, own_outputs)
    except BandprobeError as error:
        return str(error).splitlines()[0].partition(": ")[2]
    difference = np.abs(found - np.concatenate([plain, plain])).max()
    return "" if difference <= CLEAN * plain.std() else "something goes around the layer"


def oblong_sizes(architecture: str, size: Size) -> Iterator[tuple[Size, dict[str, Any]]]:
    """Sizes that are not square and that a network seems to take, and the arguments it then needs.

    Tried without values, which some networks notice later.
    """
    height, width = size
    for other in ((height, width * 3 // 2), (height, 2 * width)):
        for arguments in ({}, {"img_size": list(other)}):
            try:
                network = build_without_values(Wanted(architecture, "random", arguments))
                with torch.no_grad():
                    network(torch.empty(1, 3, *other, device="meta"))
            except Exception:  # whatever a network makes of a size that it does not take
                continue
            yield other, dict(arguments)


def layouts_text(layouts: Mapping[str, Layout]) -> str:
    """How the layers of a network are returned, in words."""
    texts = dict.fromkeys(_layout_text(layout) for layout in layouts.values())
    return "; ".join(texts)


def _layout_text(layout: Layout) -> str:
    if layout.grid is None:
        text = "channels last" if layout.channels_last else "channels first"
    else:
        text = f"tokens, {layout.prefix_tokens} of them prefix"
    text += "" if layout.order is None else ", in another order"
    return text if layout.element is None else f"{text}, element {layout.element}"


def survey_modules(architecture: str) -> dict[str, str]:
    """The layers that are proposed for a network that declares none, and the check of each."""
    layers = [one.layer for one in chosen_layers(architecture, None)]
    backbone = load_backbone(architecture, "random", {}, 0, None)
    height, width = backbone.own_preprocess["size"]
    checks = check_maps(backbone, layers, (int(height), int(width)))
    return {layer: check.place for layer, check in checks.items()}
