"""Whether what a layer gives is a map of the image: a check on the real network, before it runs.

One image of noise is changed in one quadrant after another. Where a map's axes are those of the
image, in its order, the change of the map is largest in the same quadrant. Attention and large
kernels spread it, so a change that is spread proves nothing; one that is largest in the same wrong
place for two quadrants or more says that the axes are others. Where most of the map does not move
at all, as in the first layers of convolutional networks, a spread change says so too.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch

from bandprobe.backbones.backbone import Backbone, read_layers
from bandprobe.backbones.layouts import Size
from bandprobe.base.arrays import FloatArray
from bandprobe.errors import ModelError

# In the order of the rows and columns of `MapCheck.share`.
QUADRANTS = ("top left", "top right", "bottom left", "bottom right")
SHOWN, NOT_PROVEN = "shown", "not proven"
# A quarter of the change falls into a quadrant by chance.
CHANCE = 0.25
# Share in a wrong quadrant from which on the map is refused: most of the change.
MISPLACED = 0.5
# Squared change, as a share of the largest, up to which a place of the map has not moved.
UNMOVED = 1e-10
# Share of a map's places that have not moved, from which on a change has stayed around its place:
# then nothing mixes all places, nor all of a row and all of a column, and the change lies within
# less than two thirds of the height and of the width. The least share of it in the own quadrant is
# then half if it is even, and more if it is largest in the middle; of small maps nothing is said.
LOCAL, IN_PLACE, LEAST_SIDE = 0.6, 0.45, 4
# Difference from one of a sum of softmax weights, which may be rounded to bfloat16.
SOFTMAX = 1e-2


@dataclass(frozen=True)
class MapCheck:
    """What the check of one layer found.

    Attributes
    ----------
    axes : {"declared", "followed", "configured", "fixed size"}
        How its axes are known: the network says it, they follow the height and the width of the
        input, the configuration says it, or the network takes one size or squares alone and its
        shape and the kind of the module were all that there was to go by.
    share : array of shape (4, 4)
        Where an image is changed (rows), the share of the map's squared change in each quadrant
        (columns).
    """

    axes: str
    share: FloatArray

    @property
    def place(self) -> str:
        """Whether the change of the map is largest where the image was changed."""
        own = np.diag(self.share)
        others = self.share - np.diag(own) - np.eye(len(own))
        return SHOWN if (own > others.max(1)).all() and (own > CHANCE).all() else NOT_PROVEN

    def attributes(self) -> dict[str, str | float]:
        """As they are stored with the layer's array."""
        return {
            "map_axes": self.axes,
            "map_place": self.place,
            # In digits that do not depend on the machine: shards are joined by equal attributes.
            "map_share_in_place": round(float(np.diag(self.share).min()), 2),
        }


def check_maps(
    backbone: Backbone, layers: Sequence[str], size: Size, channels: int = 3
) -> dict[str, MapCheck]:
    """Check the maps of layers; one pass over six images of noise.

    Parameters
    ----------
    backbone : Backbone
    layers : sequence of str
    size : (height, width)
    channels : int
        Of the input.

    Raises
    ------
    ModelError
        If a layer's output is not a map, does not depend on the image, does not have one row per
        image, or puts a change in a wrong place: most of it in another, or much of it elsewhere
        where nothing mixes all places.
    """
    images = _changed_images(size, channels)
    found: dict[str, MapCheck] = {}
    local: dict[str, bool] = {}
    sides: dict[str, Size] = {}
    known = backbone.layers(images)

    def look(layer: str, maps: torch.Tensor, _prefix: torch.Tensor | None) -> None:
        values = maps.cpu().double()
        _refuse_attention(layer, values, size, known.origin(layer))
        change = (values[1:] - values[:1]).square().sum(1).numpy()
        change, whole = change[:-1], float(change[-1].sum())
        found[layer] = MapCheck(known.origin(layer), _shares(layer, change, whole))
        local[layer] = _is_local(change)
        sides[layer] = (values.shape[2], values.shape[3])

    read_layers(backbone, layers, images, look)
    for layer, check in found.items():
        _refuse_scores(layer, check, sides[layer], known.token_counts)
        _refuse_misplaced(layer, check, local[layer])
    return {layer: found[layer] for layer in layers}


