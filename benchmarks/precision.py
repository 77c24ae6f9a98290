"""What number formats cost and save: logits, accuracy, bytes and seconds against plain float32.

Layers of the default study's networks are extracted from the same crops in float32 and in bfloat16,
and stored in each format. The baseline is a float32 pass, stored in float32 with all bits and no
compression: the readout `map` is fitted on it, and each choice's evaluation maps are scored by
that readout. Printed are the largest and the median change of a logit relative to the logits'
standard deviation, the top-1 of that readout, that of a readout fitted on the choice's own maps,
and bytes on disk and seconds to compute, write and read the maps as ratios to the baseline's.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bandprobe.backbones.backbone import load_backbone
from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.progress import tracked
from bandprobe.cli.shared import HOME, load_study
from bandprobe.data.datasets import samples
from bandprobe.data.folds import assign_folds
from bandprobe.data.inputs import load_batch
from bandprobe.features.extract import FeatureWriter
from bandprobe.features.networks import PRECISIONS, torch_network
from bandprobe.linear.coordinates import StandardisedMaps, standardise_slabs, weight_slabs
from bandprobe.linear.probe import FittedProbe, fit_probe
from bandprobe.linear.standardise import readout_logits
from bandprobe.store.encoding import Storage
from bandprobe.store.zarr_store import Store, StoreWriter
from bandprobe.study.paths import Paths
from bandprobe.study.study import Model, Study
from benchmarks.tables import markdown, publish

BATCH = 16
BASELINE = ("float32", Storage("float32"))
STORAGES = (
    Storage("float32"),
    Storage("float32", None, "zstd"),
    Storage("float32", None, "blosc-lz4"),
    Storage("float32", 10, "blosc-zstd"),
    Storage("float32", 7, "blosc-zstd"),
    Storage("float16"),
    Storage("float16", None, "zstd"),
    Storage("float16", None, "blosc-lz4"),
    Storage("float16", None, "blosc-zstd"),
    Storage("float16", 7, "blosc-zstd"),
    Storage("float16", 5, "blosc-zstd"),
    Storage("float16", 3, "blosc-zstd"),
)
PLAIN = (Storage("float32"), Storage("float16"))
SMALLEST = (Storage("float32"), Storage("float16"), Storage("float16", 5, "blosc-zstd"))
HEAD = ["forward, stored", "largest", "median", "top-1", "refitted"]
HEAD += ["disk", "forward", "write", "read"]
# Largest and median change of a logit, top-1, top-1 of the refitted readout.
Scored = tuple[float, float, float, float]


@dataclass(frozen=True)
class Crops:
    """Some crops of each photo.

    Attributes
    ----------
    rows : dict of lists of `bandprobe.data.folders.Sample`, by split
    """

    rows: Mapping[str, Sequence[Any]]

    def labels(self, split: str) -> NDArray[np.int64]:
        """Class of each crop."""
        return np.array([row.label for row in self.rows[split]])

    def folds(self, count: int, seed: int) -> NDArray[np.int64]:
        """Fold of each training crop; crops of one region stay together."""
        names = [row.group for row in self.rows["train"]]
        _, groups = np.unique(names, return_inverse=True)
        return assign_folds(self.labels("train"), groups.astype(np.int64), count, seed)


@dataclass(frozen=True)
class Choice:
    """What one choice of formats does to one layer.

    Attributes
    ----------
    largest, median : float
        Change of a logit over the standard deviation of all logits, of the baseline's readout.
    top1, refitted_top1 : float
        Of the baseline's readout, and of one fitted on the choice's own training maps.
    megabytes, forward, write, read : float
        On disk; seconds for all crops.
    """

    largest: float
    median: float
    top1: float
    refitted_top1: float
    megabytes: float
    forward: float
    write: float
    read: float


def choose_crops(study: Study, train: int, evaluation: int, photos: int) -> Crops:
    """The first crops of each of the first photos, so many of each split."""
    wanted = {"train": train, "eval": evaluation}
    found: dict[str, list[Any]] = {}
    taken: dict[tuple[str, int, str], int] = {}
    for row in samples(study.datasets["photos"], HOME / Paths.PHOTOS):
        key = (row.split, row.label, row.group)
        regions = study.datasets["photos"]["regions"]
        if row.label < photos and taken.get(key, 0) * regions < wanted.get(row.split, 0):
            taken[key] = taken.get(key, 0) + 1
            found.setdefault(row.split, []).append(row)
    return Crops(found)


def extract_all(
    model: Model, layers: Sequence[str], crops: Crops
) -> tuple[dict[str, dict[tuple[str, str], MapArray]], dict[str, float]]:
    """Maps of each precision by (layer, split), in float32, and seconds of its forward passes."""
    file = HOME / Paths.WEIGHTS.format(asset=model.weights.partition("/")[2])
    backbone = load_backbone(model.architecture, model.weights, model.arguments, model.seed, file)
    preprocess = backbone.preprocess(model.preprocess)
    runs = {one: torch_network(backbone, layers, "float32", one) for one in PRECISIONS}
    parts: dict[str, dict[tuple[str, str], list[MapArray]]] = {one: {} for one in PRECISIONS}
    times = dict.fromkeys(PRECISIONS, 0.0)
    for split, rows in crops.rows.items():
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            files, boxes = [row.image for row in part], [row.crop for row in part]
            batch = load_batch(HOME / Paths.PHOTOS, files, boxes, preprocess)
            for precision, run in runs.items():
                if start == 0:
                    run(batch[:1])
                begin = time.perf_counter()
                found = run(batch)
                times[precision] += time.perf_counter() - begin
                for layer in layers:
                    parts[precision].setdefault((layer, split), []).append(found[layer])
    joined = {
        precision: {key: np.concatenate(maps) for key, maps in found.items()}
        for precision, found in parts.items()
    }
    return joined, times


def store_maps(
    maps: Mapping[str, MapArray], storage: Storage, folder: Path, repeats: int
) -> tuple[dict[str, MapArray], float, float, float]:
    """Maps as they are read again, megabytes, and seconds to write and to read: medians."""
    writes, reads, read, size = [], [], {}, 0
    for _ in range(repeats):
        begin = time.perf_counter()
        for split, values in maps.items():
            with StoreWriter(folder / f"{split}.zarr", {}) as store:  # noqa: SIM117
                with FeatureWriter(store, len(values), storage) as writer:
                    for start in range(0, len(values), BATCH):
                        writer.append({"maps": values[start : start + BATCH]})
        writes.append(time.perf_counter() - begin)
        begin = time.perf_counter()
        stores = {split: Store(folder / f"{split}.zarr") for split in maps}
        read = {split: store.read("maps").astype(np.float32) for split, store in stores.items()}
        reads.append(time.perf_counter() - begin)
        files = [file for file in folder.rglob("c/**/*") if file.is_file()]
        size = sum(file.stat().st_size for file in files)
        if storage.codec == "none":  # without what a last, partly filled chunk wastes
            size = storage.itemsize * sum(values.size for values in maps.values())
        shutil.rmtree(folder)
    return read, size / 1e6, statistics.median(writes), statistics.median(reads)


def fit(
    maps: Mapping[str, MapArray], crops: Crops, study: Study
) -> tuple[StandardisedMaps, FittedProbe]:
    """The readout `map` of some maps."""
    n_train, *shape = maps["train"].shape
    found = standardise_slabs([(maps["train"], maps["eval"])], direct=np.prod(shape) <= n_train)
    settings = study.probe
    folds = crops.folds(settings.folds, settings.seed)
    labels, penalties = crops.labels("train"), np.array(settings.penalties)
    return found, fit_probe(
        found.coordinates.basis, labels, folds, int(labels.max()) + 1, penalties
    )


def top1(logits: FloatArray, labels: NDArray[np.int64]) -> float:
    """Share of crops whose class has the largest logit."""
    return float((logits.argmax(1) == labels).mean())


def layer_choices(
    layer: str,
    passes: Mapping[str, Mapping[tuple[str, str], MapArray]],
    times: Mapping[str, float],
    crops: Crops,
    study: Study,
    storages: Sequence[Storage],
    repeats: int,
) -> dict[str, Choice]:
    """Every choice on one layer; the first is the baseline."""
    truth, found = crops.labels("eval"), {}
    exact = {split: passes["float32"][layer, split] for split in ("train", "eval")}
    maps, probe = fit(exact, crops, study)
    own = probe.weights(maps.coordinates.basis)
    ((weights,),) = weight_slabs([(maps, own)], lambda: [exact["train"]])
    own = probe.logits(maps.coordinates.evaluation)
    zero = np.zeros(len(weights))
    moments = (maps.mean, maps.scale)
    intercept = (own - readout_logits(exact["eval"], weights, zero, *moments)).mean(0)
    clean = readout_logits(exact["eval"], weights, intercept, *moments)
    with tempfile.TemporaryDirectory() as name:
        for precision in PRECISIONS:
            given = {split: passes[precision][layer, split] for split in ("train", "eval")}
            same: dict[tuple[str, int | None], Scored] = {}
            for storage in storages if precision == "float32" else PLAIN:
                read, size, write, again = store_maps(given, storage, Path(name) / "a", repeats)
                values = (storage.dtype, storage.keepbits)
                if values not in same:
                    logits = readout_logits(read["eval"], weights, intercept, *moments)
                    again_maps, refitted = fit(read, crops, study)
                    change = np.abs(logits - clean) / clean.std()
                    accuracy = top1(refitted.logits(again_maps.coordinates.evaluation), truth)
                    same[values] = (change.max(), np.median(change), top1(logits, truth), accuracy)
                seconds = (times[precision], write, again)
                choice = Choice(*(float(one) for one in (*same[values], size, *seconds)))
                if (precision, storage) == BASELINE and choice.largest > 0:
                    raise ValueError(f"{layer}: the baseline does not give its own logits")
                found[label(precision, storage)] = choice
    return found


def label(precision: str, storage: Storage) -> str:
    """A choice in a few words."""
    bits = "" if storage.keepbits is None else f" {storage.keepbits} bits"
    return f"{precision}, {storage.dtype}{bits}, {storage.codec}"


def table(results: Mapping[str, Mapping[str, Choice]], crops: Crops) -> str:
    """All layers together, in Markdown: the worst change, mean accuracies, ratios of sums."""
    layers = list(results.values())
    base = [one[label(*BASELINE)] for one in layers]
    rows = []
    for name in layers[0]:
        own = [one[name] for one in layers]
        cells = [f"{max(one.largest for one in own):.1e}", f"{max(one.median for one in own):.1e}"]
        cells += [f"{statistics.mean(one.top1 for one in own):.3f}"]
        cells += [f"{statistics.mean(one.refitted_top1 for one in own):.3f}"]
        for part in ("megabytes", "forward", "write", "read"):
            total = sum(getattr(one, part) for one in own)
            cells.append(f"{total / sum(getattr(one, part) for one in base):.2f}")
        rows.append([name, *cells])
    counts = " and ".join(f"{len(rows)} {split}" for split, rows in crops.rows.items())
    text = (
        f"{len(layers)} layers, {counts} crops. Largest and median change of a logit are of the "
        "layer where they are largest, top-1 is the mean over layers. Bytes and seconds are "
        "relative to the first row."
    )
    return markdown(HEAD, rows) + "\n\n" + text


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="one layer, few crops, one repeat")
    parser.add_argument("--train", type=int, default=8, help="training crops a photo")
    parser.add_argument("--evaluation", type=int, default=8, help="evaluation crops a photo")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/precision.json"))
    arguments = parser.parse_args()
    study = load_study(HOME / "config.yaml")
    counts = (4, 4, 3) if arguments.smallest else (arguments.train, arguments.evaluation, 20)
    repeats = 1 if arguments.smallest else arguments.repeats
    storages = SMALLEST if arguments.smallest else STORAGES
    crops = choose_crops(study, *counts)
    results: dict[str, dict[str, Choice]] = {}
    models = [model for model in study.models.values() if model.architecture != "pixels"]
    for model in models[:1] if arguments.smallest else models:
        layers = model.layers[-1:] if arguments.smallest else model.layers[2:]
        passes, times = extract_all(model, layers, crops)
        for layer in tracked(layers, len(layers), "layers", model.name):
            given = (passes, times, crops, study, storages, repeats)
            results[f"{model.name}/{layer}"] = layer_choices(layer, *given)
    found = {
        "threads": torch.get_num_threads(),
        "crops": {split: len(rows) for split, rows in crops.rows.items()},
        "baseline": label(*BASELINE),
        "layers": {
            layer: {name: asdict(one) for name, one in choices.items()}
            for layer, choices in results.items()
        },
    }
    publish(arguments.output, found, table(results, crops))


if __name__ == "__main__":
    main()
