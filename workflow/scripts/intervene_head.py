"""Send changed maps of one layer through the rest of the network: outcomes of all modes."""

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from bandprobe.bands import Bands
from bandprobe.extract import Source
from bandprobe.features import sample_mean
from bandprobe.head import (
    HeadOutputs,
    Plan,
    final_embedding,
    head_outputs,
    load_model,
    own_outputs,
    prefix_route,
)
from bandprobe.head_logits import bands_seen, check_untouched, settle
from bandprobe.head_settings import head_flags
from bandprobe.head_store import Head, read_head
from bandprobe.manifest import read_split
from bandprobe.models import Backbone
from bandprobe.modes import Mode
from bandprobe.outcomes import Axes, write_outcomes
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import Store


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


def run_network(arguments: Any, backbone: Backbone, head: Head, plan: Plan) -> HeadOutputs:
    """Send all variants of all images of the head through the network."""
    split = read_split(arguments.manifest, "eval")
    split = split.take(np.flatnonzero(np.isin(split.sample, head.sample)))
    preprocess = backbone.preprocess(arguments.model["preprocess"])
    source = Source(arguments.root, split, preprocess)
    read = own_outputs if head.probe is None else final_embedding
    batches = source.batches(plan.images_a_pass(arguments.batch))
    return head_outputs(backbone, arguments.layer, batches, plan, read, arguments.batch)


@dataclass(frozen=True)
class Reading:
    """What one treatment of the prefix tokens has given.

    Attributes
    ----------
    clean : array of shape (n_samples, n_classes)
    changed : array of shape (n_modes, n_bands, n_samples, n_classes)
    sees : array of shape (n_bands,)
        Whether a removal of the band moves any logit.
    """

    clean: NDArray[np.float64]
    changed: NDArray[np.float64]
    sees: NDArray[np.bool_]


def readings(outputs: HeadOutputs, head: Head, plan: Plan) -> dict[bool, Reading]:
    """Logits with kept and with ablated prefix tokens, as far as they were tried."""
    found = {}
    for ablated, clean, changed in zip(plan.ablations, outputs.clean, outputs.changed, strict=True):
        untouched, logits = head.logits(clean), head.logits(changed)
        removed = [logits[at] for at, mode in enumerate(plan.modes) if mode.kind == "remove"]
        sees = bands_seen(untouched, removed, plan.partition.counts)
        found[ablated] = Reading(untouched, settle(untouched, logits), sees)
    return found


def check_route(layer: Layer, route: str, kept: Reading) -> None:
    """Say so where the rule and the numbers disagree on whether the patches reach the head."""
    if layer.has_prefix and kept.sees.any() == (route == "total"):
        logging.warning("%s: by rule %r, but bands seen: %s", layer.name, route, kept.sees)


def main() -> None:
    """Write the outcomes of all head readouts and modes of one layer."""
    parser = argument_parser(__doc__)
    parser.add_argument("--model", required=True, type=json_argument, help="the model, as JSON")
    parser.add_argument("--weights", type=Path, help="safetensors file, unless random")
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--root", required=True, type=Path, help="folder of the images")
    parser.add_argument("--head", required=True, type=Path, help="the fitted head of the model")
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--modes", required=True, type=json_argument, help="modes, as JSON")
    parser.add_argument("--prefix", required=True, nargs="+", choices=["keep", "ablate"])
    parser.add_argument("--batch", type=int, default=64, help="changed maps a forward pass")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--output", required=True, type=Path, nargs="+", help="a store a prefix and mode"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    modes = [Mode(**spec) for spec in arguments.modes]
    layer = Layer(arguments.layer, Store(arguments.train), bands, modes, arguments.prefix)
    head, plan = read_head(arguments.head), layer.plan()
    backbone = load_model(arguments.model, arguments.weights)
    found = readings(run_network(arguments, backbone, head, plan), head, plan)
    check_untouched(layer.name, head.clean_logits, found[False].clean)
    route = prefix_route(backbone, layer.name)
    check_route(layer, route, found[False])
    outputs = iter(arguments.output)
    for prefix, ablated in zip(layer.prefix, layer.ablations, strict=True):
        one, flags = found[ablated], head_flags(prefix == "ablate", layer.has_prefix, route)
        samples = (head.sample, head.label, head.group)
        axes = Axes(bands.names, plan.partition.counts, one.sees, *samples)
        for spec, changed in zip(arguments.modes, one.changed, strict=False):
            stage = {**spec, "prefix": prefix, "prefix_route": route}
            attrs = provenance(arguments.code, stage, weights_sha256=backbone.weights_sha256)
            attrs["flags"] = json.dumps(flags)
            write_outcomes(next(outputs), axes, one.clean, changed[:, None], attrs)


if __name__ == "__main__":
    run(main)
