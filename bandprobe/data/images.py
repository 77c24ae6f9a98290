"""From image files to network inputs, without torch."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps
from PIL.TiffImagePlugin import BITSPERSAMPLE as BITS_PER_SAMPLE
from PIL.TiffImagePlugin import TiffImageFile

from bandprobe.errors import ConfigError, DatasetError

Box = tuple[int, int, int, int]
SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")
# An array, where a data set has channels of its own.
ARRAY = ".npy"
# What a file may hold, whatever its suffix says.
FORMATS = ("BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP")
# Pillow's own limit: a quarter of a gigabyte as RGB. A file of kilobytes can hold that many.
MOST_PIXELS = 89_478_485
FILTERS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}


@dataclass(frozen=True)
class Preprocess:
    """From an image to a network's input; sizes in pixels, mean and std of values in 0..1.

    With `function`, a user's `package.module:function`, that alone decides, and the others but size
    and number of channels do not count.
    """

    size: tuple[int, int] = (224, 224)
    crop_fraction: float = 1.0
    interpolation: str = "bicubic"
    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)
    function: str | None = None

    @property
    def n_channels(self) -> int:
        """Channels of the input."""
        return len(self.mean)

    @classmethod
    def from_config(cls, spec: Mapping[str, Any]) -> Preprocess:
        """The same from a configuration, where tuples are lists.

        Raises
        ------
        ConfigError
            If a key is missing: a network's own values fill the gaps before, never a default.
        """
        if spec.get("function"):
            channels = spec.get("channels", 3)
            return cls(
                tuple(spec["size"]),
                mean=(0.0,) * channels,
                std=(1.0,) * channels,
                function=spec["function"],
            )
        names = [item.name for item in fields(cls) if item.name != "function"]
        missing = [name for name in names if name not in spec]
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
        if len(values["mean"]) != len(values["std"]):
            raise ConfigError(
                "preprocess: mean and std have different lengths",
                expected="a number for each channel of the images",
                found=f"{len(values['mean'])} and {len(values['std'])}",
            )
        return cls(**values)


def pixel_preprocess() -> dict[str, Any]:
    """What `pixels` takes where the configuration gives nothing; there is no network to ask."""
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in asdict(Preprocess()).items()
        if value is not None
    }


def open_image(path: Path) -> Image.Image:
    """A decoded 8-bit RGB image, upright by its EXIF orientation.

    Grey becomes three equal channels; 16-bit grey is scaled from its whole range; transparency
    shows white; of a camera's multi-picture JPEG the first frame is the picture.

    Raises
    ------
    DatasetError
        If the file cannot be decoded completely, contains several pictures, has values without a
        known range, or more than `MOST_PIXELS` pixels, which are then not decoded.
    """
    try:
        if not path.is_file():
            raise DatasetError("", found=_not_a_file(path))
        # By content, and by these alone: others of Pillow's formats start other programs.
        with Image.open(path, formats=FORMATS) as image:
            _check_shape(image)
            return _opaque(_eight_bits(ImageOps.exif_transpose(image))).convert("RGB")
    except (Exception, Warning) as error:  # whatever a decoder makes of rotten bytes
        found = error.found if isinstance(error, DatasetError) else str(error).strip()
        raise DatasetError(
            f"cannot read the image {path}",
            expected=f"a complete picture of at most {MOST_PIXELS} pixels: {', '.join(FORMATS)}",
            found=found or type(error).__name__,
            hint="replace or remove the file, or leave such files out with on_bad_image: skip",
        ) from error


def _not_a_file(path: Path) -> str:
    if path.is_symlink():
        return f"a symbolic link to {path.readlink()}, where no file is"
    return "no regular file" if path.exists() else "no such file"


def _check_shape(image: Image.Image) -> None:
    """Raise `DatasetError` for too many pixels or pictures; nothing is decoded for that."""
    if image.width * image.height > MOST_PIXELS:
        raise DatasetError(
            "", found=f"{image.width} x {image.height} = {image.width * image.height} pixels"
        )
    # Cameras put a preview or a gain map behind the picture itself.
    frames = 1 if image.format == "MPO" else getattr(image, "n_frames", 1)
    if frames > 1:
        raise DatasetError("", found=f"{frames} frames or pages: save the one that is meant")


def _eight_bits(image: Image.Image) -> Image.Image:
    """Grey of 16 bits scaled to 8; Pillow itself would cut off everything above 255."""
    if image.mode in ("I", "F"):
        kind = "32-bit integers" if image.mode == "I" else "floating-point numbers"
        raise DatasetError("", found=f"{kind}, of which no range is known: save 8 or 16 bits")
    if not image.mode.startswith("I;16"):
        return image
    bits = 16
    if isinstance(image, TiffImageFile):
        bits = int(image.tag_v2.get(BITS_PER_SAMPLE, (16,))[0])
    values = np.asarray(image).astype(np.float64)
    if isinstance(image.info.get("transparency"), int):
        values[values == image.info["transparency"]] = 2**bits - 1
    return Image.fromarray(np.rint(values * 255 / (2**bits - 1)).astype(np.uint8))


def _opaque(image: Image.Image) -> Image.Image:
    """What is transparent, laid on white: the colours under it were never meant to be seen."""
    if not image.has_transparency_data:
        return image
    image = image.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)


def upright_size(path: Path) -> tuple[int, int]:
    """Width and height of an image as seen upright; raises as `open_image`, which reads it."""
    return open_image(path).size


def image_fault(path: Path) -> str | None:
    """Why an image cannot be used, in one line, or None."""
    try:
        open_image(path)
    except DatasetError as error:
        return fault_text(error)
    return None


def fault_text(error: DatasetError) -> str:
    """What was found, in one line."""
    return " ".join(str(error.found).split())


@lru_cache(maxsize=8)
def recent_image(path: Path) -> Image.Image:
    """As `open_image`; crops of one photo follow each other."""
    return open_image(path)


def upright_sizes(paths: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Width and height of each image as seen upright.

    Raises
    ------
    DatasetError
        Naming all the files that cannot be read, at once.
    """
    sizes: dict[Path, tuple[int, int]] = {}
    faults: dict[Path, str] = {}
    for path in paths:
        try:
            sizes[path] = upright_size(path)
        except DatasetError as error:
            faults[path] = fault_text(error)
    if faults:
        raise unreadable(faults)
    return sizes


def unreadable(faults: Mapping[Path, str]) -> DatasetError:
    """One error for all images that cannot be used."""
    lines = "".join(f"\n    {path}: {fault}" for path, fault in faults.items())
    return DatasetError(
        f"{len(faults)} unreadable image(s)",
        expected=f"complete pictures of at most {MOST_PIXELS} pixels: {', '.join(FORMATS)}",
        found=lines,
        hint="replace or remove these files, or leave them out with on_bad_image: skip",
    )


def png_bytes(pixels: NDArray[np.uint8]) -> bytes:
    """A PNG file of grey (height, width) or colour (height, width, 3) pixels, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()
