"""Changed maps of a layer through the rest of the network."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.backbones.backbone import Backbone
from bandprobe.base.progress import tracked
from bandprobe.data.manifest import read_split
from bandprobe.features.blocks import sample_mean
from bandprobe.features.extract import Source
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.head.classifier import bands_seen, settle
from bandprobe.head.store import Head, LayerLogits
from bandprobe.head.variants import HeadOutputs, Plan, final_embedding, head_outputs, own_outputs
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class Layer:
    """A layer, its training maps, and what is to be done to it."""

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
        """What is to be tried; without prefix tokens there is nothing to ablate."""
        return [kind == "ablate" and self.has_prefix for kind in self.prefix]

    def plan(self) -> Plan:
        """The modes, and a removal if none of them is one: it shows which bands are seen."""
        grid = self.train.array(self.name).shape[-2:]
        removal = [mode for mode in self.modes if mode.kind == "remove"]
        modes = [*self.modes, *([] if removal else [Mode("removal", "remove")])]
        mean = any(mode.fill == "mean" for mode in modes)
        return Plan(
            modes,
            self.bands.on_grid(*grid),
            # The untouched tokens always: with them the replaced layer is held to plain passes.
            list(dict.fromkeys([False, *self.ablations])),
            sample_mean(self.train, self.name) if mean else None,
            sample_mean(self.train, f"{self.name}.prefix") if any(self.ablations) else None,
        )


def run_network(
    arguments: Any, backbone: Backbone, head: Head, layer: Layer, plan: Plan
) -> HeadOutputs:
    """Send all variants of all images of the head through the network."""
    split = read_split(arguments.manifest, "eval")
    split = split.take(np.flatnonzero(np.isin(split.sample, head.sample)))
    preprocess = backbone.preprocess(arguments.model["preprocess"])
    source = Source(arguments.root, split, preprocess)
    read = own_outputs if head.probe is None else final_embedding
    given = source.batches(plan.images_a_pass(arguments.batch))
    batches = tracked(given, len(split.sample), "images", f"rest from {layer.name}", len)
    return head_outputs(backbone, layer.name, batches, plan, read, arguments.batch)


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
    """Say so where the rule and the numbers disagree on whether the patches reach the head."""
    if layer.has_prefix and kept_sees.any() == (route == "total"):
        logging.warning("%s: by rule %r, but bands seen: %s", layer.name, route, kept_sees)
