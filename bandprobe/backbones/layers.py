"""The layers of a network: the module that each is read from, and how its output is laid out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Any

import torch
from torch import nn

from bandprobe.backbones.architectures import Wanted
from bandprobe.backbones.axes import Passes, passes_at_sizes, shown_layout
from bandprobe.backbones.layouts import Layout, Size
from bandprobe.backbones.tracing import declared_layouts
from bandprobe.errors import ModelError

# A module's name, and the position of one of the tensors that it returns.
_ELEMENT = re.compile(r"(.+)\.outputs\.(\d+)")


def module_and_element(layer: str, modules: dict[str, nn.Module]) -> tuple[str, int | None]:
    """The module that a layer is read from, and which tensor of the tuple or list it returns."""
    matched = _ELEMENT.fullmatch(layer)
    if layer in modules or matched is None:
        return layer, None
    return matched[1], int(matched[2])


class Layers:
    """The layers of a network for inputs of one size; what is known is found out once.

    Parameters
    ----------
    network : torch.nn.Module
    layout : Layout
        Of the whole network.
    image : tensor of shape (1, n_channels, height, width)
    wanted : Wanted, optional
        To build the network again for other sizes, where it takes one alone.
    """

    def __init__(
        self, network: nn.Module, layout: Layout, image: torch.Tensor, wanted: Wanted | None = None
    ) -> None:
        self._network, self._layout, self._image, self._wanted = network, layout, image, wanted
        self._modules = dict(network.named_modules())
        self._found: dict[str, Layout] = {}

    @property
    def size(self) -> Size:
        """Height and width of the input."""
        height, width = self._image.shape[-2:]
        return int(height), int(width)

    @cached_property
    def declared(self) -> dict[str, Layout]:
        """What the network says itself, from shallow to deep; nothing if it cannot run so."""
        try:
            return declared_layouts(self._network, self._image)
        except Exception:
            return {}

    @cached_property
    def passes(self) -> Passes | None:
        """Shapes of all outputs at three sizes."""
        return passes_at_sizes(self._network, self.size, self._wanted, self._image.shape[1])

    @cached_property
    def token_counts(self) -> frozenset[int]:
        """Lengths of all outputs of the shape (sample, token, channel)."""
        plain = {} if self.passes is None else self.passes.plain
        shapes = (shape for tensors in plain.values() for _, shape in tensors)
        return frozenset(shape[1] for shape in shapes if len(shape) == 3)

    def layout(self, layer: str) -> Layout:
        """How a layer's output is laid out.

        What the configuration says goes first, then what the network declares, then what passes at
        other sizes show; where these say nothing it is the layout of the whole network.

        Raises
        ------
        ModelError
            If the passes show that the output is not a map.
        """
        if layer not in self._found:
            self._found[layer] = self._find(layer)
        return self._found[layer]

    def _find(self, layer: str) -> Layout:
        if not self._layout.configured and layer in self.declared:
            return self.declared[layer]
        passes = self.passes
        name, element = module_and_element(layer, self._modules)
        parts = [one for one in self.declared if one.startswith(f"{layer}.outputs.")]
        if parts and not self._layout.configured:
            raise several_maps(layer, parts)
        tensors = () if passes is None else passes.plain.get(name, ())
        if passes is None or not tensors:
            return self._whole(element)
        # Shapes and vectors beside a map are none themselves.
        maps = [at for at, shape in tensors if len(shape) in (3, 4)]
        wanted = [element] if element is not None else maps or [at for at, _ in tensors]
        missing_element(name, element, tensors)
        found: dict[int | None, Layout | None] = {}
        reasons: list[ModelError] = []
        for at in wanted:
            try:
                found[at] = shown_layout(name, at, passes, self._layout, self.declared)
            except ModelError as error:
                reasons.append(error)
        if not found:
            raise reasons[0]
        if len(found) > 1:
            raise several_maps(layer, [f"{layer}.outputs.{at}" for at, _ in tensors])
        ((at, one),) = found.items()
        return one or self._whole(at)

    def origin(self, layer: str) -> str:
        """How the axes of a layer are known; the values are those of `map_check.MapCheck`."""
        if self._layout.configured:
            return "configured"
        if layer in self.declared:
            return "declared"
        # One larger square does not say which side is which.
        both = self.passes is not None and self.passes.taller is not None
        return "followed" if both and self.layout(layer).known else "fixed size"

    def _whole(self, element: int | None) -> Layout:
        return self._layout if element is None else replace(self._layout, element=element)


def several_maps(layer: str, choices: Sequence[str]) -> ModelError:
    """The error for a module that returns several maps, none of which was chosen."""
    return ModelError(
        f"layer {layer} gives several maps",
        expected="one map",
        found=f"{len(choices)} tensors",
        hint=f"choose one of {', '.join(choices)}",
    )


def missing_element(
    module: str, element: int | None, tensors: Sequence[tuple[int | None, Any]]
) -> None:
    """Raise `ModelError` if a module does not return a tensor at that position.

    Parameters
    ----------
    module : str
    element : int, optional
    tensors : sequence of (position, tensor or its shape)
        As of `bandprobe.backbones.tracing.tensors_of`.
    """
    positions = [at for at, _ in tensors]
    if element is None or element in positions:
        return
    single = positions == [None]
    names = ", ".join(f"{module}.outputs.{at}" for at in positions)
    raise ModelError(
        f"layer {module}.outputs.{element} does not exist",
        expected=f"{module}, which returns one tensor" if single else f"one of {names}",
        found=f"{len(positions)} tensors returned",
        hint="outputs are counted from 0",
    )


def put_element(output: Any, element: int | None, changed: torch.Tensor, rows: int) -> Any:
    """A module's output with one tensor replaced.

    Parameters
    ----------
    output : tensor, tuple or list
    element : int, optional
        Position of the tensor that is replaced.
    changed : tensor of shape (n_rows, ...)
        Where these are more rows than before, `n_rows` is a multiple of `rows`.
    rows : int
        Of the tensor that is replaced. The other tensors, which stay as they are, are repeated as
        a whole where there are more rows now, so that rows go together that did.
    """
    if element is None:
        return changed
    copies = len(changed) // rows
    items = [
        item.repeat(copies, *[1] * (item.ndim - 1))
        if copies > 1 and isinstance(item, torch.Tensor) and item.ndim and not len(item) % rows
        else item
        for item in output
    ]
    items[element] = changed
    return items if isinstance(output, list) else tuple(items)
