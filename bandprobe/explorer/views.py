"""The part of a map that a small picture can show, and the same part of the image.

A picture has few pixels, and shrinking a map takes out the very frequencies that a high band holds.
So a map is shrunk only as far as its grid can still hold the band; of what is then too large a
window is shown, where the map changes most.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandprobe.base.arrays import MapArray, MaskArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.intervene import masked

# Longest side of a picture of a map, in pixels.
SIDE = 56


@dataclass(frozen=True)
class View:
    """A window of a map that was shrunk by a whole number; lengths in positions of the map.

    Attributes
    ----------
    step : int
        Positions along each axis whose mean is one pixel.
    top, left, height, width : int
        Of the window.
    """

    step: int
    top: int
    left: int
    height: int
    width: int

    def of(self, values: MapArray) -> MapArray:
        """The window of an array of shape (..., y, x), shrunk."""
        part = values[..., self.top : self.top + self.height, self.left : self.left + self.width]
        return shrunk(part, self.step)

    def shares(self, grid: tuple[int, int]) -> tuple[float, float, float, float]:
        """Left, top, width and height of the window as shares of the map's sides."""
        rows, columns = grid
        return self.left / columns, self.top / rows, self.width / columns, self.height / rows


def shrunk(values: MapArray, step: int) -> MapArray:
    """Means over blocks of `step` x `step` positions; what is left at the far edges is cut off."""
    rows, columns = (length // step for length in values.shape[-2:])
    whole = values[..., : rows * step, : columns * step]
    blocks = whole.reshape(*values.shape[:-2], rows, step, columns, step)
    means: MapArray = blocks.mean((-3, -1), dtype=np.float32)
    return means


def most_changed_channel(before: MapArray, after: MapArray) -> int:
    """The channel whose maps change most in all images together, by the sum of squares.

    Both of shape (n_samples, n_channels, height, width).
    """
    squares = np.square(np.subtract(after, before, dtype=np.float64))
    return int(squares.sum((0, 2, 3)).argmax())


def view_of(change: MapArray, mask: MaskArray, side: int = SIDE) -> View:
    """What to show of a map whose bins in a mask were changed.

    Parameters
    ----------
    change : array of shape (height, width)
        The map after, minus the map before.
    mask : array of shape (height, width)
        Full-plane bins that were changed.
    side : int
        Longest side of the picture, in pixels.
    """
    step = min(-(-max(change.shape) // side), _largest_step(mask))
    squares = np.square(shrunk(change, step).astype(np.float64))
    rows, columns = (min(length, side) for length in squares.shape)
    # Sums over all windows, from the sums over all rectangles that begin at the origin.
    sums = np.pad(squares.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    inside = (sums[rows:, columns:] - sums[:-rows, columns:] - sums[rows:, :-columns]) + sums[
        :-rows, :-columns
    ]
    top, left = np.unravel_index(int(inside.argmax()), inside.shape)
    return View(step, int(top) * step, int(left) * step, rows * step, columns * step)


def _largest_step(mask: MaskArray) -> int:
    """By how much a map may be shrunk, so that its grid still holds all bins of a mask."""
    highest = max(
        (
            np.abs(np.fft.fftfreq(length)[np.flatnonzero(mask.any(1 - axis))]).max(initial=0.0)
            for axis, length in enumerate(mask.shape)
        ),
    )
    # In cycles per position, of which a grid holds half of one.
    return max(1, int(0.5 / highest + 1e-9)) if highest else max(mask.shape)


def image_band(image: MapArray, partition: BandPartition, band: int) -> MapArray:
    """The part of an image at the cycles per image of a band of a layer's grid.

    Parameters
    ----------
    image : array of shape (height, width)
        Of the network's input, all of which the layer's map covers.
    partition : BandPartition
        On the layer's grid.
    band : int

    Returns
    -------
    array of the shape of `image`
        Its own frequencies in the band; those beyond the layer's grid are left out.
    """
    rows, columns = partition.index.shape
    height, width = image.shape
    at_row, at_column = (
        np.rint(np.fft.fftfreq(length) * length).astype(int) for length in (height, width)
    )
    own = partition.mask(band)[np.ix_(at_row % rows, at_column % columns)]
    held = (2 * np.abs(at_row) <= rows)[:, None] & (2 * np.abs(at_column) <= columns)[None, :]
    return masked(image, own & held)
