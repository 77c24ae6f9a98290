"""Outputs of the rest of the network for changed maps.

A forward hook at the layer replaces its output by the untouched map and all its variants, one after
the other along the batch axis. So the network up to the layer runs once for all of them, and the
rest of it on each.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from bandprobe.backbones.backbone import Backbone, Tokens, tapped
from bandprobe.backbones.layouts import layout_of
from bandprobe.base.arrays import MapArray
from bandprobe.errors import ModelError
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.intervene import intervene
from bandprobe.fourier.modes import Mode

Reader = Callable[[nn.Module, torch.Tensor], torch.Tensor]
Route = Literal["none", "partial", "total"]
# Two rows of outputs are the same up to this share of their standard deviation.
SAME = 1e-4
# Positions of a mode and of a band, or the untouched map.
Variant = tuple[int, int] | None


def own_outputs(network: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """The network's outputs, (n_samples, n_outputs): the logits of its own classifier, if any."""
    outputs: torch.Tensor = network(batch)
    return outputs.flatten(1)


def final_embedding(network: nn.Module, batch: torch.Tensor) -> torch.Tensor:
    """What the network's classifier reads, (n_samples, n_features); without a head its output."""
    if not hasattr(network, "forward_head"):
        return own_outputs(network, batch)
    timm_network: Any = network
    features = timm_network.forward_features(batch)
    embedding: torch.Tensor = timm_network.forward_head(features, pre_logits=True)
    return embedding.flatten(1)


@torch.inference_mode()
def plain_outputs(backbone: Backbone, batch: MapArray, read: Reader) -> MapArray:
    """What `read` finds at the end of an untouched forward pass, (n_samples, n_outputs)."""
    return read(backbone.network, backbone.inputs(batch)).cpu().numpy()


