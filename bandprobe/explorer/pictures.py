"""Cells as pictures for a page, the most telling first, as many as may be embedded."""

from __future__ import annotations

import json
from collections import ChainMap
from collections.abc import Callable, Iterator, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from bandprobe.base.arrays import MapArray
from bandprobe.data.images import Preprocess
from bandprobe.data.manifest import CROP
from bandprobe.errors import ConfigError
from bandprobe.explorer.cells import Cell, LayerStores, cells_of
from bandprobe.explorer.choose import RULES
from bandprobe.explorer.photo import brightness, shown_image
from bandprobe.explorer.settings import LayerPlace, PictureSettings
from bandprobe.explorer.tiles import (
    SMALL,
    as_text,
    change_colours,
    grey,
    level_colours,
    resized,
    strip,
    webp,
)
from bandprobe.explorer.views import SIDE, View, image_band
from bandprobe.fourier.bands import BandPartition
from bandprobe.store.zarr_store import Store

# Longest side of an image on the page, in pixels, and how well it is stored.
PHOTO_SIDE, PHOTO_QUALITY = 128, 55
MEGABYTE = 1_000_000


StoresOf = Callable[[LayerPlace, str], LayerStores]


@dataclass(frozen=True)
class Images:
    """The images of a data set.

    Attributes
    ----------
    root : Path
        Folder that the manifest's names are relative to.
    rows : mapping of int to mapping
        Rows of the manifest by their numbers.
    """

    root: Path
    rows: Mapping[int, Mapping[str, Any]]

    @classmethod
    def of(cls, manifest: Path, root: Path) -> Images:
        """Those of a manifest."""
        return cls(root, {row["sample"]: row for row in pq.read_table(manifest).to_pylist()})

    def load(self, sample: int, preprocess: Preprocess) -> MapArray:
        """As of `shown_image`."""
        row = self.rows[sample]
        left, top, right, bottom = (row[name] for name in CROP)
        box = None if left is None else (left, top, right, bottom)
        return shown_image(self.root / row["image"], box, preprocess)


def _photo(image: MapArray) -> str:
    """An image as the page holds it."""
    pixels = np.rint(255 * image.transpose(1, 2, 0)).astype(np.uint8)
    scale = min(1.0, PHOTO_SIDE / max(pixels.shape))
    height, width = (max(1, round(scale * length)) for length in pixels.shape[:2])
    return as_text(webp(resized(pixels, height, width), quality=PHOTO_QUALITY))


def _frame(preprocess: Preprocess) -> str:
    """What decides which part of an image a network sees."""
    if preprocess.function:
        return "file"
    height, width = preprocess.size
    return f"{height / width:g}x{preprocess.crop_fraction:g}"


def draw_pictures(
    settings: PictureSettings, stores: StoresOf, images: Images, classes: Sequence[str]
) -> dict[str, Any]:
    """All pictures that the limit allows, as plain data for JSON.

    Layers and readouts are taken in the order of the settings, each with all its bands; the first
    that does not fit ends it.

    Parameters
    ----------
    settings : PictureSettings
    stores : callable
        From a layer and a readout to where their results are.
    images : Images
    classes : sequence of str
        Names of the classes by label.

    Returns
    -------
    dict
        `mode`, `readouts`, `rules`, `classes`, `photos`, `cells` by MODEL/LAYER/READOUT/BAND,
        `megabytes`, and `left_out`: MODEL/LAYER/READOUT for which there was no room.

    Raises
    ------
    ConfigError
        If there is not even room for the first.
    """
    limit = settings.megabytes * MEGABYTE
    groups = [(place, readout) for place in settings.layers for readout in settings.readouts]
    cells: dict[str, Any] = {}
    photos: dict[str, str] = {}
    left_out: list[str] = []
    used = 0
    for number, (place, readout) in enumerate(groups):
        where = f"{place.model}/{place.layer}/{readout}"
        # Each image is stored once, however many cells show it.
        new_photos: dict[str, str] = {}
        known = ChainMap(new_photos, photos)
        named = {
            f"{where}/{band}": cell
            for band, cell in _group(settings, stores(place, readout), images, known)
        }
        size = sum(len(json.dumps(part, separators=(",", ":"))) for part in (named, new_photos))
        if used + size > limit:
            left_out = [f"{one.model}/{one.layer}/{name}" for one, name in groups[number:]]
            if not cells:
                raise ConfigError(
                    "report.images_megabytes: no room for the images of a single layer",
                    expected=f"{size / MEGABYTE:.2f} or more",
                    found=settings.megabytes,
                    hint="raise it, or turn the images off with report: {images: false}",
                )
            break
        cells |= named
        photos |= new_photos
        used += size
    return {
        "mode": settings.mode.name,
        "readouts": list(settings.readouts),
        "rules": RULES,
        "classes": list(classes),
        "photos": photos,
        "cells": cells,
        "megabytes": settings.megabytes,
        "left_out": left_out,
    }


