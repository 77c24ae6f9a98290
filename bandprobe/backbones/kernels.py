"""The kernels of the convolutions of a network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from timm.layers.conv2d_same import Conv2dSame
from torch import nn

from bandprobe.base.arrays import MapArray
from bandprobe.errors import ConfigError, unknown_name

# Convolutions that use their weights as they are stored; others standardise them first.
PLAIN = (nn.Conv2d.forward, Conv2dSame.forward)


@dataclass(frozen=True)
class Kernels:
    """The kernels of one convolution.

    Attributes
    ----------
    weight : array of shape (n_outputs, n_inputs, height, width)
        `n_inputs` is that of a group.
    stride, dilation : tuple of int
    groups : int
    """

    weight: MapArray
    stride: tuple[int, int]
    dilation: tuple[int, int]
    groups: int

    @property
    def size(self) -> tuple[int, int]:
        """Height and width of a kernel with the zeros of its dilation."""
        sides = zip(self.weight.shape[-2:], self.dilation, strict=True)
        height, width = ((side - 1) * step + 1 for side, step in sides)
        return height, width


def spatial_convolutions(modules: Mapping[str, nn.Module]) -> list[str]:
    """Names of the 2-D convolutions whose kernels are larger than one pixel.

    Those of one pixel pass all frequencies alike, whatever their weights are.
    """
    return [
        name
        for name, module in modules.items()
        if isinstance(module, nn.Conv2d) and max(module.kernel_size) > 1
    ]


def kernels_of(modules: Mapping[str, nn.Module], name: str) -> Kernels:
    """The kernels of a module by its name.

    Parameters
    ----------
    modules : mapping of str to torch.nn.Module
        Of the network, as `Backbone.modules`.
    name : str

    Raises
    ------
    ConfigError
        If there is no such module, or it is not a 2-D convolution that uses its weights as they
        are stored; the message says what it is.
    """
    if name not in modules:
        raise ConfigError(unknown_name("module", name, spatial_convolutions(modules)))
    module = modules[name]
    kind = type(module).__name__
    if not isinstance(module, nn.Conv2d):
        inside = [other for other in spatial_convolutions(modules) if other.startswith(f"{name}.")]
        raise ConfigError(
            f"{name} has no kernels",
            expected="a 2-D convolution (Conv2d)",
            found=kind,
            hint=f"convolutions in it: {', '.join(inside)}" if inside else None,
        )
    if type(module).forward not in PLAIN:
        raise ConfigError(
            f"the weights of {name} are not its kernels",
            expected="a convolution that uses its weights as they are stored",
            found=f"{kind}, which has a forward pass of its own",
        )
    with torch.no_grad():
        weight = module.weight.detach().to("cpu", torch.float64).numpy()
    stride, dilation = ((int(pair[0]), int(pair[1])) for pair in (module.stride, module.dilation))
    return Kernels(np.ascontiguousarray(weight), stride, dilation, int(module.groups))
