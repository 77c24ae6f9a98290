"""A layer of a study on disk: maps, a readout, its band logits and outcomes, and the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from PIL import Image

from bandprobe.data.manifest import CROP, write_table
from bandprobe.explorer.cells import LayerStores
from bandprobe.explorer.pictures import Images
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.interventions.compare_routes import BothRoutes
from bandprobe.interventions.outcome_writer import write_outcomes
from bandprobe.linear import compose
from bandprobe.probes.read import Readout
from bandprobe.scoring.changed_outcomes import Axes, ChangedOutcomes
from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.store.zarr_store import Variable, write_store

N, C, SIDE, CLASSES = 30, 3, 8, 4
FIRST = 100
BANDS = Bands(("low", "none", "mid", "high"), (0.3, 0.31, 0.7))
MODE = Mode("remove-mean", "remove", "mean")
PREPROCESS = (
    '{"size": [32, 32], "crop_fraction": 1.0, "interpolation": "bicubic", "mean": [0.5, 0.5, 0.5],'
    ' "std": [0.5, 0.5, 0.5]}'
)


@dataclass
class Layer:
    """What is on disk, and what it was made of."""

    stores: LayerStores
    maps: np.ndarray
    labels: np.ndarray
    routes: BothRoutes
    images: Images


@pytest.fixture
def layer(tmp_path: Path, rng: np.random.Generator) -> Layer:
    maps = rng.normal(size=(N, C, SIDE, SIDE)).astype(np.float32)
    maps[:, 1] *= 3
    labels = np.arange(N) % CLASSES
    readout = Readout(
        weights=rng.normal(size=(CLASSES, C, SIDE, SIDE)).astype(np.float32),
        intercept=rng.normal(size=CLASSES),
        channel_mean=rng.normal(size=C).astype(np.float32),
        channel_scale=np.ones(C, np.float32),
        mean_map=rng.normal(size=(C, SIDE, SIDE)).astype(np.float32),
    )
    routes = BothRoutes(readout, BANDS.on_grid(SIDE, SIDE))
    stores = LayerStores(
        "layer1", *(tmp_path / f"{name}.zarr" for name in ("eval", "probe", "logits", "outcomes"))
    )
    samples = np.arange(FIRST, FIRST + N)
    coordinates = {
        "sample": Variable(("sample",), samples),
        "label": Variable(("sample",), labels),
        "group": Variable(("sample",), np.arange(N)),
    }
    stored = {"layer1": Variable(("sample", "channel", "y", "x"), maps)}
    write_store(stores.features, stored, coordinates, {"preprocess": PREPROCESS})
    mean = {"mean_map": Variable(("channel", "y", "x"), readout.mean_map)}
    write_store(stores.probe, mean, {}, {})
    split = routes.split(maps)
    arrays = {
        "band_logits": Variable(("band", "sample", "class"), split),
        "mean_logits": Variable(("band", "class"), routes.fill("mean")),
        "zero_logits": Variable(("band", "class"), routes.fill("zero")),
        "intercept": Variable(("class",), readout.intercept),
    }
    write_store(stores.logits, arrays, coordinates, {})
    axes = Axes(
        BANDS.names,
        routes.partition.counts,
        np.array([True, True, True, False]),
        samples,
        labels,
        np.arange(N),
    )
    clean = compose.clean(split, readout.intercept)
    changed = compose.change(MODE, split, routes.fill("mean"), readout.intercept)
    tally = OutcomeTally.of(clean, labels, changed[:, None])
    write_outcomes(stores.outcomes, ChangedOutcomes(axes, clean, tally), {"config": "{}"})
    return Layer(stores, maps, labels, routes, photos(tmp_path, samples, labels, rng))


def photos(
    folder: Path, samples: np.ndarray, labels: np.ndarray, rng: np.random.Generator
) -> Images:
    """Random images in files, with a manifest."""
    names = [f"{sample}.png" for sample in samples]
    for name in names:
        pixels = rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)
        Image.fromarray(pixels).save(folder / name)
    columns = {
        "sample": samples,
        "image": names,
        "label": labels,
        "class_name": [f"class {label}" for label in labels],
        "split": ["eval"] * len(samples),
        **dict(zip(CROP, np.tile([[4], [4], [36], [36]], len(samples)), strict=True)),
    }
    write_table(folder / "manifest.parquet", pa.table(columns))
    return Images.of(folder / "manifest.parquet", folder)
