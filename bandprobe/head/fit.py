"""What scores the end of a network: its own classifier, or a probe on its final embedding."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.backbones.backbone import Backbone
from bandprobe.base.progress import tracked
from bandprobe.data.images import Preprocess
from bandprobe.data.manifest import Split, class_names, read_split
from bandprobe.data.subsets import choose_samples
from bandprobe.features.extract import Source
from bandprobe.head.classifier import fit_embedding_probe
from bandprobe.head.store import Head, ProbeFit
from bandprobe.head.variants import Reader, final_embedding, own_outputs, plain_outputs


@dataclass(frozen=True)
class Images:
    """The images of a data set, and what the end of a network makes of them."""

    root: Path
    manifest: Path
    preprocess: Preprocess
    backbone: Backbone
    batch: int

    def choose(self, split: str, count: int, seed: int) -> tuple[Split, NDArray[np.int64]]:
        """Some images of a split, and their positions in it."""
        found = read_split(self.manifest, split)
        rows = choose_samples(found.label, found.group, count, seed)
        return found.take(rows), rows

    def outputs(self, split: Split, read: Reader) -> NDArray[np.float32]:
        """What `read` finds for each image."""
        source = Source(self.root, split, self.preprocess)
        batches = tracked(source.batches(self.batch), len(split.sample), "images", "passes", len)
        return np.concatenate([plain_outputs(self.backbone, batch, read) for batch in batches])


def own_head(images: Images, split: Split, indices: NDArray[np.int64]) -> Head:
    """The network's own classifier; labels become ImageNet indices."""
    logits = images.outputs(split, own_outputs).astype(np.float64)
    return Head(split.sample, indices[split.label], split.group, logits, None)


def probe_head(images: Images, split: Split, fit: ProbeFit) -> Head:
    """A probe on the network's final embedding."""
    logits = fit.probe.logits(images.outputs(split, final_embedding))
    return Head(split.sample, split.label, split.group, logits, fit.probe)


def fit_probe(
    images: Images, wanted: dict[str, Any], folds: NDArray[np.int64], penalties: list[float]
) -> ProbeFit:
    """Fit the probe on the chosen training images."""
    train, rows = images.choose("train", wanted["train_samples"], wanted["seed"])
    strengths = np.asarray(penalties, np.float64)
    embeddings = images.outputs(train, final_embedding)
    n_classes = len(class_names(images.manifest))
    probe, losses, chosen = fit_embedding_probe(
        embeddings, train.label, folds[rows], n_classes, strengths
    )
    return ProbeFit(probe, losses, strengths, float(strengths[chosen]), train.sample)
