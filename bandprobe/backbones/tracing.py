"""Which module's output an intermediate of a network rearranges, and how.

timm's networks say by `forward_intermediates` what the maps of their blocks and stages are. Such a
map is nearly always the output of a module whose values were only moved: prefix tokens cut off,
tokens laid on a grid, windows put back in raster order, axes turned. Every operation of that kind
is noted while the network runs. Replayed on the positions of the output's values, the same
operations say where each value of the map comes from.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from bandprobe.backbones.layouts import Layout

_ATEN = torch.ops.aten
# Operations that move values and change none.
MOVES = {
    getattr(_ATEN, name)
    for name in [
        "view",
        "_unsafe_view",
        "reshape",
        "_reshape_alias",
        "flatten",
        "permute",
        "transpose",
        "t",
        "slice",
        "narrow",
        "select",
        "split",
        "split_with_sizes",
        "chunk",
        "unbind",
        "squeeze",
        "unsqueeze",
        "expand",
        "clone",
        "contiguous",
        "alias",
        "detach",
        "_to_copy",
        "unflatten",
    ]
}
# What marks a tensor: where its values were moved from, and the modules that returned it.
_MOVED, _RETURNED = "_bandprobe_moved", "_bandprobe_returned"


@dataclass(frozen=True)
class _Move:
    """One operation of `MOVES`; `part` is its result's position where it has several."""

    source: torch.Tensor
    operation: Callable[..., Any]
    arguments: tuple[Any, ...]
    options: Mapping[str, Any]
    part: int | None

    def replay(self, positions: torch.Tensor) -> torch.Tensor:
        options = {
            name: value for name, value in self.options.items() if name not in ("device", "dtype")
        }
        result: Any = self.operation(positions, *self.arguments, **options)
        moved: torch.Tensor = result if self.part is None else result[self.part]
        return moved


@dataclass(frozen=True)
class _Returned:
    """A module whose output a tensor is, or the element of its output."""

    module: str
    element: int | None


