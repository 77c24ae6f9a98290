"""Runs the script by hand and the bare forward passes over the images of the default study."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from tqdm import tqdm

from bandprobe.cli.shared import HOME
from bandprobe.data.images import Preprocess
from bandprobe.data.inputs import load_batch
from bandprobe.data.manifest import Split, read_folds, read_split
from bandprobe.study.paths import Paths
from bandprobe.study.study import Model, Study
from benchmarks import by_hand
from benchmarks.by_hand import Scores
from benchmarks.by_hand_fit import Array, Linear, fit_map, fit_pooled
from benchmarks.by_hand_reference import compare, computed, stored
from benchmarks.study import BATCH, load

DATASET = "photos"
# One in so many images of each split in the smallest run.
EVERY = 16
# Layers by model.
Layers = Mapping[str, tuple[str, ...]]
PARTS = ("forward", "readouts", "spectra and bands")


@dataclass(frozen=True)
class Images:
    """Both splits in a row, training images first, as inputs of one model."""

    train: Split
    evaluation: Split
    folds: Array

    def __len__(self) -> int:
        return len(self.train.sample) + len(self.evaluation.sample)

    def batch(self, start: int, preprocess: Preprocess) -> torch.Tensor:
        """Inputs of a batch that starts at an image."""
        part = slice(start, start + BATCH)
        files = (self.train.image + self.evaluation.image)[part]
        boxes = (self.train.crop + self.evaluation.crop)[part]
        return torch.from_numpy(load_batch(HOME / Paths.PHOTOS, files, boxes, preprocess))

    def batches(self, preprocess: Preprocess) -> Iterator[torch.Tensor]:
        """Inputs of all images, one batch decoded ahead."""
        with ThreadPoolExecutor(1) as pool:
            ahead = pool.submit(self.batch, 0, preprocess)
            for start in range(BATCH, len(self), BATCH):
                ready, ahead = ahead, pool.submit(self.batch, start, preprocess)
                yield ready.result()
            yield ahead.result()


@dataclass
class Run:
    """What one run of the script took and found."""

    seconds: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    scores: dict[tuple[str, str], dict[str, Scores]] = field(default_factory=dict)
    fitted: dict[tuple[str, str], tuple[dict[str, Linear], Array]] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add what the block takes to a part."""
        begin = time.perf_counter()
        yield
        self.seconds[part] += time.perf_counter() - begin


def read_images(*, smallest: bool) -> Images:
    """The images of the finished study, with its folds."""
    path = Path(Paths.MANIFEST.format(dataset=DATASET))
    train, evaluation = read_split(path, "train"), read_split(path, "eval")
    folds = read_folds(Path(Paths.FOLDS.format(dataset=DATASET)))
    if not smallest:
        return Images(train, evaluation, folds)
    # Crops of a photo follow each other: every photo and every fold keeps some.
    rows = np.arange(0, len(train.sample), EVERY)
    some = evaluation.take(np.arange(0, len(evaluation.sample), EVERY))
    return Images(train.take(rows), some, folds[rows])


def network_of(model: Model) -> tuple[nn.Module, Preprocess]:
    """A model with its weights; the image itself is what a layer called `input` hands on."""
    if model.architecture == "pixels":
        identity = nn.Sequential(OrderedDict(input=nn.Identity()))
        return identity, Preprocess.from_config(model.preprocess)
    backbone = load(model)
    return backbone.network, backbone.preprocess(model.preprocess)


def run_script(study: Study, layers: Layers, images: Images, *, smallest: bool) -> Run:
    """The careful script over all layers; what it finds is compared between what is timed."""
    run = Run()
    n_train, labels = len(images.train.sample), (images.train.label, images.evaluation.label)
    modes = list(study.modes.values())
    given = (labels[0], images.folds, study.probe.penalties)
    bar = tqdm(total=sum(map(len, layers.values())), unit=" layers", desc="script", disable=None)
    for name, wanted in layers.items():
        network, preprocess = network_of(study.models[name])
        dtype = getattr(torch, study.storage.dtype)
        with run.timed("forward"):
            batches = images.batches(preprocess)
            maps = by_hand.read_features(network, wanted, batches, len(images), dtype)
        for layer in wanted:
            train, evaluation = np.split(maps.pop(layer), [n_train])
            with run.timed("readouts"):
                readouts = {
                    "map": fit_map(train, *given),
                    "pooled": fit_pooled(train, *given),
                }
            with run.timed("spectra and bands"):
                mean_map = train.mean(0, dtype=np.float32)
                masks = by_hand.band_masks(study.bands.edges, *mean_map.shape[1:])
                samples = images.evaluation.sample
                scores = by_hand.score_layer(
                    evaluation, samples, labels[1], readouts, masks, modes, mean_map
                )
            if smallest:
                expected = computed(study, (train, evaluation), labels, images.folds, samples)
            else:
                expected = stored(study, DATASET, name, layer)
            run.counts += compare(scores, expected, len(labels[1]), f"{name}/{layer}")
            run.scores[name, layer], run.fitted[name, layer] = scores, (readouts, mean_map)
            bar.update()
    bar.close()
    return run


@torch.inference_mode()
def bare_forward(study: Study, layers: Layers, images: Images) -> float:
    """Seconds of the networks alone over the same images as far as the last layer."""
    seconds = 0.0
    for name, wanted in layers.items():
        if study.models[name].architecture == "pixels":
            continue
        network, preprocess = network_of(study.models[name])
        network.get_submodule(wanted[-1]).register_forward_hook(_stop)
        for start in range(0, len(images), BATCH):
            # Not decoded ahead, which would take a core from what is measured.
            batch = images.batch(start, preprocess)
            begin = time.perf_counter()
            try:
                network(batch.to(memory_format=torch.channels_last))
            except by_hand.LastLayer:
                seconds += time.perf_counter() - begin
    return seconds


def _stop(*_: Any) -> None:
    raise by_hand.LastLayer
