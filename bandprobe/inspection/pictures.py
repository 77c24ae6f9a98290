"""A small picture of any stored array, as numbers and as text for a terminal."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.text import Text

from bandprobe.base.arrays import FloatArray
from bandprobe.errors import StoreError, unknown_name
from bandprobe.store.zarr_store import Store

SHADES = " .:-=+*#%@"
# Width of a terminal, and of a bar in it, in characters.
COLUMNS, BAR = 64, 40
# These have values of both signs, whose mean says little.
SIGNED = ("W", "logits", "clean_logits", "margin")
# Arrays of a store that are shown first.
FIRST = ("W", "mask", "energy_without_dc", "correct", "band_logits", "accuracy", "clean_logits")
# Possible axes of a picture; all others are averaged over.
LABELLED = ("band", "class", "penalty", "radius", "diagonal", "readout", "token", "channel")


@dataclass(frozen=True)
class Picture:
    """An array reduced to a small picture.

    Attributes
    ----------
    values : array of shape (height, width) or (n,)
    caption : str
        Which part of which array it shows.
    labels : tuple of str
        Names of the entries of a one-dimensional picture.
    """

    values: FloatArray
    caption: str
    labels: tuple[str, ...] = ()


def picture_of(store: Store, name: str | None, sample: int, channel: int | None) -> Picture | None:
    """The picture of one array of a store; None if it contains only coordinates.

    A map is shown for one sample and one channel, or as the root mean square over channels. Of
    other arrays one axis is kept, bands if there are any, and the rest is averaged over.

    Parameters
    ----------
    store : Store
    name : str, optional
        The array; by default the first map, else the largest that is not a coordinate.
    sample : int
        Position along the axis `sample`.
    channel : int, optional
        Position along the axis `channel`.

    Raises
    ------
    StoreError
        If there is no such array, sample or channel; the message lists what there is.
    """
    names = drawable(store)
    if name is None:
        if not names:
            return None
        name = next((array for array in names if is_map(dims_of(store, array))), names[0])
    elif name not in names:
        raise StoreError(unknown_name("array", name, names))
    dims = dims_of(store, name)
    if is_map(dims):
        return _map(store, name, dims, sample, channel)
    return _bars(store, name, dims)


def drawable(store: Store) -> list[str]:
    """Arrays of numbers that are not coordinates: those of `FIRST`, then by size."""
    coordinates = set(str(store.attrs.get("coordinates", "")).split())
    arrays = [
        name
        for name in store.names()
        if name not in coordinates
        and dims_of(store, name) != (name,)
        and store.array(name).dtype.kind in "fiub"
    ]
    return sorted(arrays, key=lambda name: (name not in FIRST, -math.prod(store.array(name).shape)))


def dims_of(store: Store, name: str) -> tuple[str, ...]:
    """Names of the axes of an array, without the name of a layer before them."""
    return tuple(dim.rpartition(".")[2] for dim in store.array(name).dims)


def is_map(dims: Sequence[str]) -> bool:
    """Whether the last axes of an array are those of a map."""
    return tuple(dims[-2:]) == ("y", "x")


def _at(dims: Sequence[str], shape: Sequence[int], axis: str, position: int) -> int:
    size = shape[list(dims).index(axis)]
    if not 0 <= position < size:
        raise StoreError(f"no {axis} at position {position}", expected=f"0 to {size - 1}")
    return position


def _map(
    store: Store, name: str, dims: tuple[str, ...], sample: int, channel: int | None
) -> Picture:
    array = store.array(name)
    index: list[int | slice] = [slice(None)] * len(dims)
    parts = []
    for axis, position in (("sample", sample), ("channel", channel)):
        if axis in dims and position is not None:
            index[dims.index(axis)] = _at(dims, array.shape, axis, position)
            parts.append(f"{axis} {position}")
    values = np.asarray(array[tuple(index)], np.float64)
    rest = [dim for dim, at in zip(dims, index, strict=True) if isinstance(at, slice)][:-2]
    if rest:
        values = np.sqrt(np.square(values).mean(tuple(range(len(rest)))))
        parts.append(f"root mean square over {' and '.join(rest)}")
    return Picture(values, f"{name}: {', '.join(parts) or 'the map'}")


def _bars(store: Store, name: str, dims: tuple[str, ...]) -> Picture:
    kept = next((axis for axis in LABELLED if axis in dims), dims[-1])
    signed = name in SIGNED or name.endswith("logits")
    values = np.asarray(store.read(name), np.float64)
    others = tuple(number for number, dim in enumerate(dims) if dim != kept)
    exists = np.isfinite(values)
    counted = np.where(exists, np.square(values) if signed else values, 0.0).sum(others)
    number = exists.sum(others)
    mean = np.divide(counted, number, out=np.full(counted.shape, np.nan), where=number > 0)
    words = "root mean square" if signed else "mean"
    over = f", {words} over {' and '.join(d for d in dims if d != kept)}" if others else ""
    labels = [str(at) for at in range(len(mean))]
    if kept in store.names() and dims_of(store, kept) == (kept,):
        labels = [str(value) for value in store.read(kept)]
    return Picture(
        np.sqrt(mean) if signed else mean, f"{name} by {kept}{over}", labels=tuple(labels)
    )


def as_text(picture: Picture, colour: bool) -> Text:
    """A picture for a terminal: a map as shades or grey half blocks, all else as bars."""
    if picture.values.ndim == 1:
        return Text("\n".join(_bar_lines(picture)))
    values = _small(picture.values, 1 if colour else 2)
    low, high = float(values.min()), float(values.max())
    unit = (values - low) / ((high - low) or 1.0)
    text = _blocks(unit) if colour else Text("\n".join(_shaded(unit)))
    return text.append(f"\ndark {low:.3g}, bright {high:.3g}")


def _small(values: FloatArray, wide: int) -> FloatArray:
    """Means over tiles, so that the picture fits a terminal; `wide` characters per column."""
    step = max(1, math.ceil(values.shape[1] * wide / COLUMNS))
    height, width = (math.ceil(size / step) for size in values.shape)
    padded = np.full((height * step, width * step), np.nan)
    padded[: values.shape[0], : values.shape[1]] = values
    small: FloatArray = np.nanmean(padded.reshape(height, step, width, step), axis=(1, 3))
    return small


def _shaded(unit: FloatArray) -> list[str]:
    level = np.rint(unit * (len(SHADES) - 1)).astype(int)
    return ["".join(SHADES[at] * 2 for at in row) for row in level]


def _blocks(unit: FloatArray) -> Text:
    """Two rows per line: the upper one as the colour of the text, the lower as the background."""
    grey = np.rint(unit * 255).astype(int)
    text = Text()
    for top in range(0, len(grey), 2):
        if top:
            text.append("\n")
        below = grey[top + 1] if top + 1 < len(grey) else None
        for column, upper in enumerate(grey[top]):
            style = f"rgb({upper},{upper},{upper})"
            if below is not None:
                lower = below[column]
                style += f" on rgb({lower},{lower},{lower})"
            text.append("▀", style=style)
    return text


def _bar_lines(picture: Picture) -> list[str]:
    values, labels = picture.values, picture.labels
    if len(values) > COLUMNS // 2:
        # Evenly spaced points that include both ends.
        at = np.linspace(0, len(values) - 1, COLUMNS // 2).round().astype(int)
        values, labels = values[at], tuple(labels[position] for position in at)
    finite = values[np.isfinite(values)]
    longest = float(np.abs(finite).max()) if len(finite) else 0.0
    width = max(map(len, labels))
    lines = []
    for label, value in zip(labels, values.tolist(), strict=True):
        if not math.isfinite(value):
            lines.append(f"{label:>{width}} N/A")
            continue
        bar = "#" * round(BAR * abs(value) / longest) if longest else ""
        lines.append(f"{label:>{width}} {bar}{' ' if bar else ''}{value:.4g}")
    return lines
