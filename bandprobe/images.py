"""From image files to network inputs, without torch."""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from bandprobe.errors import ConfigError, DatasetError

Box = tuple[int, int, int, int]
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocess:
    """From an image to a network's input; sizes in pixels, mean and std of values in 0..1."""

    size: tuple[int, int] = (224, 224)
    crop_fraction: float = 1.0
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    @classmethod
    def from_config(cls, spec: Mapping[str, Any]) -> Preprocess:
        """The same from a configuration, where tuples are lists.

        Raises
        ------
        ConfigError
            If a key is missing: a network's own values fill the gaps before, never a default.
        """
        missing = [item.name for item in fields(cls) if item.name not in spec]
        if missing:
            raise ConfigError(
                f"preprocess: no {', '.join(missing)}",
                expected="a value in the configuration, as the network brings none of its own "
                "that can be followed",
                hint="give what the weights were trained with: preprocess: {"
                + ", ".join(f"{name}: ..." for name in missing)
                + "}",
            )
        values: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list | tuple) else value
            for key, value in spec.items()
        }
        return cls(**values)


def pixel_preprocess() -> dict[str, Any]:
    """What `pixels` takes where the configuration gives nothing; there is no network to ask."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(Preprocess()).items()
    }


def open_image(path: Path) -> Image.Image:
    """A decoded RGB image, upright by its EXIF orientation.

    Raises
    ------
    DatasetError
        If the file cannot be decoded whole.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                return ImageOps.exif_transpose(image).convert("RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise DatasetError(
            f"cannot read the image {path}",
            expected="a complete image file",
            found=str(error) or type(error).__name__,
            hint="replace or remove the file",
        ) from error


@lru_cache(maxsize=8)
def _recent_image(path: Path) -> Image.Image:
    """As `open_image`; crops of one photo follow each other."""
    return open_image(path)


def upright_sizes(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Width and height of each image as seen upright.

    Raises
    ------
    DatasetError
        Naming all the files that cannot be read, at once.
    """
    sizes, broken = {}, []
    for path in paths:
        try:
            sizes[path] = open_image(path).size
        except DatasetError as error:
            broken.append(str(error))
    if broken:
        raise DatasetError(f"{len(broken)} unreadable image(s)\n" + "\n".join(broken))
    return sizes


def load_input(path: Path, box: Box | None, preprocess: Preprocess) -> NDArray[np.float32]:
    """A network input of shape (3, height, width).

    Parameters
    ----------
    path : Path
    box : (left, top, right, bottom), optional
        Cut out before anything else, so that resampling cannot look outside it.
    preprocess : Preprocess
        The shorter side is resized to the input's by `crop_fraction`, the centre is cut out, and
        values in 0..1 are normalised: timm's evaluation transform.
    """
    image = _recent_image(path) if box else open_image(path)
    if box:
        image = image.crop(box)
    height, width = preprocess.size
    image = _resize(image, preprocess)
    left = round((image.width - width) / 2)
    top = round((image.height - height) / 2)
    image = image.crop((left, top, left + width, top + height))
    values = np.asarray(image, np.float32) / np.float32(255)
    values -= np.asarray(preprocess.mean, np.float32)
    values /= np.asarray(preprocess.std, np.float32)
    return np.ascontiguousarray(values.transpose(2, 0, 1))


def _resize(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    """Resize, keeping the aspect, so that the input's size over `crop_fraction` is covered.

    As timm does it: the longer side is truncated for square inputs and rounded for others.
    """
    height, width = (int(side / preprocess.crop_fraction) for side in preprocess.size)
    whole = int if height == width else round
    if height * image.width >= width * image.height:
        size = (max(width, whole(height * image.width / image.height)), height)
    else:
        size = (width, max(height, whole(width * image.height / image.width)))
    return image.resize(size, FILTERS[preprocess.interpolation])


def load_batch(
    root: Path, files: Sequence[str], boxes: Sequence[Box | None], preprocess: Preprocess
) -> NDArray[np.float32]:
    """Network inputs of several samples, shape (n_samples, 3, height, width)."""
    pairs = zip(files, boxes, strict=True)
    return np.stack([load_input(root / file, box, preprocess) for file, box in pairs])


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of grey (height, width) or colour (height, width, 3) pixels, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
