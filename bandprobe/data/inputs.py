"""Network inputs from images: resized, cut out, normalised; or by a user's function."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from bandprobe.base.arrays import MapArray
from bandprobe.base.callables import import_callable
from bandprobe.data.channel_images import TIFF, open_channels
from bandprobe.data.images import (
    ARRAY,
    FILTERS,
    Box,
    Preprocess,
    open_image,
    recent_image,
    upright_size,
)
from bandprobe.errors import DatasetError, ModelError

# Numbers of channels that image files are turned into: grey and RGB.
OF_FILES = (1, 3)


def load_input(path: Path, box: Box | None, preprocess: Preprocess) -> MapArray:
    """A network input of shape (n_channels, height, width).

    Parameters
    ----------
    path : Path
    box : (left, top, right, bottom), optional
        Cut out before anything else, so that resampling cannot look outside it.
    preprocess : Preprocess
        The shorter side is resized to the input's by `crop_fraction`, the centre is cut out, and
        values in 0..1 are normalised: timm's evaluation transform. Or a user's function, which gets
        the image, or the array (y, x, channel), after it was cut out.

    Raises
    ------
    DatasetError
        If the image cannot be read, or has other channels than the network takes.
    """
    if is_array(path, preprocess.n_channels):
        n_channels = None if preprocess.function else preprocess.n_channels
        array = open_channels(path, n_channels)
        if box:
            left, top, right, bottom = box
            array = array[top:bottom, left:right]
        if preprocess.function:
            return _by_function(array, path, preprocess)
        planes = np.moveaxis(array, -1, 0)
        values = np.stack([np.asarray(_cut(Image.fromarray(p), preprocess)) for p in planes])
        return _normalised(values.astype(np.float32), preprocess)
    image = recent_image(path) if box else open_image(path)
    if box:
        image = image.crop(box)
    if preprocess.function:
        return _by_function(image, path, preprocess)
    if preprocess.n_channels not in OF_FILES:
        raise DatasetError(
            f"{path} has not the channels that the network takes",
            expected=f"{preprocess.n_channels} channels (the length of preprocess.mean)",
            found="an image file, of 3 or, as grey, of 1",
            hint=f"save arrays (.npy) or TIFF files, and say so in the data set: channels: "
            f"{preprocess.n_channels}",
        )
    image = _cut(image.convert("L") if preprocess.n_channels == 1 else image, preprocess)
    # Channels first: NumPy takes three times as long for steps of three values.
    channels_last = np.atleast_3d(np.asarray(image))
    values = channels_last.transpose(2, 0, 1).astype(np.float32, order="C")
    values /= np.float32(255)
    return _normalised(values, preprocess)


def _cut(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    """Resized, and its centre cut out."""
    height, width = preprocess.size
    image = _resize(image, preprocess)
    left = round((image.width - width) / 2)
    top = round((image.height - height) / 2)
    return image.crop((left, top, left + width, top + height))


def _normalised(values: MapArray, preprocess: Preprocess) -> MapArray:
    values -= np.asarray(preprocess.mean, np.float32)[:, None, None]
    values /= np.asarray(preprocess.std, np.float32)[:, None, None]
    return values


def _resize(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    return image.resize(_resized(*image.size, preprocess), FILTERS[preprocess.interpolation])


def _resized(width: int, height: int, preprocess: Preprocess) -> tuple[int, int]:
    """Width and height so that the input's size over `crop_fraction` is covered, aspect kept.

    As timm does it: the longer side is truncated for square inputs and rounded for others.
    """
    least_height, least_width = (int(side / preprocess.crop_fraction) for side in preprocess.size)
    whole = int if least_height == least_width else round
    if least_height * width >= least_width * height:
        return max(least_width, whole(least_height * width / height)), least_height
    return least_width, max(least_height, whole(least_width * height / width))


def shown_pixels(width: int, height: int, preprocess: Preprocess) -> tuple[float, float]:
    """Pixels of an image that the input shows along y and x, before they are resized.

    Where these are fewer than the pixels of the input, the image was enlarged, and the input holds
    nothing but interpolation above half as many cycles. NaN for a user's function, of which nothing
    is known.
    """
    if preprocess.function:
        return float("nan"), float("nan")
    new_width, new_height = _resized(width, height, preprocess)
    rows, columns = preprocess.size
    return rows * height / new_height, columns * width / new_width


def load_batch(
    root: Path, files: Sequence[str], boxes: Sequence[Box | None], preprocess: Preprocess
) -> MapArray:
    """Network inputs of several samples, shape (n_samples, n_channels, height, width)."""
    pairs = zip(files, boxes, strict=True)
    return np.stack([load_input(root / file, box, preprocess) for file, box in pairs])


def _by_function(image: Any, path: Path, preprocess: Preprocess) -> MapArray:
    """What a user's function makes of an image or an array."""
    try:
        found = np.asarray(_function(str(preprocess.function))(image))
    except Exception as error:  # whatever a user's code raises
        raise ModelError(
            f"preprocess.function {preprocess.function} failed on {path}",
            found=f"{type(error).__name__}: {error}",
        ) from error
    shape = (preprocess.n_channels, *preprocess.size)
    if found.shape != shape or found.dtype.kind not in "fiu":
        raise ModelError(
            f"preprocess.function {preprocess.function} gives no input of the network",
            expected=f"an array of shape {shape} (channel, y, x): preprocess.channels, size",
            found=f"{found.dtype} of shape {found.shape}",
        )
    values = found.astype(np.float32)
    if not np.isfinite(values).all():
        raise ModelError(
            f"preprocess.function {preprocess.function}: values that are not finite", found=path
        )
    return values


@functools.cache
def _function(name: str) -> Callable[[Any], Any]:
    function: Callable[[Any], Any] = import_callable(name, f"preprocess.function: {name}")
    return function


def is_array(path: Path, n_channels: int) -> bool:
    """Whether a file is read as an array; TIFF files only where an image would not do."""
    suffix = path.suffix.lower()
    return suffix == ARRAY or (suffix in TIFF and n_channels not in OF_FILES)


def input_size(path: Path, n_channels: int) -> tuple[int, int]:
    """Width and height of an image of so many channels; `DatasetError` if it is not one."""
    if is_array(path, n_channels):
        height, width, _ = open_channels(path, n_channels).shape
        return width, height
    if n_channels not in OF_FILES:
        found = f"an image file, where {n_channels} channels are expected: .npy, .tif"
        raise DatasetError(f"cannot read the image {path}", found=found)
    return upright_size(path)
