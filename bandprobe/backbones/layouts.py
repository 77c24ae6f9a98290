"""How the outputs of a network's modules are laid out: channels, prefix tokens, the patch grid."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer
from torchvision.ops.misc import Permute

from bandprobe.errors import ModelError

Size = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """Where the channels are, which tokens are not patches, and how the patches lie.

    Attributes
    ----------
    prefix_tokens : int
        Tokens (CLS, registers) before those of the patches.
    grid : (rows, columns), optional
        Of the patches; None where the outputs are not tokens.
    grid_at : callable, optional
        From the height and width of the input to the grid, where it follows them.
    channels_last : bool
        Whether 4-D outputs are (sample, y, x, channel).
    configured : frozenset of str
        Keys that the configuration gives; they go before all else.
    element : int, optional
        Position of the map in the tuple or list that the module returns.
    order : tuple of int, optional
        Number of the patch token at each place of the grid, row by row; None where that is their
        own order.
    known : bool
        Whether this is the layout of one layer, said by the library or shown by passes at other
        sizes. It holds as it is; otherwise it is the whole network's, and the kind of a module may
        say otherwise.
    """

    prefix_tokens: int = 0
    grid: Size | None = None
    grid_at: Callable[[Size], Size] | None = None
    channels_last: bool = False
    configured: frozenset[str] = frozenset()
    element: int | None = None
    order: tuple[int, ...] | None = None
    known: bool = False

    def grid_for(self, size: Size | None) -> Size | None:
        """The patch grid of an input of a height and width, as far as it depends on them."""
        return self.grid if self.grid_at is None or size is None else self.grid_at(size)


def layout_of(network: nn.Module, given: Mapping[str, Any] | None = None) -> Layout:
    """The layout of a network: timm's attributes, torchvision's classes, or the configuration's.

    Parameters
    ----------
    network : torch.nn.Module
    given : mapping, optional
        The configuration's `prefix_tokens`, `grid` and `channels_last`; each goes before what the
        network says itself.
    """
    given = given or {}
    own = _own_layout(network)
    grid = _pair(given["grid"]) if "grid" in given else own.grid
    return Layout(
        prefix_tokens=int(given.get("prefix_tokens", own.prefix_tokens)),
        grid=grid,
        grid_at=None if "grid" in given else own.grid_at,
        channels_last=bool(given.get("channels_last", own.channels_last)),
        configured=frozenset(given),
    )


def _own_layout(network: nn.Module) -> Layout:
    """What a network's class or its attributes say."""
    if isinstance(network, VisionTransformer):
        side = network.image_size // network.patch_size
        return Layout(1, (side, side))
    if isinstance(network, SwinTransformer):
        return Layout(channels_last=True)
    embed: Any = getattr(network, "patch_embed", None)
    follow = None
    if embed is not None and not getattr(embed, "strict_img_size", True):
        follow = getattr(embed, "dynamic_feat_size", None) or _by_patches(embed)
    return Layout(
        int(getattr(network, "num_prefix_tokens", 0)),
        _pair(getattr(embed, "grid_size", None)),
        follow,
        getattr(network, "output_fmt", "NCHW") == "NHWC",
    )


def _by_patches(embed: Any) -> Callable[[Size], Size] | None:
    """The grid by the size of a patch, for networks without timm's `dynamic_feat_size`."""
    patch = _pair(getattr(embed, "patch_size", None))
    return None if patch is None else lambda size: (size[0] // patch[0], size[1] // patch[1])


def _pair(value: Any) -> Size | None:
    """A height and a width, where one number stands for both."""
    if value is None:
        return None
    return (int(value), int(value)) if isinstance(value, int) else (int(value[0]), int(value[1]))


def puts_channels_last(module: nn.Module | None, layout: Layout) -> bool:
    """Whether a module's 4-D output is (sample, y, x, channel); some kinds of modules fix it."""
    if layout.known:
        return layout.channels_last
    if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
        return False
    if isinstance(module, nn.Linear) or type(module) is nn.LayerNorm:
        return True
    if isinstance(module, Permute):
        return list(module.dims) == [0, 2, 3, 1]
    return layout.channels_last


def check_aspect(layer: str, shape: tuple[int, ...], size: Size) -> None:
    """Raise `ModelError` unless maps (n, channel, y, x) have the aspect of the input.

    Channels taken for a side give numbers that look right. Networks shrink both sides alike, so a
    square input has square maps; of others the aspect is compared as closely as whole pixels and
    borders allow.
    """
    rows, columns = shape[-2:]
    distortion = (rows * size[1]) / (columns * size[0])
    slack = 0.0 if size[0] == size[1] else 2 * (1 / rows + 1 / columns)
    if max(distortion, 1 / distortion) > 1 + slack:
        raise ModelError(
            f"layer {layer}: maps without the aspect of the input",
            expected=f"that of {size[0]} x {size[1]} pixels",
            found=f"{rows} x {columns}, for (sample, channel, y, x) of shape {shape}",
            hint="its axes may be others. Choose another module, such as the block around it; for "
            "a network of your own say where channels are: layout: {channels_last: true} or false",
        )


def check_open(
    layer: str, shape: tuple[int, ...], size: Size, module: nn.Module | None, layout: Layout
) -> None:
    """Raise `ModelError` where both orders of the axes have the aspect of the input.

    For networks that take one size alone; elsewhere passes at other sizes show the axes.
    """
    fixed = isinstance(module, nn.Conv2d | nn.BatchNorm2d | nn.Linear | nn.LayerNorm | Permute)
    if fixed or layout.channels_last or "channels_last" in layout.configured:
        return
    for maps in (shape, (shape[0], shape[3], shape[1], shape[2])):
        try:
            check_aspect(layer, maps, size)
        except ModelError:
            return
    raise ModelError(
        f"layer {layer}: channels first or last?",
        expected="a shape that only one of them fits, or a network that takes other sizes too",
        found=f"outputs of shape {shape} for inputs of {size[0]} x {size[1]} pixels",
        hint="say where the channels are: layout: {channels_last: true} or false",
    )
