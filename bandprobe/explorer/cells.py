"""One cell of the page, a band of a layer and a readout: chosen images, their maps, predictions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bandprobe.base.arrays import MapArray
from bandprobe.explorer.choose import chosen_images
from bandprobe.explorer.predictions import Prediction, best, logits_of_images
from bandprobe.explorer.settings import LayerPlace
from bandprobe.explorer.views import View, most_changed_channel, view_of
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import intervene
from bandprobe.fourier.modes import Mode
from bandprobe.store.zarr_store import Store
from bandprobe.study.paths import Paths
from bandprobe.study.within import inside


@dataclass(frozen=True)
class LayerStores:
    """Where the results of one layer under one readout are.

    Attributes
    ----------
    layer : str
    features : Path
        Maps of the evaluation images.
    probe, logits, outcomes : Path
        The fitted readout, its band logits, and the outcomes under the mode.
    """

    layer: str
    features: Path
    probe: Path
    logits: Path
    outcomes: Path


def layer_stores(folder: Path, place: LayerPlace, readout: str, mode: Mode) -> LayerStores:
    """The stores of a layer in the results folder of a data set."""
    names = {"model": place.model, "layer": place.layer, "readout": readout, "mode": mode.name}
    patterns = (Paths.PROBE, Paths.LOGITS, Paths.OUTCOMES)
    return LayerStores(
        place.layer,
        inside(folder, Paths.FEATURES, **names, passname=place.passname, split="eval"),
        *(inside(folder, pattern, **names) for pattern in patterns),
    )


@dataclass(frozen=True)
class Shown:
    """One image of a cell.

    Attributes
    ----------
    rule : str
        Of `bandprobe.explorer.choose.RULES`, that chose it.
    sample, label : int
        Row in the manifest, and class.
    before, after : Prediction
        The class that is predicted; the margin is that of the true class, as it is stored.
    view : View
        What is shown of the map.
    """

    rule: str
    sample: int
    label: int
    before: Prediction
    after: Prediction
    view: View


@dataclass(frozen=True)
class Cell:
    """Images of a band of a layer.

    Attributes
    ----------
    band : int
    channel, n_channels : int
        The channel that changes most in these images, and how many there are.
    images : tuple of Shown
    before, after : arrays of shape (n_images, height, width)
        Of the channel, all of it.
    """

    band: int
    channel: int
    n_channels: int
    images: tuple[Shown, ...]
    before: MapArray
    after: MapArray


def cells_of(stores: LayerStores, mode: Mode, bands: Bands, seed: int) -> Iterator[Cell]:
    """The cells of a layer and a readout, but of bands that are empty or that it cannot see.

    Parameters
    ----------
    stores : LayerStores
    mode : Mode
        Linear in the map, with one draw.
    bands : Bands
    seed : int
        Of the choice of images.
    """
    outcomes, features = Store(stores.outcomes), Store(stores.features)
    clean, changed = outcomes.read("clean_margin"), outcomes.read("margin")[:, 0]
    samples, labels = outcomes.read("sample"), outcomes.read("label")
    maps = features.array(stores.layer)
    partition = bands.on_grid(*maps.shape[2:])
    mean = Store(stores.probe).read("mean_map") if mode.fill == "mean" else None
    for band in np.flatnonzero((outcomes.read("bins") > 0) & outcomes.read("sees")).tolist():
        chosen = chosen_images(clean, changed[band], seed)
        rows = np.array(list(chosen.values()))
        before = np.stack([np.asarray(maps[int(row)], np.float32) for row in rows])
        after = intervene(mode, before, partition, band, mean_map=mean)
        logits, changed_logits = logits_of_images(Store(stores.logits), mode, rows)
        channel = most_changed_channel(before, after)
        changes = after[:, channel] - before[:, channel]
        mask = partition.mask(band)
        images = tuple(
            Shown(
                rule,
                int(samples[row]),
                int(labels[row]),
                Prediction(best(logits[at], 1)[0].label, float(clean[row])),
                Prediction(best(changed_logits[band, at], 1)[0].label, float(changed[band, row])),
                view_of(changes[at], mask),
            )
            for at, (rule, row) in enumerate(chosen.items())
        )
        yield Cell(band, channel, before.shape[1], images, before[:, channel], after[:, channel])
