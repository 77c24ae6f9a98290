"""The part of an image that a network was given, as a reader of the page sees it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from bandprobe.base.arrays import MapArray
from bandprobe.data.images import Box, Preprocess, open_image
from bandprobe.data.inputs import is_array, load_input

# Shares of red, green and blue in brightness: ITU-R BT.601.
BRIGHTNESS = np.array([0.299, 0.587, 0.114], np.float32)


def shown_image(path: Path, box: Box | None, preprocess: Preprocess) -> MapArray:
    """An image as a network sees it, but in its own colours.

    Parameters
    ----------
    path : Path
    box : (left, top, right, bottom), optional
    preprocess : Preprocess
        Of the network. What a user's function does is not known: then the image is shown as it was
        cut out of its file.

    Returns
    -------
    array of shape (3, height, width), from 0 to 1
        Of an array with another number of channels their mean, from its least to its largest value.

    Raises
    ------
    DatasetError
        If the image cannot be read.
    """
    if is_array(path, preprocess.n_channels):
        plain = replace(
            preprocess, mean=(0.0,) * preprocess.n_channels, std=(1.0,) * preprocess.n_channels
        )
        planes = load_input(path, box, plain)
        if len(planes) != len(BRIGHTNESS):
            planes = np.repeat(planes.mean(0, keepdims=True), len(BRIGHTNESS), axis=0)
        low, high = planes.min(), planes.max()
        shown: MapArray = (planes - low) / max(high - low, np.float32(1e-12))
        return shown
    if preprocess.function:
        image = open_image(path)
        pixels = np.asarray(image.crop(box) if box else image, np.float32) / np.float32(255)
        return pixels.transpose(2, 0, 1)
    return load_input(path, box, replace(preprocess, mean=(0.0,) * 3, std=(1.0,) * 3))


def brightness(image: MapArray) -> MapArray:
    """Brightness of an image of shape (3, height, width)."""
    values: MapArray = np.tensordot(BRIGHTNESS, image, axes=1)
    return values
