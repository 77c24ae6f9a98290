"""Which axes of a module's output are the image's: those that follow its height and its width.

A shape alone does not say it: 64 x 64 x 64 is a map with its channels first or last, 12 x 196 x 196
is attention between patches. So the network runs on tensors without values at three sizes: its own,
twice as high, and twice as wide.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import torch
from torch import nn

from bandprobe.backbones.architectures import Wanted, build
from bandprobe.backbones.layouts import Layout, Size, check_aspect
from bandprobe.backbones.tracing import tensors_of, watched
from bandprobe.errors import ModelError

Shape = tuple[int, ...]
# Of each tensor of a module's output: its position in a tuple or list, and its shape.
Shapes = tuple[tuple[int | None, Shape], ...]
IMAGES = 2
# The argument that architectures of a family take for the size of their input, where they have one.
_SIZE_ARGUMENT = {"timm": "img_size", "torchvision": "input_size"}
# Growth of a side that follows the input's, which doubles; borders and rounding change it a little.
LEAST_GROWTH, MOST_GROWTH = 1.5, 2.7


@dataclass(frozen=True)
class Passes:
    """Shapes of the outputs of a network's modules, by name; modules that run once.

    Attributes
    ----------
    size : (height, width)
        Of the input.
    plain, taller, wider : mapping
        For inputs of that size, of twice the height, and of twice the width; the last two are None
        where the network takes no such sizes.
    larger : mapping, optional
        For inputs of twice the height and the width, where it takes squares alone; None where it
        takes one size alone.
    several : frozenset of str
        Modules that run more than once.
    """

    size: Size
    plain: Mapping[str, Shapes]
    taller: Mapping[str, Shapes] | None
    wider: Mapping[str, Shapes] | None
    larger: Mapping[str, Shapes] | None = None
    several: frozenset[str] = frozenset()


def without_values(network: nn.Module) -> nn.Module:
    """A copy of a network whose tensors have shapes and no values."""
    memo: dict[int, object] = {}
    for tensor in chain(network.parameters(), network.buffers()):
        empty = torch.empty_like(tensor, device="meta")
        is_parameter = isinstance(tensor, nn.Parameter)
        memo[id(tensor)] = nn.Parameter(empty, requires_grad=False) if is_parameter else empty
    return copy.deepcopy(network, memo)


def build_without_values(wanted: Wanted) -> nn.Module:
    """An architecture on the device `meta`, or moved there if it cannot be built on it."""
    try:
        with torch.device("meta"):
            return build(wanted).network.eval()
    except (ModelError, NotImplementedError):
        return build(wanted).network.eval().to("meta")


def passes_at_sizes(
    network: nn.Module, size: Size, wanted: Wanted | None = None, channels: int = 3
) -> Passes | None:
    """Run a network at three sizes.

    Parameters
    ----------
    network : torch.nn.Module
    size : (height, width)
    wanted : Wanted, optional
        To build it again for another size, where it takes one size alone.
    channels : int
        Of the input.

    Returns
    -------
    Passes or None
        None where the network does not run without values.
    """
    try:
        empty = without_values(network)
        several: set[str] = set()
        plain = _shapes(empty, size, channels, several)
    except Exception:
        return None
    height, width = size
    others = (2 * height, width), (height, 2 * width)
    taller, wider = (_shapes_or_none(empty, other, wanted, channels) for other in others)
    larger = None
    if taller is None or wider is None:
        taller = wider = None
        larger = _shapes_or_none(empty, (2 * height, 2 * width), wanted, channels)
    return Passes(size, plain, taller, wider, larger, frozenset(several))


def _shapes_or_none(
    network: nn.Module, size: Size, wanted: Wanted | None, channels: int
) -> dict[str, Shapes] | None:
    try:
        return _shapes(network, size, channels)
    except Exception:
        family = "" if wanted is None else wanted.architecture.partition("/")[0]
        if wanted is None or family not in _SIZE_ARGUMENT:
            return None
    arguments = {**wanted.arguments, _SIZE_ARGUMENT[family]: list(size)}
    try:
        again = build_without_values(Wanted(wanted.architecture, "random", arguments))
        return _shapes(again, size, channels)
    except Exception:
        return None


def _shapes(
    network: nn.Module, size: Size, channels: int, several: set[str] | None = None
) -> dict[str, Shapes]:
    found: dict[str, Shapes] = {}
    again: set[str] = set() if several is None else several

    def see(name: str, output: object) -> None:
        if name in found:
            again.add(name)
        found[name] = tuple((at, tuple(tensor.shape)) for at, tensor in tensors_of(output))

    first = next(network.parameters(), None)
    dtype = torch.float32 if first is None else first.dtype
    with watched(network, see), torch.no_grad():
        network(torch.empty(IMAGES, channels, *size, device="meta", dtype=dtype))
    return {name: shapes for name, shapes in found.items() if name not in again}


def shown_layout(
    layer: str,
    element: int | None,
    passes: Passes,
    layout: Layout,
    declared: Mapping[str, Layout] | None = None,
) -> Layout | None:
    """The layout of one tensor that a module returns, as far as three sizes show it.

    Parameters
    ----------
    layer : str
        Name of the module.
    element : int, optional
        Of the tuple or list that it returns.
    passes : Passes
    layout : Layout
        Of the network.
    declared : mapping, optional
        Of other layers, by name; the grid of tokens is that of a layer of equally many.

    Returns
    -------
    Layout or None
        None where the sizes say nothing, since the network takes one alone.

    Raises
    ------
    ModelError
        If its axes are not those of a map.
    """
    declared = declared or {}
    own = dict(passes.plain.get(layer, ())).get(element)
    if passes.larger is not None:
        if own is not None and len(own) == 3:
            return _tokens_at_one_size(layer, element, own, layout, declared, passes.size)
        return _layout_of_squares(layer, element, passes, layout)
    if passes.taller is None or passes.wider is None:
        if own is not None and len(own) == 3:
            return _tokens_at_one_size(layer, element, own, layout, declared, passes.size)
        return None
    shapes = [
        dict(shapes.get(layer, ())).get(element)
        for shapes in (passes.plain, passes.taller, passes.wider)
    ]
    plain, taller, wider = shapes
    if plain is None or taller is None or wider is None:
        return None
    if any(shape[0] != IMAGES for shape in (plain, taller, wider) if shape):
        raise no_map(
            layer,
            "does not give one output a sample",
            f"{plain[0]} outputs for {IMAGES} samples, then {taller[0]} and {wider[0]}",
        )
    if not len(plain) == len(taller) == len(wider) or len(plain) not in (3, 4):
        raise no_map(layer, "gives no map", f"outputs of shape {_text(plain)} for a sample")
    rows = _following(plain, taller)
    columns = _following(plain, wider)
    if len(plain) == 3:
        return _token_layout(layer, element, shapes, (rows, columns), layout, declared, passes.size)
    if (rows, columns) in (([2], [3]), ([1], [2])):
        for axis, other in ((rows[0], taller), (columns[0], wider)):
            if not LEAST_GROWTH <= other[axis] / plain[axis] <= MOST_GROWTH:
                raise no_map(
                    layer,
                    "has a side that does not follow the input's",
                    f"{plain[axis]}, and {other[axis]} where the input is twice as large",
                )
        return replace(layout, channels_last=rows == [1], element=element, known=True)
    raise no_map(layer, "gives no map", _why(plain, taller, wider))


def _layout_of_squares(
    layer: str, element: int | None, passes: Passes, layout: Layout
) -> Layout | None:
    """As `shown_layout` from one larger size; which side is y is left to their usual order."""
    plain, larger = (
        dict(shapes.get(layer, ())).get(element) for shapes in (passes.plain, passes.larger or {})
    )
    if plain is None or larger is None or len(plain) != 4 or len(larger) != 4:
        return None
    following = _following(plain, larger)
    # Sides of attention between patches grow as the number of patches, fourfold.
    grows = all(LEAST_GROWTH <= larger[axis] / plain[axis] <= MOST_GROWTH for axis in following)
    if following in ([1, 2], [2, 3]) and plain[0] == larger[0] == IMAGES and grows:
        return replace(layout, channels_last=following == [1, 2], element=element, known=True)
    raise no_map(
        layer,
        "gives no map",
        f"outputs of {_text(plain)}, and of {_text(larger)} for an input twice as high and wide",
    )


def no_map(layer: str, what: str, found: str) -> ModelError:
    """The error for an output whose axes are not (sample, channel, y, x) in any order known."""
    return ModelError(
        f"layer {layer} {what}",
        expected="one axis that follows the height of the input, one that follows its width",
        found=found,
        hint="an attention matrix, a table or a window? Choose the block around it",
    )


def _following(plain: Shape, other: Shape) -> list[int]:
    return [axis for axis in range(1, len(plain)) if plain[axis] != other[axis]]


def _text(shape: Shape) -> str:
    return " x ".join(map(str, shape[1:]))


def _why(plain: Shape, taller: Shape, wider: Shape) -> str:
    return (
        f"outputs of {_text(plain)}; of {_text(taller)} for an input twice as high, "
        f"{_text(wider)} for one twice as wide"
    )


def _tokens_at_one_size(
    layer: str,
    element: int | None,
    plain: Shape,
    layout: Layout,
    declared: Mapping[str, Layout],
    size: Size,
) -> Layout | None:
    """As `_token_layout` where the network takes one size or squares alone.

    The prefix is that of the network or of a declared layer, or there is none, as in modules before
    the class token is joined; None unless exactly one of these leaves tokens that fill a grid.
    """
    prefixes = {0, layout.prefix_tokens, *(one.prefix_tokens for one in declared.values())}
    if "prefix_tokens" in layout.configured:
        prefixes = {layout.prefix_tokens}
    sizes = {(grid, prefix) for grid, _ in _grids(layout, declared, size) for prefix in prefixes}
    fit = [prefix for grid, prefix in sizes if grid[0] * grid[1] == plain[1] - prefix]
    if len(fit) != 1:
        return None
    return _on_grid(layer, element, plain[1] - fit[0], fit[0], layout, declared, size)


def _token_layout(
    layer: str,
    element: int | None,
    shapes: Sequence[Shape | None],
    following: tuple[list[int], list[int]],
    layout: Layout,
    declared: Mapping[str, Layout],
    size: Size,
) -> Layout | None:
    plain, taller, wider = (shape or () for shape in shapes)
    if following != ([1], [1]):
        raise no_map(layer, "gives no map", _why(plain, taller, wider))
    n_tokens = plain[1]
    # Twice the patches, and as many prefix tokens.
    prefix = 2 * n_tokens - taller[1]
    if prefix != 2 * n_tokens - wider[1] or prefix < 0:
        return None
    if "prefix_tokens" in layout.configured:
        prefix = layout.prefix_tokens
    return _on_grid(layer, element, n_tokens - prefix, prefix, layout, declared, size)


def _grids(
    layout: Layout, declared: Mapping[str, Layout], size: Size
) -> list[tuple[Size, tuple[str, Layout] | None]]:
    """Grids of tokens that a network may use, and the declared layer that each is of."""
    own = layout.grid_for(size)
    found: list[tuple[Size, tuple[str, Layout] | None]] = []
    if "grid" not in layout.configured:
        found = [(one.grid, (name, one)) for name, one in declared.items() if one.grid is not None]
    return found if own is None else [*found, (own, None)]


def _on_grid(
    layer: str,
    element: int | None,
    n_patches: int,
    prefix: int,
    layout: Layout,
    declared: Mapping[str, Layout],
    size: Size,
) -> Layout | None:
    """The layout of patch tokens on a grid that they fill; the order is that of layers around.

    Raises
    ------
    ModelError
        If layers of as many tokens have another order than the image's, and the module is none of
        their kind: it may lie before the tokens are put in that order, or after they are put back.
    """
    fit = [one for one in _grids(layout, declared, size) if one[0][0] * one[0][1] == n_patches]
    if not fit:
        return None
    grid, of = fit[0]
    order = None if of is None else of[1].order
    if order is not None and layer.partition(".")[0] not in {
        name.partition(".")[0] for name, one in declared.items() if one.order == order
    }:
        raise ModelError(
            f"layer {layer}: the order of its tokens is not known",
            expected="tokens in the order of the image",
            found=f"{n_patches} patch tokens, which layer {of[0] if of else ''} has in another",
            hint="choose a layer that the network declares, a module inside one, or one whose "
            "output has the shape (sample, channel, y, x)",
        )
    check_aspect(layer, (1, 1, *grid), size)
    return replace(
        layout,
        prefix_tokens=prefix,
        grid=grid,
        grid_at=None,
        element=element,
        order=order,
        known=True,
    )
