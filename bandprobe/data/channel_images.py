"""Images of any number of channels: NumPy arrays and TIFF files, read as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import MapArray
from bandprobe.data.images import ARRAY
from bandprobe.errors import DatasetError, PackageError

TIFF = (".tif", ".tiff")
# Of values of these kinds the whole range is known.
RANGES = {np.dtype(bool): 1, np.dtype(np.uint8): 2**8 - 1, np.dtype(np.uint16): 2**16 - 1}
MOST_VALUES = 3 * 89_478_485
MOST_CHANNELS = 1024


def open_channels(path: Path, n_channels: int | None = None) -> MapArray:
    """An image as an array of shape (height, width, n_channels).

    Whole numbers of 8 or 16 bits are scaled from their range to 0..1; floating-point numbers are
    taken as they are.

    Parameters
    ----------
    path : Path
        A `.npy` file of shape (height, width) or (height, width, channel), read without pickle, or
        a TIFF file with its channels as samples or as pages.
    n_channels : int, optional
        That it must have.

    Raises
    ------
    DatasetError
        If it cannot be read, is not of such a shape, or has values without a known range.
    PackageError
        If it is a TIFF file, and tifffile is not installed.
    """
    try:
        values = _read_array(path) if path.suffix.lower() == ARRAY else _read_tiff(path)
        return _as_channels(values, n_channels)
    except PackageError:
        raise
    except (Exception, Warning) as error:  # whatever a decoder makes of damaged bytes
        found = error.found if isinstance(error, DatasetError) else " ".join(str(error).split())
        raise DatasetError(
            f"cannot read the image {path}",
            expected="an array (y, x) or (y, x, channel) of 8- or 16-bit whole numbers, or of "
            "floating-point numbers in 0..1"
            + (f", with {n_channels} channels" if n_channels else ""),
            found=found or type(error).__name__,
        ) from error


def _read_array(path: Path) -> NDArray[Any]:
    """The array of a `.npy` file; its header is looked at before anything is loaded.

    What is mapped into memory cannot have Python objects, so nothing is unpickled.
    """
    mapped = np.lib.format.open_memmap(path, mode="r")
    _check_count(mapped.shape)
    return np.array(mapped)


def _read_tiff(path: Path) -> NDArray[Any]:
    try:
        import tifffile
    except ImportError as error:
        # No fault of the image: it must not be left out for it.
        raise PackageError(
            f"no tifffile to read {path}",
            expected="the package that reads TIFF files of any number of channels",
            hint="pip install 'bandprobe[tiff]', in the environment that runs the study",
        ) from error
    with tifffile.TiffFile(path) as file:
        if len(file.series) != 1:
            raise DatasetError("", found=f"{len(file.series)} images of different shapes")
        series = file.series[0]
        _check_count(series.shape)
        axes = [name for name, length in zip(series.axes, series.shape, strict=True) if length > 1]
        values = np.squeeze(series.asarray())
    others = [place for place, name in enumerate(axes) if name not in "YX"]
    if values.ndim not in (2, 3) or len(others) != values.ndim - 2:
        raise DatasetError("", found=f"axes {series.axes} of lengths {series.shape}")
    return np.moveaxis(values, others[0], -1) if others else values


def _check_count(shape: tuple[int, ...]) -> None:
    """Raise `DatasetError` for more values than are read; nothing is decoded for that."""
    if np.prod(shape, dtype=np.float64) > MOST_VALUES:
        lengths = " x ".join(map(str, shape))
        raise DatasetError("", found=f"{lengths} values, more than {MOST_VALUES}")


def _as_channels(values: NDArray[Any], n_channels: int | None) -> MapArray:
    if values.ndim == 2:
        values = values[:, :, None]
    if values.ndim != 3 or 0 in values.shape or values.shape[2] > MOST_CHANNELS:
        raise DatasetError("", found=f"an array of shape {values.shape}")
    if n_channels is not None and values.shape[2] != n_channels:
        found = f"{values.shape[2]} channels, in an array of shape {values.shape}"
        if values.shape[0] == n_channels:
            found += ": channels come last, values.transpose(1, 2, 0)"
        raise DatasetError("", found=found)
    if values.dtype in RANGES:
        return values.astype(np.float32) / np.float32(RANGES[values.dtype])
    if values.dtype.kind != "f":
        raise DatasetError("", found=f"values of type {values.dtype}, of which no range is known")
    if not np.isfinite(values).all():
        raise DatasetError("", found="values that are not finite")
    return values.astype(np.float32)
