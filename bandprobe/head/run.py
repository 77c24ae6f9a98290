"""Changed maps of a layer through the rest of the network."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from bandprobe.backbones.backbone import Backbone
from bandprobe.backbones.load import load_model
from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.base.devices import open_device
from bandprobe.base.progress import tracked
from bandprobe.data.manifest import read_split
from bandprobe.features.blocks import sample_mean
from bandprobe.features.extract import Source
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.head.classifier import bands_seen, check_untouched, settle
from bandprobe.head.store import Head, LayerLogits, read_head, write_head_logits
from bandprobe.head.variants import (
    HeadOutputs,
    Plan,
    final_embedding,
    head_outputs,
    own_outputs,
    prefix_route,
)
from bandprobe.store.provenance import provenance, stated
from bandprobe.store.zarr_store import Store


def run_head(
    output: Path,
    model: ModelSpec,
    layers: Sequence[str],
    bands: Bands,
    modes: Sequence[Mode],
    prefix: Sequence[str],
    *,
    head: Path,
    train: Path,
    weights: Path | None,
    manifest: Path,
    root: Path,
    batch: int = 64,
    threads: int = 1,
    code: str,
    device: str = "cpu",
) -> None:
    """Send the changed maps of a pass's layers through the rest of the network; store the logits.

    Parameters
    ----------
    output : Path
        The store of the logits.
    model : ModelSpec
    layers : sequence of str
    bands : Bands
    modes : sequence of Mode
    prefix : sequence of {"keep", "ablate"}
        What becomes of prefix tokens.
    head : Path
        The store of the fitted head.
    train : Path
        The store of the training features of the pass, for mean maps.
    weights : Path, optional
        File of the weights, where there is one.
    manifest : Path
    root : Path
        Folder that image names are relative to.
    batch : int
        Changed maps per forward pass.
    threads : int
        Of the forward pass on a CPU.
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    torch.set_num_threads(threads)
    backbone = load_model(model, weights, open_device(device))
    classifier, features = read_head(head), Store(train)
    split = read_split(manifest, "eval")
    split = split.take(np.flatnonzero(np.isin(split.sample, classifier.sample)))
    source = Source(root, split, backbone.preprocess(model.preprocess))
    logits = {}
    for name in layers:
        layer = Layer(name, features, bands, modes, prefix)
        logits[name] = run_layer(backbone, layer, classifier, source, batch)
    stage = {
        "modes": [stated(mode) for mode in modes],
        "prefix": prefix,
        "bands": stated(bands),
    }
    attrs = provenance(code, stage, **backbone.facts)
    write_head_logits(output, logits, classifier, len(modes), attrs)


@dataclass(frozen=True)
class Layer:
    """A layer, its training maps, and what will be done to it."""

    name: str
    train: Store
    bands: Bands
    modes: Sequence[Mode]
    prefix: Sequence[str]

    @property
    def has_prefix(self) -> bool:
        """Whether prefix tokens stand beside its maps."""
        return f"{self.name}.prefix" in self.train

    @property
    def ablations(self) -> list[bool]:
        """Whether each entry of `prefix` ablates tokens; without any there is nothing to ablate."""
        return [kind == "ablate" and self.has_prefix for kind in self.prefix]

    def plan(self) -> Plan:
        """The modes, and a removal if there is none among them: it shows which bands are seen."""
        grid = self.train.array(self.name).shape[-2:]
        removal = [mode for mode in self.modes if mode.kind == "remove"]
        modes = [*self.modes, *([] if removal else [Mode("removal", "remove")])]
        mean = any(mode.fill == "mean" for mode in modes)
        return Plan(
            modes,
            self.bands.on_grid(*grid),
            # Always with the original tokens: then the logits must equal those of plain passes.
            list(dict.fromkeys([False, *self.ablations])),
            sample_mean(self.train, self.name) if mean else None,
            sample_mean(self.train, f"{self.name}.prefix") if any(self.ablations) else None,
        )


def run_layer(
    backbone: Backbone, layer: Layer, head: Head, source: Source, rows: int
) -> LayerLogits:
    """Logits of all variants of one layer, arguments as for `run_network`.

    Raises
    ------
    ModelError
        If putting the untouched maps back changes the logits.
    """
    plan = layer.plan()
    logits = layer_logits(run_network(backbone, layer, plan, head, source, rows), head, plan)
    check_untouched(layer.name, head.clean_logits, logits.clean[0])
    route = prefix_route(backbone, layer.name)
    check_route(layer, route, logits.sees[0])
    return replace(logits, route=route, ablated=tuple(layer.ablations), has_prefix=layer.has_prefix)


def run_network(
    backbone: Backbone, layer: Layer, plan: Plan, head: Head, source: Source, rows: int
) -> HeadOutputs:
    """Send all variants of all images of a head through the network.

    Parameters
    ----------
    backbone : Backbone
    layer : Layer
    plan : Plan
        For that layer.
    head : Head
        Decides whether logits or embeddings are read.
    source : Source
        The images.
    rows : int
        Changed maps per forward pass.
    """
    read = own_outputs if head.probe is None else final_embedding
    n_images = len(source.split.sample)
    batches = source.batches(plan.images_a_pass(rows))
    batches = tracked(batches, n_images, "images", f"rest from {layer.name}", len)
    return head_outputs(backbone, layer.name, batches, plan, read, rows)


def layer_logits(outputs: HeadOutputs, head: Head, plan: Plan) -> LayerLogits:
    """Logits of every treatment of the prefix tokens, and which bands move them."""
    clean, changed, sees = [], [], []
    for outputs_clean, outputs_changed in zip(outputs.clean, outputs.changed, strict=True):
        untouched, logits = head.logits(outputs_clean), head.logits(outputs_changed)
        removed = [logits[at] for at, mode in enumerate(plan.modes) if mode.kind == "remove"]
        sees.append(bands_seen(untouched, removed, plan.partition.counts))
        clean.append(untouched)
        changed.append(settle(untouched, logits))
    return LayerLogits(np.stack(clean), np.stack(changed), np.stack(sees), plan.partition.counts)


def check_route(layer: Layer, route: str, kept_sees: NDArray[np.bool_]) -> None:
    """Log a warning if the rule and the numbers disagree on whether patches reach the head."""
    if layer.has_prefix and kept_sees.any() == (route == "total"):
        logging.warning("%s: by rule %r, but bands seen: %s", layer.name, route, kept_sees)
