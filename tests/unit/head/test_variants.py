"""The rest of a network on changed maps: against plain passes, and against a replaced module."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import nn

from bandprobe.backbones.backbone import Backbone, Tokens, as_map, from_map
from bandprobe.errors import GridMismatchError, ModelError
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.fourier.intervene import intervene
from bandprobe.fourier.modes import Mode
from bandprobe.head.classifier import bands_seen, settle
from bandprobe.head.variants import (
    HeadOutputs,
    Plan,
    final_embedding,
    head_outputs,
    own_outputs,
    plain_outputs,
    prefix_route,
    replaced_outputs,
)

MODES = (Mode("remove", "remove"), Mode("isolate-mean", "isolate", fill="mean"))
REMOVE = (Mode("remove", "remove"),)
SMALL = {"embed_dim": 24, "depth": 3, "num_heads": 2, "num_classes": 5}
SWIN = {"embed_dim": 12, "depths": (2, 2), "num_heads": (2, 2), "window_size": 4}


def build(name: str, **arguments: Any) -> Backbone:
    """A small random network, its weights enlarged so that every part of it counts."""
    torch.manual_seed(0)
    network = timm.create_model(name, **arguments).eval().requires_grad_(False)
    generator = torch.Generator().manual_seed(1)
    for parameter, tensor in network.named_parameters():
        if tensor.ndim == 2:
            tensor *= 5
        elif tensor.ndim == 1 or parameter.endswith("_token"):
            tensor += 0.3 * torch.randn(tensor.shape, generator=generator)
    return Backbone(network.to(memory_format=torch.channels_last), "random")


def vit(**arguments: Any) -> Backbone:
    return build("vit_tiny_patch16_224", img_size=64, patch_size=8, **SMALL | arguments)


NETWORKS: dict[str, tuple[Callable[[], Backbone], str, tuple[int, int]]] = {
    "cnn": (lambda: build("resnet18", num_classes=5), "layer2", (8, 8)),
    "vit": (vit, "blocks.1", (8, 8)),
    "registers": (lambda: vit(reg_tokens=3, global_pool="avg"), "blocks.0", (8, 8)),
    "no-prefix": (lambda: vit(class_token=False, global_pool="avg"), "blocks.1", (8, 8)),
    "channels-last": (
        lambda: build(
            "swin_tiny_patch4_window7_224", img_size=64, patch_size=4, num_classes=5, **SWIN
        ),
        "layers.0",
        (16, 16),
    ),
}


@pytest.fixture(params=list(NETWORKS))
def case(request: pytest.FixtureRequest) -> tuple[Backbone, str, tuple[int, int]]:
    make, layer, grid = NETWORKS[request.param]
    return make(), layer, grid


@pytest.fixture
def images(rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=(5, 3, 64, 64)).astype(np.float32)


def mean_of(backbone: Backbone, layer: str, images: np.ndarray) -> tuple[np.ndarray, Any]:
    """Mean map and mean prefix tokens of some images."""
    seen: list[Tokens] = []

    def look(maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        seen.append((maps.clone(), prefix))
        return maps, prefix

    replaced_outputs(backbone, layer, images, look, own_outputs)
    maps, prefix = seen[0]
    return maps.mean(0).numpy(), None if prefix is None else prefix.mean(0).numpy()


def outputs_of(backbone: Backbone, layer: str, images: np.ndarray, plan: Plan) -> HeadOutputs:
    size = plan.images_a_pass(40)
    batches = [images[at : at + size] for at in range(0, len(images), size)]
    return head_outputs(backbone, layer, batches, plan, own_outputs, 40)


def spread(values: np.ndarray) -> float:
    return float(values.std())


def test_maps_put_back_are_the_output(case: tuple[Backbone, str, tuple[int, int]]) -> None:
    backbone, layer, grid = case
    outputs: list[torch.Tensor] = []
    module = backbone.modules()[layer]
    module.register_forward_hook(lambda _m, _i, output: outputs.append(output))
    plain_outputs(backbone, np.zeros((2, 3, 64, 64), np.float32), own_outputs)
    (output,) = outputs
    maps, prefix = as_map(backbone.network, layer, output)
    assert maps.shape[-2:] == grid
    assert torch.equal(from_map(backbone.network, layer, output, maps, prefix), output)


def test_what_keeps_everything_gives_the_plain_logits(
    case: tuple[Backbone, str, tuple[int, int]], images: np.ndarray
) -> None:
    """One band that is the whole plane: through the transform and back."""
    backbone, layer, grid = case
    plan = Plan((Mode("isolate", "isolate"),), Bands(("all",), ()).on_grid(*grid))
    plain = plain_outputs(backbone, images, own_outputs)
    found = outputs_of(backbone, layer, images, plan)
    assert found.changed.shape == (1, 1, 1, *plain.shape)
    for logits in (found.clean[0], found.changed[0, 0, 0]):
        np.testing.assert_allclose(logits, plain, atol=1e-4 * spread(plain))


class Changed(nn.Module):
    """A module whose output is changed by one intervention: the literal replacement."""

    def __init__(self, module: nn.Module, network: nn.Module, change: Any, prefix: Any) -> None:
        super().__init__()
        self.module, self._network, self._change, self._prefix = module, [network], change, prefix

    def forward(self, *arguments: Any, **options: Any) -> torch.Tensor:
        output = self.module(*arguments, **options)
        maps, tokens = as_map(self._network[0], "", output)
        if tokens is not None and self._prefix is not None:
            tokens = torch.from_numpy(self._prefix).expand_as(tokens)
        changed = torch.from_numpy(self._change(maps.numpy()).astype(np.float32))
        return from_map(self._network[0], "", output, changed, tokens)


def literal(
    backbone: Backbone, layer: str, images: np.ndarray, change: Any, prefix: Any = None
) -> np.ndarray:
    """A forward pass with the module swapped for one whose output is changed."""
    parent, _, name = layer.rpartition(".")
    owner: Any = backbone.network.get_submodule(parent)
    module = owner.get_submodule(name)
    setattr(owner, name, Changed(module, backbone.network, change, prefix))
    try:
        return plain_outputs(backbone, images, own_outputs)
    finally:
        setattr(owner, name, module)


@pytest.mark.parametrize("rows", [3, 40, 1000])
def test_stacked_variants_equal_one_pass_each(
    case: tuple[Backbone, str, tuple[int, int]], images: np.ndarray, bands: Bands, rows: int
) -> None:
    backbone, layer, grid = case
    partition = bands.on_grid(*grid)
    mean_map, mean_prefix = mean_of(backbone, layer, images)
    ablations = (False,) if mean_prefix is None else (False, True)
    plan = Plan(MODES, partition, ablations, mean_map, mean_prefix)
    size = plan.images_a_pass(rows)
    batches = [images[at : at + size] for at in range(0, 4, size)]
    batches[-1] = images[(len(batches) - 1) * size : 4]
    found = head_outputs(backbone, layer, batches, plan, own_outputs, rows)
    n_bands = len(bands)
    assert found.changed.shape == (len(ablations), 2, n_bands, 4, found.clean.shape[-1])
    tolerance = 1e-4 * spread(found.clean)
    for at, ablated in enumerate(ablations):
        prefix = mean_prefix if ablated else None
        clean = literal(backbone, layer, images[:4], lambda maps: maps, prefix)
        np.testing.assert_allclose(found.clean[at], clean, atol=tolerance)
        for number, mode in enumerate(MODES):
            for band in range(n_bands):
                logits = found.changed[at, number, band]
                if partition.counts[band] == 0:
                    assert np.isnan(logits).all()
                    continue

                def change(maps: np.ndarray, mode: Mode = mode, band: int = band) -> np.ndarray:
                    return intervene(mode, maps, partition, band, mean_map=mean_map)

                expected = literal(backbone, layer, images[:4], change, prefix)
                np.testing.assert_allclose(logits, expected, atol=tolerance)
                assert np.abs(logits - clean).max() > 10 * tolerance


@pytest.mark.parametrize(("make", "early"), [("cnn", "conv1"), ("vit", "patch_embed")])
def test_the_network_up_to_the_layer_runs_once_a_batch(
    make: str, early: str, images: np.ndarray, bands: Bands
) -> None:
    backbone, layer, grid = NETWORKS[make][0](), *NETWORKS[make][1:]
    seen: list[int] = []
    module = backbone.modules()[early]
    module.register_forward_hook(lambda _m, inputs, _o: seen.append(len(inputs[0])))
    plan = Plan(MODES, bands.on_grid(*grid), (False, True), *mean_of(backbone, layer, images))
    seen.clear()
    variants = 2 * (1 + 2 * int((plan.partition.counts > 0).sum()))
    size = plan.images_a_pass(2 * variants)
    assert size == 2
    batches = [images[0:2], images[2:4], images[4:5]]
    head_outputs(backbone, layer, batches, plan, own_outputs, 2 * variants)
    assert seen == [2, 2, 1]


class FailingError(Exception):
    pass


@pytest.mark.parametrize("where", ["replace", "read"])
def test_hooks_are_gone_after_an_exception(where: str, images: np.ndarray) -> None:
    backbone = vit()
    before = plain_outputs(backbone, images, own_outputs)

    def replace(maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        if where == "replace":
            raise FailingError
        return torch.zeros_like(maps), prefix

    def read(network: nn.Module, batch: torch.Tensor) -> torch.Tensor:
        own_outputs(network, batch)
        raise FailingError

    with pytest.raises(FailingError):
        replaced_outputs(
            backbone, "blocks.1", images, replace, read if where == "read" else own_outputs
        )
    assert not any(module._forward_hooks for module in backbone.network.modules())
    np.testing.assert_array_equal(plain_outputs(backbone, images, own_outputs), before)


def seen_bands(
    backbone: Backbone, layer: str, images: np.ndarray, partition: BandPartition, ablated: bool
) -> tuple[np.ndarray, HeadOutputs]:
    _, mean_prefix = mean_of(backbone, layer, images)
    plan = Plan(REMOVE, partition, (ablated,), None, mean_prefix)
    found = outputs_of(backbone, layer, images, plan)
    clean = found.clean[0].astype(float)
    changed = found.changed[0].astype(float)
    return bands_seen(clean, [changed[0]], partition.counts), HeadOutputs(
        found.clean[0], settle(clean, changed)
    )


@pytest.mark.parametrize(
    ("arguments", "layer", "route", "sees"),
    [
        # Nothing reads the patches of the last block any more.
        ({"global_pool": "token"}, "blocks.2", "total", False),
        ({"global_pool": "token"}, "norm", "total", False),
        ({"global_pool": "token", "reg_tokens": 2}, "blocks.2", "total", False),
        ({"global_pool": "token"}, "blocks.1", "partial", True),
        ({"global_pool": "avg"}, "blocks.2", "none", True),
        ({"global_pool": "avg"}, "blocks.1", "partial", True),
        ({"global_pool": "map"}, "blocks.2", "partial", True),
        ({"global_pool": "avg", "class_token": False}, "blocks.1", "none", True),
    ],
)
def test_the_way_around_the_patches_is_found_by_rule_and_by_numbers(
    arguments: dict[str, Any],
    layer: str,
    route: str,
    sees: bool,
    images: np.ndarray,
    bands: Bands,
) -> None:
    backbone = vit(**arguments)
    assert prefix_route(backbone, layer) == route
    partition = bands.on_grid(8, 8)
    kept, outputs = seen_bands(backbone, layer, images, partition, ablated=False)
    assert kept.any() == sees
    if not sees:
        for band in np.flatnonzero(partition.counts):
            np.testing.assert_array_equal(outputs.changed[0, band], outputs.clean)


def test_ablation_closes_the_way_around(images: np.ndarray, bands: Bands) -> None:
    backbone, partition = vit(global_pool="token"), bands.on_grid(8, 8)
    seen, _ = seen_bands(backbone, "blocks.1", images, partition, ablated=True)
    np.testing.assert_array_equal(seen, partition.counts > 0)
    # With every band removed nothing of an image is left, unless the kept tokens still hold it.
    whole = Bands(("all",), ()).on_grid(8, 8)
    mean_prefix = mean_of(backbone, "blocks.1", images)[1]
    plan = Plan(REMOVE, whole, (False, True), None, mean_prefix)
    kept, ablated = outputs_of(backbone, "blocks.1", images, plan).changed[:, 0, 0]
    assert np.ptp(ablated, axis=0).max() < 1e-4
    assert np.ptp(kept, axis=0).max() > 1e-2


def test_after_the_last_block_the_ablated_token_is_all_there_is(
    images: np.ndarray, bands: Bands
) -> None:
    backbone = vit(global_pool="token")
    seen, last = seen_bands(backbone, "blocks.2", images, bands.on_grid(8, 8), ablated=True)
    assert not seen.any()
    np.testing.assert_allclose(last.clean, last.clean[:1].repeat(len(images), 0), atol=1e-5)


def test_a_pooled_head_after_the_last_map_sees_dc_alone(images: np.ndarray, bands: Bands) -> None:
    backbone, partition = build("resnet18", num_classes=5), bands.on_grid(2, 2)
    seen, _ = seen_bands(backbone, "layer4", images, partition, ablated=False)
    assert seen.tolist() == [True, False, False, False, False, False, False]
    assert partition.counts[-1] > 0


def test_embedding_is_what_the_classifier_reads(images: np.ndarray) -> None:
    for backbone, classifier in ((vit(), "head"), (build("resnet18", num_classes=5), "fc")):
        embedding = plain_outputs(backbone, images, final_embedding)
        linear = backbone.network.get_submodule(classifier)
        logits = linear(torch.from_numpy(embedding)).numpy()
        plain = plain_outputs(backbone, images, own_outputs)
        np.testing.assert_allclose(logits, plain, atol=1e-4 * spread(plain))


def test_a_network_without_a_head_gives_its_output(images: np.ndarray) -> None:
    network = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.AdaptiveAvgPool2d(1))
    backbone = Backbone(network.eval(), "random")
    embedding = plain_outputs(backbone, images, final_embedding)
    assert embedding.shape == (5, 4)
    np.testing.assert_array_equal(embedding, plain_outputs(backbone, images, own_outputs))


class AroundTheLayer(nn.Module):
    """Adds a layer's input to its output, outside the layer."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner = nn.Conv2d(3, 4, 8, 8), nn.Conv2d(4, 4, 1)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        first = self.stem(batch)
        return (first + self.inner(first)).mean((2, 3))