def _group(
    settings: PictureSettings,
    stores: LayerStores,
    images: Images,
    photos: MutableMapping[str, str],
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The cells of a layer and a readout, drawn, by the names of their bands."""
    features = Store(stores.features)
    preprocess = Preprocess.from_config(json.loads(features.attrs["preprocess"]))
    partition = settings.bands.on_grid(*features.array(stores.layer).shape[2:])
    for cell in cells_of(stores, settings.mode, settings.bands, settings.seed):
        yield settings.bands.names[cell.band], _drawn(cell, partition, images, preprocess, photos)


def _drawn(
    cell: Cell,
    partition: BandPartition,
    images: Images,
    preprocess: Preprocess,
    photos: MutableMapping[str, str],
) -> dict[str, Any]:
    grid = partition.index.shape
    views = [image.view for image in cell.images]
    before, after = (
        [view.of(values) for view, values in zip(views, maps, strict=True)]
        for maps in (cell.before, cell.after)
    )
    low, high = (
        float(end([end(values) for values in (*before, *after)])) for end in (np.min, np.max)
    )
    changes = [new - old for old, new in zip(before, after, strict=True)]
    limit = float(max(np.abs(change).max() for change in changes))
    tiles = [
        picture
        for old, new, change in zip(before, after, changes, strict=True)
        for picture in (
            level_colours(old, low, high),
            level_colours(new, low, high),
            change_colours(change, limit),
        )
    ]
    found = [images.load(image.sample, preprocess) for image in cell.images]
    names = [f"{image.sample}/{_frame(preprocess)}" for image in cell.images]
    for name, pixels in zip(names, found, strict=True):
        if name not in photos:
            photos[name] = _photo(pixels)
    facts = [
        {
            "rule": image.rule,
            "sample": image.sample,
            "photo": name,
            "label": image.label,
            "before": [image.before.label, _short(image.before.margin)],
            "after": [image.after.label, _short(image.after.margin)],
            "window": [round(share, 4) for share in image.view.shares(grid)],
        }
        for image, name in zip(cell.images, names, strict=True)
    ]
    return {
        "channel": cell.channel,
        "channels": cell.n_channels,
        "grid": list(grid),
        "shown": list(before[0].shape),
        "step": views[0].step,
        "low": _short(low),
        "high": _short(high),
        "limit": _short(limit),
        "maps": as_text(webp(strip(tiles), lossless=max(before[0].shape) <= SMALL)),
        "parts": None if preprocess.function else _image_parts(found, views, partition, cell.band),
        "images": facts,
    }


def _image_parts(
    images: Sequence[MapArray], views: Sequence[View], partition: BandPartition, band: int
) -> str:
    """The part of each image at the band's frequencies, where its map is shown, on one scale."""
    parts = []
    for image, view in zip(images, views, strict=True):
        values = image_band(brightness(image), partition, band)
        left, top, width, height = view.shares(partition.index.shape)
        rows, columns = values.shape
        y, x = round(top * rows), round(left * columns)
        parts.append(values[y : y + round(height * rows), x : x + round(width * columns)])
    # A band with DC is as bright as the image; others are brighter and darker than their mean.
    limit = max(float(np.abs(part).max()) for part in parts)
    low, high = (0.0, 1.0) if partition.mask(band)[0, 0] else (-limit, limit)
    scale = SIDE / max(parts[0].shape)
    size = [max(1, round(scale * length)) for length in parts[0].shape]
    return as_text(webp(strip([resized(grey(part, low, high), *size) for part in parts])))


def _short(value: float) -> float:
    """As few digits as tell two numbers of single precision apart."""
    return float(f"{value:.9g}")
