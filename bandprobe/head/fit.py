"""What scores the end of a network: its own classifier, or a probe on its final embedding."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bandprobe.backbones.backbone import Backbone
from bandprobe.backbones.load import load_model
from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.base.arrays import FloatArray
from bandprobe.base.devices import open_device
from bandprobe.base.progress import tracked
from bandprobe.data.images import Preprocess
from bandprobe.data.manifest import (
    Split,
    class_names,
    imagenet_indices,
    read_folds,
    read_split,
)
from bandprobe.data.subsets import choose_samples
from bandprobe.features.extract import Source
from bandprobe.head.classifier import choose_classifier, fit_embedding_probe
from bandprobe.head.settings import ClassifierSettings
from bandprobe.head.store import Head, ProbeFit, write_head
from bandprobe.head.variants import Reader, final_embedding, own_outputs, plain_outputs
from bandprobe.store.provenance import provenance, stated


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
        samples = read_split(self.manifest, split)
        rows = choose_samples(samples.label, samples.group, count, seed)
        return samples.take(rows), rows

    def outputs(self, split: Split, read: Reader) -> NDArray[np.float32]:
        """What `read` finds for each image, (n_samples, n_outputs)."""
        source = Source(self.root, split, self.preprocess)
        batches = tracked(source.batches(self.batch), len(split.sample), "images", "passes", len)
        return np.concatenate([plain_outputs(self.backbone, batch, read) for batch in batches])


def fit_head(
    output: Path,
    model: ModelSpec,
    settings: ClassifierSettings,
    penalties: Sequence[float],
    *,
    weights: Path | None,
    manifest: Path,
    folds: Path,
    root: Path,
    batch: int = 16,
    threads: int = 1,
    code: str,
    device: str = "cpu",
) -> None:
    """Choose, fit and store the classifier of a model.

    Parameters
    ----------
    output : Path
        The store of the head.
    model : ModelSpec
    settings : ClassifierSettings
    penalties : sequence of float
        Relative, as for `bandprobe.linear.probe.fit_probe`.
    weights : Path, optional
        File of the weights, where there is one.
    manifest, folds : Path
    root : Path
        Folder that image names are relative to.
    batch : int
        Images per forward pass.
    threads : int
        Of the forward pass on a CPU.
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    torch.set_num_threads(threads)
    backbone = load_model(model, weights, open_device(device))
    images = Images(root, manifest, backbone.preprocess(model.preprocess), backbone, batch)
    split, _ = images.choose("eval", settings.samples, settings.seed)
    indices = imagenet_indices(manifest)
    n_outputs = images.outputs(split.take(np.arange(1)), own_outputs).shape[1]
    lacking = bool(backbone.lacking)
    chosen = choose_classifier(
        settings.classifier, indices, n_outputs, model.is_trained, lacking=lacking
    )
    stage: dict[str, Any] = {"model": stated(model), "head": stated(settings)}
    stage["classifier"] = chosen
    fit = None
    if chosen == "own":
        head = own_head(images, split, np.asarray(indices))
    else:
        strengths = np.asarray(penalties, np.float64)
        fit = fit_classifier(images, settings, read_folds(folds), strengths)
        head = probe_head(images, split, fit)
        stage["penalty"] = fit.penalty
    attrs = provenance(code, stage, **backbone.facts)
    write_head(output, head, fit, attrs)


def own_head(images: Images, split: Split, indices: NDArray[np.int64]) -> Head:
    """The network's own classifier; labels become ImageNet indices."""
    logits = images.outputs(split, own_outputs).astype(np.float64)
    return Head(split.sample, indices[split.label], split.group, logits, None)


def probe_head(images: Images, split: Split, fit: ProbeFit) -> Head:
    """A probe on the network's final embedding."""
    logits = fit.probe.logits(images.outputs(split, final_embedding))
    return Head(split.sample, split.label, split.group, logits, fit.probe)


def fit_classifier(
    images: Images,
    settings: ClassifierSettings,
    folds: NDArray[np.int64],
    penalties: FloatArray,
) -> ProbeFit:
    """Fit a probe on the final embeddings of the chosen training images.

    Parameters
    ----------
    images : Images
    settings : ClassifierSettings
    folds : array of shape (n_train,)
        Of all training images.
    penalties : array of shape (n_penalties,)
    """
    train, rows = images.choose("train", settings.train_samples, settings.seed)
    embeddings = images.outputs(train, final_embedding)
    n_classes = len(class_names(images.manifest))
    probe, losses, chosen = fit_embedding_probe(
        embeddings, train.label, folds[rows], n_classes, penalties
    )
    return ProbeFit(probe, losses, penalties, float(penalties[chosen]), train.sample)