def _changed_images(size: Size, channels: int) -> torch.Tensor:
    """Noise, the same with other noise in the middle of each quadrant, and other noise alone.

    The shape is (6, channel, y, x).
    """
    generator = torch.Generator().manual_seed(0)
    height, width = size
    noise = torch.randn(2, channels, height, width, generator=generator)
    image: torch.Tensor = noise[0]
    other: torch.Tensor = noise[1]
    images: torch.Tensor = image.repeat(6, 1, 1, 1)
    images[5] = other
    for at, (row, column) in enumerate(product((0, 1), (0, 1)), start=1):
        top, left = (row * 4 + 1) * height // 8, (column * 4 + 1) * width // 8
        rows, columns = slice(top, top + height // 4), slice(left, left + width // 4)
        images[at, :, rows, columns] = other[:, rows, columns]
    return images


def _refuse_attention(layer: str, values: torch.Tensor, size: Size, axes: str) -> None:
    """Raise `ModelError` for weights of a softmax over a side, or maps larger than the image."""
    hint = "an attention matrix? Choose the block around it"
    for axis in (2, 3):
        sums = values.sum(axis)
        if values.shape[axis] > 1 and (values >= 0).all() and (sums - 1).abs().max() < SOFTMAX:
            raise ModelError(
                f"layer {layer} gives no map",
                expected="values at places of the image",
                found=f"weights that add up to one along each {'column' if axis == 2 else 'row'}",
                hint=hint,
            )
    sides = tuple(values.shape[2:])
    if axes == "fixed size" and (sides[0] > size[0] or sides[1] > size[1]):
        raise ModelError(
            f"layer {layer}: maps larger than the image",
            expected=f"at most {size[0]} x {size[1]}, since the network takes no other aspect",
            found=f"{sides[0]} x {sides[1]}",
            hint=hint,
        )


def _shares(layer: str, change: FloatArray, whole: float) -> FloatArray:
    """Share of each quadrant in the squared change (4, y, x) of a map; a middle line is halved.

    `whole` is the change of the map where all of the image is another.
    """
    total = change.sum((1, 2))
    # The few rectified pixels of a small map may not answer to a part of the image, nor need the
    # strided shortcuts of an untrained residual network see it: that proves nothing.
    small = min(change.shape[1:]) < LEAST_SIDE
    answers = whole > 0 if small else (total > 0).all()
    if not np.isfinite([*total, whole]).all():
        raise ModelError(
            f"layer {layer}: values that are not finite",
            expected="finite values for an image of noise of mean 0 and variance 1",
            found="inf or nan",
            hint="are the weights finite, and are they those of this architecture?",
        )
    if not answers:
        raise ModelError(
            f"layer {layer} does not depend on the image",
            expected="a map that changes with every part of the image",
            found=f"no change for a change at the {', '.join(np.array(QUADRANTS)[~(total > 0)])}",
            hint="a table or another parameter of the network? Choose the block around it",
        )
    halves = []
    for length in change.shape[1:]:
        first = np.clip(length / 2 - np.arange(length), 0, 1)
        halves.append(np.stack([first, 1 - first]))
    shares: FloatArray = np.einsum("nyx,ry,cx->nrc", change, *halves).reshape(4, 4)
    moved = (total > 0)[:, None]
    relative: FloatArray = np.where(moved, shares / np.where(moved, total[:, None], 1), CHANCE)
    return relative


def _is_local(change: FloatArray) -> bool:
    """Whether each change in one quadrant leaves most of a map as it is, (4, y, x)."""
    still = change <= UNMOVED * change.max((1, 2), keepdims=True)
    large = min(change.shape[1:]) >= LEAST_SIDE
    return large and bool((still.mean((1, 2)) >= LOCAL).all())


def _refuse_scores(layer: str, check: MapCheck, sides: Size, token_counts: Collection[int]) -> None:
    """Raise `ModelError` for what seems attention between tokens before its softmax.

    It has rows and columns of tokens, so no quadrant but two moves itself most. Where the network
    takes other sizes these have shown that already.
    """
    square = sides[0] == sides[1] and sides[0] in token_counts
    if check.axes == "fixed size" and square and check.place == NOT_PROVEN:
        raise ModelError(
            f"layer {layer} gives no map",
            expected="a change of the image that moves the same place of the map most",
            found=f"{sides[0]} x {sides[1]}, as many as the network has tokens",
            hint="scores of an attention between tokens? Choose the block around it; if it is a "
            "map, say so with layout: {channels_last: false}",
        )


def _refuse_misplaced(layer: str, check: MapCheck, local: bool) -> None:
    wrong = [
        f"changed at the {QUADRANTS[at]}, "
        + (
            f"moved at the {QUADRANTS[row.argmax()]}"
            if row.argmax() != at
            else f"and {1 - row[at]:.0%} of the change elsewhere"
        )
        for at, row in enumerate(check.share)
        if (row.argmax() != at and row.max() > MISPLACED) or (local and row[at] < IN_PLACE)
    ]
    if len(wrong) > 1:
        raise ModelError(
            f"layer {layer}: its map is in another order than the image",
            expected="a change of the image that moves the same place of the map most",
            found=", ".join(wrong),
            hint="give the layout of the network, or choose the block around the layer",
        )
