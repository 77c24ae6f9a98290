"""Stored heads, the classifiers at the end of networks, and stored logits of changed maps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.head.classifier import EmbeddingProbe
from bandprobe.linear.probe import at_end
from bandprobe.store.zarr_store import Store, Variable, write_store


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
    penalty_at_end : bool
        Whether the probe's penalty is at an end of the list.
    """

    sample: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    clean_logits: FloatArray
    probe: EmbeddingProbe | None
    penalty_at_end: bool = False

    def logits(self, outputs: NDArray[np.floating]) -> FloatArray:
        """Logits (..., n_classes) from the network's outputs or embeddings (..., n_outputs)."""
        if self.probe is None:
            return outputs.astype(np.float64)
        return self.probe.logits(outputs)


def write_head(path: Path, head: Head, fit: ProbeFit | None, attrs: Mapping[str, Any]) -> None:
    """Write a head; `fit` is how its probe was fitted, if it has one."""
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
    losses = store.read("cv_log_loss").mean(0) if "cv_log_loss" in store else np.zeros(1)
    return Head(
        sample=store.read("sample"),
        label=store.read("label"),
        group=store.read("group"),
        clean_logits=store.read("clean_logits"),
        probe=EmbeddingProbe(*(store.read(name) for name in names)) if "W" in store else None,
        penalty_at_end=at_end(losses, int(losses.argmin())),
    )


@dataclass(frozen=True)
class LayerLogits:
    """Logits of a network whose one layer was changed in several ways.

    Attributes
    ----------
    clean : array of shape (n_treatments, n_samples, n_classes)
        Of the untouched maps; a treatment keeps or ablates the prefix tokens, the first keeps them.
    changed : array of shape (n_treatments, n_modes, n_bands, n_samples, n_classes)
        NaN where a band is empty.
    sees : array of shape (n_treatments, n_bands)
        Whether removing the band changes any logit.
    bins : array of shape (n_bands,)
    route : {"none", "partial", "total"}
        As of `bandprobe.head.variants.prefix_route`.
    ablated : tuple of bool
        Whether tokens are ablated under each entry of the setting `prefix`.
    has_prefix : bool
    """

    clean: FloatArray
    changed: FloatArray
    sees: NDArray[np.bool_]
    bins: NDArray[np.int64]
    route: str = "none"
    ablated: tuple[bool, ...] = (False,)
    has_prefix: bool = False

    def row(self, entry: int) -> int:
        """Position along `n_treatments` of an entry of the setting `prefix`."""
        return int(self.ablated[entry])


def write_head_logits(
    path: Path, layers: Mapping[str, LayerLogits], head: Head, modes: int, attrs: Mapping[str, Any]
) -> None:
    """Write the logits of the first `modes` modes of all layers of a pass."""
    variables: dict[str, Variable] = {}
    for name, layer in layers.items():
        facts = {
            "units": "logits",
            "prefix_route": layer.route,
            "ablated": list(layer.ablated),
            "has_prefix": layer.has_prefix,
        }
        treated, samples = f"{name}.treatment", ("sample", "class")
        variables |= {
            f"{name}.clean": Variable((treated, *samples), layer.clean, facts),
            f"{name}.changed": Variable(
                (treated, "mode", "band", *samples), layer.changed[:, :modes], {"units": "logits"}
            ),
            f"{name}.sees": Variable((treated, "band"), layer.sees),
            f"{name}.bins": Variable(("band",), layer.bins, {"units": "1"}),
        }
    coordinates = {
        name: Variable(("sample",), getattr(head, name)) for name in ("sample", "label", "group")
    }
    write_store(path, variables, coordinates, attrs)


def read_head_logits(store: Store, layer: str) -> LayerLogits:
    """The logits of one layer."""
    facts: dict[str, Any] = dict(store.array(f"{layer}.clean").attrs)
    return LayerLogits(
        store.read(f"{layer}.clean"),
        store.read(f"{layer}.changed"),
        store.read(f"{layer}.sees"),
        store.read(f"{layer}.bins"),
        str(facts["prefix_route"]),
        tuple(map(bool, facts["ablated"])),
        bool(facts["has_prefix"]),
    )
