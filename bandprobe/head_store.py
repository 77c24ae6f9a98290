"""The stored classifier of a network's end, and the images that it is used on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.head_logits import EmbeddingProbe
from bandprobe.store import Store, Variable, write_store

FloatArray = NDArray[np.float64]


@dataclass(frozen=True)
class ProbeFit:
    """The probe on the final embedding, and how its penalty was chosen.

    Attributes
    ----------
    probe : EmbeddingProbe
    losses : array of shape (n_folds, n_penalties)
    penalties : array of shape (n_penalties,)
    penalty : float
        The chosen one.
    train_sample : array of shape (n_train,)
        Rows in the manifest of the images that it was fitted on.
    """

    probe: EmbeddingProbe
    losses: FloatArray
    penalties: FloatArray
    penalty: float
    train_sample: NDArray[np.int64]


@dataclass(frozen=True)
class Head:
    """What scores the network's end: its own classifier, or a probe on its final embedding.

    Attributes
    ----------
    sample, label, group : arrays of shape (n_samples,)
        Evaluation images; with the network's own classifier `label` is their ImageNet index.
    clean_logits : array of shape (n_samples, n_classes)
        Of plain forward passes.
    probe : EmbeddingProbe, or None for the network's own classifier
    """

    sample: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    clean_logits: FloatArray
    probe: EmbeddingProbe | None

    def logits(self, outputs: NDArray[np.floating]) -> FloatArray:
        """Logits (..., n_classes) from the network's outputs or embeddings (..., n_outputs)."""
        if self.probe is None:
            return outputs.astype(np.float64)
        return self.probe.logits(outputs)


def write_head(path: Path, head: Head, fit: ProbeFit | None, attrs: Mapping[str, Any]) -> None:
    """Write a head; `fit` is what is stored beside a probe."""
    logit, feature = {"units": "logits"}, {"units": "feature units"}
    facts = {"long_name": "untouched network"} | logit
    variables = {"clean_logits": Variable(("sample", "class"), head.clean_logits, facts)}
    coordinates = {
        name: Variable(("sample",), getattr(head, name)) for name in ("sample", "label", "group")
    }
    if fit is not None:
        probe = fit.probe
        named = {"long_name": "weights of the standardised final embedding"} | logit
        loss = {"units": "nats", "long_name": "log loss at the best temperature, held out"}
        variables |= {
            "W": Variable(("class", "feature"), probe.weights, named),
            "intercept": Variable(("class",), probe.intercept, logit),
            "feature_mean": Variable(("feature",), probe.mean, feature),
            "feature_scale": Variable(("feature",), probe.scale, feature),
            "cv_log_loss": Variable(("fold", "penalty"), fit.losses, loss),
        }
        coordinates |= {
            "penalty": Variable(("penalty",), fit.penalties, {"units": "mean squared norm"}),
            "train_sample": Variable(
                ("train_sample",), fit.train_sample, {"long_name": "row in the manifest"}
            ),
        }
    write_store(path, variables, coordinates, attrs)


def read_head(path: Path) -> Head:
    """The head of a model."""
    store = Store(path)
    names = ("W", "intercept", "feature_mean", "feature_scale")
    return Head(
        sample=store.read("sample"),
        label=store.read("label"),
        group=store.read("group"),
        clean_logits=store.read("clean_logits"),
        probe=EmbeddingProbe(*(store.read(name) for name in names)) if "W" in store else None,
    )