def test_a_connection_around_the_layer_is_an_error_or_right(images: np.ndarray) -> None:
    backbone = Backbone(AroundTheLayer().eval().requires_grad_(False), "random")
    plan = Plan(REMOVE, Bands(("low", "high"), (0.3,)).on_grid(8, 8))
    with pytest.raises(ModelError, match=r"layer inner(?s:.*)block around it"):
        head_outputs(backbone, "inner", [images], plan, own_outputs, 100)
    # A single image is added to each of its variants.
    found = head_outputs(backbone, "inner", [images[:1]], plan, own_outputs, 100)
    plain = plain_outputs(backbone, images[:1], own_outputs)
    np.testing.assert_allclose(found.clean[0], plain, atol=1e-5)


def test_an_unknown_layer_lists_the_valid_ones(images: np.ndarray) -> None:
    backbone = build("resnet18", num_classes=5)
    plan = Plan(REMOVE, Bands(("low", "high"), (0.3,)).on_grid(8, 8))
    with pytest.raises(ModelError, match=r"unknown layer 'layer9'(?s:.*)layer4"):
        head_outputs(backbone, "layer9", [images], plan, own_outputs, 100)
    with pytest.raises(GridMismatchError, match=r"8 x 8(?s:.*)16 x 16"):
        head_outputs(backbone, "layer1", [images], plan, own_outputs, 100)