class _NoteMoves(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Marks every tensor with the operation that moved its values there."""

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        options = kwargs or {}
        result = func(*args, **options)
        if func.overloadpacket in MOVES and args and isinstance(args[0], torch.Tensor):
            several = isinstance(result, list | tuple)
            for number, tensor in enumerate(result if several else [result]):
                part = number if several else None
                if tensor is not args[0]:
                    setattr(tensor, _MOVED, _Move(args[0], func, args[1:], options, part))
        elif func._schema.is_mutable and args and isinstance(args[0], torch.Tensor):
            # Written over: what a module returned is gone.
            for mark in (_MOVED, _RETURNED):
                if hasattr(args[0], mark):
                    delattr(args[0], mark)
        return result


def tensors_of(output: Any) -> list[tuple[int | None, torch.Tensor]]:
    """The tensors of a module's output, with their positions where it is a tuple or a list."""
    if isinstance(output, torch.Tensor):
        return [(None, output)]
    if not isinstance(output, list | tuple):
        return []
    return [(at, item) for at, item in enumerate(output) if isinstance(item, torch.Tensor)]


@contextmanager
def watched(network: nn.Module, see: Callable[[str, Any], None]) -> Iterator[None]:
    """Hand each module's name and output to `see` as it ends; hooks go when the block ends."""
    handles = []
    try:
        for name, module in network.named_modules():
            if name:
                handles.append(
                    module.register_forward_hook(
                        lambda _module, _inputs, output, name=name: see(name, output)
                    )
                )
        yield
    finally:
        for handle in handles:
            handle.remove()


def declared_layouts(network: nn.Module, image: torch.Tensor) -> dict[str, Layout]:
    """The layers that a network declares by `forward_intermediates`, and how each is laid out.

    A layer has the name of the module whose output the map is. Where one module returns several
    maps, as CrossViT's blocks do, they are `MODULE.outputs.0`, `MODULE.outputs.1` and so on, after
    their positions in the tuple or list.

    Parameters
    ----------
    network : torch.nn.Module
    image : tensor of shape (1, n_channels, height, width)
        Its values do not matter; it may have none, on the device `meta`.

    Returns
    -------
    dict
        From shallow to deep. Empty where the network declares nothing. Maps that are not a module's
        output in an ordinary forward pass are left out: they could not be reached by a hook.
    """
    return dict(one for one in declared_sources(network, image) if one is not None)


def reference_maps(network: nn.Module, image: torch.Tensor) -> list[torch.Tensor]:
    """What `forward_intermediates` gives, (n_samples, channel, y, x) each; empty without it."""
    read = getattr(network, "forward_intermediates", None)
    options: dict[str, Any] = {"intermediates_only": True, "output_fmt": "NCHW"}
    if read is None or not set(options) <= set(inspect.signature(read).parameters):
        return []
    if "coarse" in inspect.signature(read).parameters:
        options["coarse"] = False  # Hiera: every block, not the ends of stages alone
    maps: list[torch.Tensor] = read(image, **options)
    return maps


def declared_sources(network: nn.Module, image: torch.Tensor) -> list[tuple[str, Layout] | None]:
    """Name and layout of each of `reference_maps`, None where no module returns the map."""
    calls: dict[str, list[list[tuple[int | None, tuple[int, ...]]]]] = {}

    def count(name: str, output: Any) -> None:
        shapes = [(at, tuple(tensor.shape)) for at, tensor in tensors_of(output)]
        calls.setdefault(name, []).append(shapes)

    def mark(name: str, output: Any) -> None:
        for at, tensor in tensors_of(output):
            marks = [*getattr(tensor, _RETURNED, ()), _Returned(name, at)]
            setattr(tensor, _RETURNED, marks)

    with torch.inference_mode(mode=False), torch.no_grad():
        image = image.clone()
        with watched(network, mark), _NoteMoves():  # type: ignore[no-untyped-call]
            maps = reference_maps(network, image)
        if maps:
            with watched(network, count):
                network(image)
    stages = [str(stage["module"]) for stage in _feature_info(network)]
    sources = [_source(tensor, calls, set(stages)) for tensor in maps]
    if len(stages) == len(sources):
        # Such as a module that works in place, whose input is the map of the one before.
        sources = [
            source or _by_feature_info(tensor, stage, calls)
            for source, tensor, stage in zip(sources, maps, stages, strict=True)
        ]
    return _named(sources)


def _by_feature_info(
    maps: torch.Tensor, stage: str, calls: Mapping[str, Any]
) -> tuple[_Returned, Layout] | None:
    """The module that `feature_info` names, where it runs once and returns a map of that shape."""
    if calls.get(stage) == [[(None, tuple(maps.shape))]]:
        return _Returned(stage, None), Layout(known=True)
    return None


def _feature_info(network: nn.Module) -> list[dict[str, Any]]:
    info = getattr(network, "feature_info", None)
    return [one for one in info if isinstance(one, dict)] if isinstance(info, list) else []


def _source(
    maps: torch.Tensor, calls: Mapping[str, Any], named: set[str]
) -> tuple[_Returned, Layout] | None:
    """The module that returned a map, and how it lies in what was returned."""
    moves: list[_Move] = []
    tensor = maps
    while True:
        able = [
            one
            for one in getattr(tensor, _RETURNED, ())
            # Once, and of the same shape, in an ordinary pass too.
            if len(calls.get(one.module, ())) == 1
            and (one.element, tuple(tensor.shape)) in calls[one.module][0]
        ]
        layout = _layout(maps, tensor, moves) if able else None
        if layout is not None:
            # The one that the network names, else the outermost, which ends last.
            return next((one for one in able if one.module in named), able[-1]), layout
        move = getattr(tensor, _MOVED, None)
        if move is None:
            return None
        moves.append(move)
        tensor = move.source


def _layout(maps: torch.Tensor, output: torch.Tensor, moves: list[_Move]) -> Layout | None:
    """How a map (1, channel, y, x) lies in an output, if that can be said by a layout."""
    positions = torch.arange(output.numel()).reshape(output.shape)
    origin = positions
    for move in reversed(moves):
        origin = move.replay(origin)
    if origin.shape != maps.shape or origin.ndim != 4:
        return None
    channels, height, width = origin.shape[1:]
    if output.ndim == 4:
        for last in (False, True):
            if torch.equal(origin, positions.permute(0, 3, 1, 2) if last else positions):
                return Layout(channels_last=last, known=True)
        return None
    if output.ndim != 3 or output.shape[2] != channels:
        return None
    tokens = origin[0, 0].flatten() // channels
    laid_out = positions[0, tokens].T.reshape(1, channels, height, width)
    if not torch.equal(origin, laid_out):
        return None
    prefix = output.shape[1] - len(tokens)
    order = (tokens - prefix).tolist()
    if sorted(order) != list(range(len(order))):
        return None
    raster = order == list(range(len(order)))
    return Layout(prefix, (height, width), order=None if raster else tuple(order), known=True)


def _named(
    found: list[tuple[_Returned, Layout] | None],
) -> list[tuple[str, Layout] | None]:
    elements: dict[str, set[int | None]] = {}
    for one in found:
        if one is not None:
            elements.setdefault(one[0].module, set()).add(one[0].element)
    named: list[tuple[str, Layout] | None] = []
    for one in found:
        if one is None:
            named.append(None)
            continue
        source, layout = one
        several = len(elements[source.module]) > 1
        name = f"{source.module}.outputs.{source.element}" if several else source.module
        named.append((name, replace(layout, element=source.element)))
    return named
