"""How the outputs of a network's modules are laid out: channels, prefix tokens, the patch grid."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer
from torchvision.ops.misc import Permute

from bandprobe.errors import ModelError

Size = tuple[int, int]


@dataclass(frozen=True)
class Layout:
    """Where the channels are, which tokens are no patches, and how the patches lie.

    Attributes
    ----------
    prefix_tokens : int
        Tokens (CLS, registers) before those of the patches.
    grid : (rows, columns), optional
        Of the patches; None where the outputs are no tokens.
    patch : (height, width), optional
        In pixels, where the grid follows the size of the input.
    channels_last : bool
        Whether 4-D outputs are (sample, y, x, channel).
    declared : bool
        Whether the configuration says where the channels are; no check by shape then.
    """

    prefix_tokens: int = 0
    grid: Size | None = None
    patch: Size | None = None
    channels_last: bool = False
    declared: bool = False

    def grid_for(self, size: Size | None) -> Size | None:
        """The patch grid of an input of a height and width, as far as it depends on them."""
        if self.patch is None or size is None:
            return self.grid
        return size[0] // self.patch[0], size[1] // self.patch[1]


def layout_of(network: nn.Module, given: Mapping[str, Any] | None = None) -> Layout:
    """The layout of a network: timm's attributes, torchvision's classes, or the configuration's.

    Parameters
    ----------
    network : torch.nn.Module
    given : mapping, optional
        The configuration's `prefix_tokens`, `grid` and `channels_last`; each goes before what the
        network says itself.
    """
    if isinstance(network, VisionTransformer):
        side = network.image_size // network.patch_size
        return Layout(1, (side, side))
    if isinstance(network, SwinTransformer):
        return Layout(channels_last=True)
    given = given or {}
    embed = getattr(network, "patch_embed", None)
    grid = given.get("grid", getattr(embed, "grid_size", None))
    follows = "grid" not in given and not getattr(embed, "strict_img_size", True)
    last = getattr(network, "output_fmt", "NCHW") == "NHWC"
    return Layout(
        prefix_tokens=int(given.get("prefix_tokens", getattr(network, "num_prefix_tokens", 0))),
        grid=None if grid is None else (int(grid[0]), int(grid[1])),
        patch=tuple(embed.patch_size) if embed is not None and follows else None,
        channels_last=bool(given.get("channels_last", last)),
        declared="channels_last" in given,
    )


def puts_channels_last(module: nn.Module | None, layout: Layout) -> bool:
    """Whether a module's 4-D output is (sample, y, x, channel); some kinds of modules fix it."""
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