def test_a_module_that_runs_twice_or_never_is_refused(images: np.ndarray) -> None:
    twice = nn.Sequential(nn.Conv2d(3, 4, 8, 8), nn.Identity())
    twice.append(twice[1])
    plan = Plan(REMOVE, Bands(("low", "high"), (0.3,)).on_grid(8, 8))
    with pytest.raises(ModelError, match="more than once"):
        head_outputs(Backbone(twice, ""), "1", [images], plan, own_outputs, 100)
    backbone = build("resnet18", num_classes=5)
    backbone.network.spare = nn.Identity()
    with pytest.raises(ModelError, match="not reached"):
        head_outputs(backbone, "spare", [images], plan, own_outputs, 100)


def test_rows_are_never_mixed_where_the_network_remembers_its_batch() -> None:
    """After `attn.sr` PVT v2 reads the number of images again: rows of two variants are one."""
    backbone = build("pvt_v2_b0", num_classes=5)
    images = np.random.default_rng(0).normal(size=(2, 3, 64, 64)).astype(np.float32)
    plan = Plan(REMOVE, Bands(("low", "high"), (0.3,)).on_grid(2, 2))
    for count in (1, 2):
        with pytest.raises(ModelError, match=r"layer stages\.0\.blocks\.0\.attn\.sr(?s:.*)around"):
            head_outputs(
                backbone,
                "stages.0.blocks.0.attn.sr",
                [images[:count]],
                plan,
                own_outputs,
                100,
            )


class Remembers(nn.Module):
    """Lays out again by the number of images that came in; nothing goes around its stage."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.last = nn.Conv2d(3, 4, 8, 8), nn.Conv2d(4, 5, 8)

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        tokens = self.stem(batch).flatten(2)
        return self.last(tokens.reshape(len(batch), 4, 8, 8)).flatten(1)


def test_a_network_that_counts_its_images_gets_as_many_as_there_are_variants(
    images: np.ndarray,
) -> None:
    backbone = Backbone(Remembers().eval().requires_grad_(False), "random")
    plan = Plan(REMOVE, Bands(("low", "high"), (0.3,)).on_grid(8, 8))
    found = head_outputs(backbone, "stem", [images], plan, own_outputs, 100)
    plain = plain_outputs(backbone, images, own_outputs)
    np.testing.assert_allclose(found.clean[0], plain, atol=1e-5)
    partition = Bands(("low", "high"), (0.3,)).on_grid(8, 8)

    def removed(maps: np.ndarray) -> np.ndarray:
        return intervene(REMOVE[0], maps, partition, 1)

    expected = literal(backbone, "stem", images, removed)
    np.testing.assert_allclose(found.changed[0, 0, 1], expected, atol=1e-5)
