"""Arrays as small pictures: colours first, then WebP, then text for a page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence

import numpy as np
from matplotlib.colors import Colormap
from numpy.typing import NDArray
from PIL import Image

from bandprobe.base.arrays import MapArray
from bandprobe.figures.palette import EFFECT, ORDERED

Pixels = NDArray[np.uint8]
# Tiles of at most so many pixels a side are stored without loss, of so many different colours; a
# lossy format smears the few pixels that they have.
SMALL, LEVELS = 28, 32
QUALITY = 70


def level_colours(values: MapArray, low: float, high: float) -> Pixels:
    """Values on the scale of maps, from `low` to `high`: (height, width, 3)."""
    return _coloured(values, low, high, ORDERED)


def change_colours(values: MapArray, limit: float) -> Pixels:
    """Differences on the scale of effects, from -`limit` to `limit`: (height, width, 3)."""
    return _coloured(values, -limit, limit, EFFECT)


def grey(values: MapArray, low: float, high: float) -> Pixels:
    """Values from black to white: (height, width)."""
    found: Pixels = np.rint(255 * _parts(values, low, high)).astype(np.uint8)
    return found


def _coloured(values: MapArray, low: float, high: float, colours: Colormap) -> Pixels:
    parts = _parts(values, low, high)
    if max(values.shape) <= SMALL:
        parts = np.rint(parts * (LEVELS - 1)) / (LEVELS - 1)
    found: Pixels = colours(parts, bytes=True)[..., :3]
    return found


def _parts(values: MapArray, low: float, high: float) -> NDArray[np.floating]:
    """Where values lie between two ends, from 0 to 1; in the middle, if the ends are one."""
    if high <= low:
        return np.full(values.shape, 0.5)
    parts: NDArray[np.floating] = np.clip((values - low) / (high - low), 0.0, 1.0)
    return parts


def strip(tiles: Sequence[Pixels]) -> Pixels:
    """Tiles of one size side by side."""
    return np.concatenate(list(tiles), axis=1)


def webp(pixels: Pixels, *, lossless: bool = False, quality: int = QUALITY) -> bytes:
    """A WebP file of grey or coloured pixels."""
    buffer = io.BytesIO()
    options = {"lossless": True, "quality": 60} if lossless else {"quality": quality}
    Image.fromarray(pixels).save(buffer, "WEBP", method=4, **options)
    return buffer.getvalue()


def as_text(data: bytes) -> str:
    """Bytes as the page holds them."""
    return base64.b64encode(data).decode("ascii")


def resized(pixels: Pixels, height: int, width: int) -> Pixels:
    """Grey or coloured pixels at another size, without aliasing."""
    image = Image.fromarray(pixels).resize((width, height), Image.Resampling.LANCZOS)
    return np.asarray(image)
