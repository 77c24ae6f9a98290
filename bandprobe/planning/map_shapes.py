"""Shapes of maps and costs of forward passes, as a plan counts with them."""

from __future__ import annotations

from dataclasses import dataclass

from bandprobe.data.images import Preprocess
from bandprobe.study.study import Model

PIXELS = "pixels"


@dataclass(frozen=True)
class LayerShape:
    """Shape of the map of one layer for one image, and its prefix tokens.

    Attributes
    ----------
    layer : str
    channels, height, width : int
    tokens : int
        Number of prefix tokens, each with `channels` values.
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
        """Values that are stored per image."""
        return self.dimensions + self.tokens * self.channels


@dataclass(frozen=True)
class PassShape:
    """One forward pass: its layers and its cost.

    Attributes
    ----------
    layers : tuple of LayerShape
    flops : int
        Floating-point operations per image up to the last layer; a multiplication and an addition
        count as two.
    parameters : int
        Of the whole network.
    """

    layers: tuple[LayerShape, ...]
    flops: int
    parameters: int


def image_passes(model: Model) -> tuple[PassShape, ...]:
    """The only pass of images as layer input, which no network makes."""
    height, width = model.preprocess["size"]
    channels = Preprocess.from_config(model.preprocess).n_channels
    return (PassShape((LayerShape("input", channels, height, width),), 0, 0),)