@torch.inference_mode()
def replaced_outputs(
    backbone: Backbone,
    layer: str,
    batch: MapArray,
    replace: Callable[[torch.Tensor, torch.Tensor | None], Tokens],
    read: Reader,
) -> MapArray:
    """What `read` finds when `replace` makes the layer's output, (n_rows, n_outputs).

    Parameters
    ----------
    backbone : Backbone
    layer : str
    batch : array of shape (n_samples, 3, height, width)
    replace : callable
        From the layer's maps and prefix tokens to others, of any number of rows.
    read : callable

    Raises
    ------
    ModelError
        If the layer is unknown, gives no map, runs more than once or never, or if the rest of the
        network cannot go on with another number of rows.
    """
    inputs = backbone.inputs(batch)
    changed: list[Tokens] = []

    def keep(maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        changed[:] = [replace(maps, prefix)]
        return changed[0]

    try:
        return _outputs_with(backbone, layer, inputs, keep, read)
    except CannotGoOnError:
        rows = len(changed[0][0])
        if rows == len(batch) or rows % len(batch) or _goes_around(backbone, layer, inputs, read):
            raise
    # It counts on the number of images that came in: let as many come in as there are variants.
    repeated = inputs.repeat(rows // len(batch), 1, 1, 1)
    return _outputs_with(backbone, layer, repeated, lambda *_: changed[0], read)


class CannotGoOnError(ModelError):
    """The rest of a network does not take the changed maps of a layer row by row."""


def _outputs_with(
    backbone: Backbone,
    layer: str,
    inputs: torch.Tensor,
    replace: Callable[[torch.Tensor, torch.Tensor | None], Tokens],
    read: Reader,
) -> MapArray:
    rows: list[int] = []

    def receive(name: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        if rows:
            raise ModelError(
                f"layer {name} runs more than once in a forward pass",
                hint="choose a module that runs once, such as the block around it",
            )
        changed = replace(maps, prefix)
        rows.append(len(changed[0]))
        return changed

    try:
        with tapped(backbone, [layer], receive, inputs) as network:
            outputs = read(network, inputs).cpu().numpy()
    except (AssertionError, RuntimeError, ValueError) as error:
        raise CannotGoOnError(
            f"layer {layer}: the rest of the network cannot go on from changed maps",
            found=" ".join(str(error).split())[:400],
            hint="a connection around the layer? Choose the block around it",
        ) from error
    if not rows:
        raise ModelError(f"layer {layer} is not reached by a forward pass")
    if len(outputs) != rows[0]:
        # It goes by the number of images that came in, and takes parts of several rows for one.
        raise CannotGoOnError(
            f"layer {layer}: the rest of the network mixes changed maps",
            expected=f"{rows[0]} rows of outputs, one for each variant of each image",
            found=len(outputs),
            hint="a connection around the layer? Choose the block around it",
        )
    return outputs


def _goes_around(backbone: Backbone, layer: str, inputs: torch.Tensor, read: Reader) -> bool:
    """Whether two images give different outputs although the layer gives the same for both."""

    def same(maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        rows = [0] * len(maps)
        return maps[rows], None if prefix is None else prefix[rows]

    outputs = _outputs_with(backbone, layer, torch.cat([inputs[:1], -inputs[:1]]), same, read)
    return not np.allclose(outputs[0], outputs[1], rtol=0, atol=SAME * outputs.std())


def prefix_route(backbone: Backbone, layer: str) -> Route:
    """How far the content of a layer's patches can bypass them through kept prefix tokens.

    Returns
    -------
    {"none", "partial", "total"}
        "none" if there are no such tokens or nothing reads them after this layer; "total" if
        nothing else is read: the patches of the last block no longer reach the CLS token.

    Notes
    -----
    By timm's attributes. Without them a network with prefix tokens counts as "partial", and only
    the numbers can say more.
    """
    network = backbone.network
    if not (backbone.layout or layout_of(network)).prefix_tokens:
        return "none"
    blocks: Any = getattr(network, "blocks", ())
    if layer in (f"blocks.{len(blocks) - 1}", "norm"):
        pool = getattr(network, "global_pool", None)
        if pool == "token":
            return "total"
        if pool in ("avg", "avgmax", "max") and not getattr(network, "pool_include_prefix", False):
            return "none"
    return "partial"


@dataclass(frozen=True)
class Plan:
    """What will be done to a layer.

    Attributes
    ----------
    modes : sequence of Mode
    partition : BandPartition
        On the layer's grid.
    ablations : sequence of bool
        Whether prefix tokens are replaced by `mean_prefix`; one set of variants for each entry.
    mean_map : array of shape (n_channels, height, width), optional
        Mean training map, for modes with ``fill: mean``.
    mean_prefix : array of shape (n_tokens, n_channels), optional
        Mean training prefix tokens; not needed where the layer has none: ablation changes nothing.
    """

    modes: Sequence[Mode]
    partition: BandPartition
    ablations: Sequence[bool] = (False,)
    mean_map: MapArray | None = None
    mean_prefix: MapArray | None = None

    @property
    def variants(self) -> list[Variant]:
        """The untouched map, then each mode on each band that is not empty."""
        bands = np.flatnonzero(self.partition.counts).tolist()
        return [None, *((mode, band) for mode in range(len(self.modes)) for band in bands)]

    def images_a_pass(self, rows: int) -> int:
        """Images whose variants fit into `rows` rows of the rest of the network, at least one."""
        return max(1, rows // (len(self.ablations) * len(self.variants)))

    def stack(
        self,
        chosen: Sequence[tuple[bool, Variant]],
        maps: torch.Tensor,
        prefix: torch.Tensor | None,
    ) -> Tokens:
        """Some variants of all maps, one variant after the other, with their prefix tokens."""
        on_cpu = maps.device.type == "cpu"
        raw = np.ascontiguousarray(maps.float().numpy()) if on_cpu else maps.float()
        self.partition.check(tuple(raw.shape))
        made = {variant: self._changed(raw, variant) for _, variant in chosen}
        changed = [made[variant] for _, variant in chosen]
        stacked = torch.from_numpy(np.concatenate(changed)) if on_cpu else torch.cat(changed)
        if prefix is None:
            return stacked, None
        tokens = [self._mean(prefix) if ablated else prefix for ablated, _ in chosen]
        return stacked, torch.cat(tokens)

    def _changed(self, raw: Any, variant: Variant) -> Any:
        if variant is None:
            return raw
        mode, band = variant
        changed = intervene(self.modes[mode], raw, self.partition, band, mean_map=self.mean_map)
        return np.asarray(changed, np.float32) if isinstance(changed, np.ndarray) else changed

    def _mean(self, prefix: torch.Tensor) -> torch.Tensor:
        if self.mean_prefix is None:
            raise ValueError("ablation needs the mean prefix tokens")
        return torch.from_numpy(self.mean_prefix).to(prefix.device).expand_as(prefix)


@dataclass(frozen=True)
class HeadOutputs:
    """Outputs at the network's end for every variant of every image.

    Attributes
    ----------
    clean : array of shape (n_ablations, n_samples, n_outputs)
        Of the untouched maps.
    changed : array of shape (n_ablations, n_modes, n_bands, n_samples, n_outputs)
        NaN where a band is empty.
    """

    clean: MapArray
    changed: MapArray


def head_outputs(
    backbone: Backbone,
    layer: str,
    batches: Iterable[MapArray],
    plan: Plan,
    read: Reader,
    rows: int,
) -> HeadOutputs:
    """Outputs of the rest of the network for all variants of all images.

    Parameters
    ----------
    backbone : Backbone
    layer : str
    batches : iterable of arrays of shape (n_samples, 3, height, width)
        Of `Plan.images_a_pass` images, so that the network up to the layer runs once for each.
    plan : Plan
    read : callable
        `own_outputs` or `final_embedding`.
    rows : int
        Largest number of rows that go through the rest of the network at once. If a single image
        has more variants, they take several passes.

    Raises
    ------
    ModelError
        As `replaced_outputs`.
    """
    variants = plan.variants
    chosen = [(ablated, variant) for ablated in plan.ablations for variant in variants]
    by_batch = []
    for batch in batches:
        step = max(1, rows // len(batch))
        parts = [
            replaced_outputs(
                backbone, layer, batch, partial(plan.stack, chosen[at : at + step]), read
            )
            for at in range(0, len(chosen), step)
        ]
        by_batch.append(np.concatenate(parts).reshape(len(chosen), len(batch), -1))
    values = np.concatenate(by_batch, axis=1)
    values = values.reshape(len(plan.ablations), len(variants), *values.shape[1:])
    shape = (len(plan.modes), len(plan.partition.bands), *values.shape[2:])
    changed = np.full((len(plan.ablations), *shape), np.nan, np.float32)
    for position, variant in enumerate(variants):
        if variant is not None:
            changed[:, *variant] = values[:, position]
    return HeadOutputs(values[:, 0], changed)
