"""Layers that networks declare: against the library's own maps, to the bit."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
from torch import nn

from bandprobe.backbones.backbone import Backbone, load_backbone, read_layers
from bandprobe.backbones.layouts import Layout
from bandprobe.backbones.tracing import declared_layouts, declared_sources, reference_maps
from bandprobe.head.variants import own_outputs, plain_outputs, replaced_outputs
from tests.cases import one_in_three
from tests.unit.networks import scramble

# Small variants, with the first and the last of their layers: prefix tokens, and what is special.
CASES: dict[str, tuple[dict[str, Any], tuple[int, int], dict[str, tuple[int, str]]]] = {
    "xcit_nano_12_p16_224": ({"depth": 2}, (64, 96), {"blocks.0": (0, ""), "blocks.1": (0, "")}),
    "convit_tiny": (
        {"img_size": 64, "depth": 3, "local_up_to_layer": 2},
        (64, 64),
        {"blocks.0": (0, ""), "blocks.2": (1, "")},
    ),
    "cait_xxs24_224": ({"img_size": [64, 96], "depth": 2}, (64, 96), {"blocks.1": (0, "")}),
    "hiera_tiny_224": (
        {"img_size": [64, 96], "stages": (1, 1, 1, 1)},
        (64, 96),
        {"blocks.0": (0, "order"), "blocks.1": (0, "order"), "blocks.3": (0, "")},
    ),
    "samvit_base_patch16": (
        {"img_size": [64, 96], "depth": 2, "embed_dim": 24, "num_heads": 2},
        (64, 96),
        {"blocks.0": (0, "last")},
    ),
    "mvitv2_tiny": ({"img_size": 64}, (64, 64), {"stages.1": (0, "element 0")}),
    "coat_lite_tiny": ({"img_size": [64, 96]}, (64, 96), {"serial_blocks2.1": (1, "")}),
    "coat_tiny": (
        {"img_size": [64, 96], "parallel_depth": 1, "serial_depths": [1, 1, 1, 1]},
        (64, 96),
        {f"parallel_blocks.0.outputs.{n}": (1, f"element {n}") for n in range(4)},
    ),
    "crossvit_9_240": (
        {},
        (240, 240),
        {f"blocks.1.outputs.{n}": (1, f"element {n}") for n in range(2)},
    ),
    "pit_ti_224": ({"img_size": [64, 96]}, (64, 96), {"transformers.1": (0, "element 0")}),
    "tnt_s_legacy_patch16_224": (
        {"img_size": [64, 96], "depth": 2},
        (64, 96),
        {"blocks.1": (1, "element 1")},
    ),
    "twins_pcpvt_small": ({"img_size": [64, 96]}, (64, 96), {"blocks.1.3": (0, "")}),
    "volo_d1_224": ({"img_size": [64, 96]}, (64, 96), {"network.0": (0, "last")}),
    "swin_tiny_patch4_window7_224": ({"img_size": [56, 112]}, (56, 112), {"layers.1": (0, "last")}),
    "resnet18": ({}, (64, 96), {"layer1": (0, ""), "layer4": (0, "")}),
}


def special(layout: Layout) -> str:
    found = ["order"] * (layout.order is not None) + ["last"] * layout.channels_last
    found += [] if layout.element is None else [f"element {layout.element}"]
    return " ".join(found)


@pytest.mark.parametrize("name", one_in_three(CASES))
def test_declared_layers_are_the_librarys_maps(name: str) -> None:
    arguments, size, expected = CASES[name]
    backbone = load_backbone(f"timm/{name}", "random", arguments, 0, None)
    scramble(backbone.network)
    batch = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(1))
    sources = declared_sources(backbone.network, backbone.inputs(batch.numpy())[:1])
    assert None not in sources
    layouts = dict(one for one in sources if one is not None)
    assert expected == {
        layer: (layouts[layer].prefix_tokens, special(layouts[layer])) for layer in expected
    }
    found: dict[str, torch.Tensor] = {}
    read_layers(
        backbone, list(layouts), batch, lambda layer, maps, _: found.update({layer: maps.clone()})
    )
    with torch.inference_mode():
        reference = reference_maps(backbone.network, backbone.inputs(batch.numpy()))
    assert len(reference) == len(layouts)
    for layer, maps in zip(layouts, reference, strict=True):
        assert torch.equal(found[layer], maps)

    # Two copies of the unchanged map put back give the plain logits twice.
    plain = torch.from_numpy(plain_outputs(backbone, batch.numpy(), own_outputs))
    for layer in expected:
        twice = replaced_outputs(
            backbone,
            layer,
            batch.numpy(),
            lambda maps, prefix: (
                torch.cat([maps, maps]),
                None if prefix is None else torch.cat([prefix, prefix]),
            ),
            own_outputs,
        )
        difference = torch.from_numpy(twice) - torch.cat([plain, plain])
        assert difference.abs().max() < 1e-4 * plain.std(), layer


class Known(nn.Module):
    """Declares a map that is a known linear function of the image: means of patches of 8 x 8."""

    kinds = ("first", "last", "tokens", "windows", "pair")

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.embed, self.stage = kind, nn.AvgPool2d(8), nn.Identity()
        self.num_prefix_tokens = 1  # wrong on purpose for all but one
        self.pair = Pair()

    def _stage(self, x: torch.Tensor) -> Any:
        x = self.embed(x)
        n, c, h, w = x.shape
        if self.kind == "first":
            return self.stage(x)
        if self.kind == "last":
            return self.stage(x.permute(0, 2, 3, 1).contiguous())
        if self.kind == "pair":
            return self.pair(x)
        if self.kind == "windows":
            x = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 2, 4, 1)
            return self.stage(x.reshape(n, h * w, c))
        tokens = x.flatten(2).transpose(1, 2)
        return self.stage(torch.cat([tokens[:, :3] * 0, tokens], 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = self._stage(x)
        return (out[0] if self.kind == "pair" else out).flatten(1)

    def forward_intermediates(
        self, x: torch.Tensor, intermediates_only: bool = True, output_fmt: str = "NCHW"
    ) -> list[torch.Tensor]:
        n, c, h, w = len(x), 3, x.shape[2] // 8, x.shape[3] // 8
        out = self._stage(x)
        if self.kind == "last":
            out = out.permute(0, 3, 1, 2)
        if self.kind == "pair":
            out = out[1].permute(0, 3, 1, 2)
        if self.kind == "windows":
            out = out.reshape(n, 2, 2, h // 2, w // 2, c).permute(0, 3, 1, 4, 2, 5)
            out = out.reshape(n, h, w, c).permute(0, 3, 1, 2).contiguous()
        if self.kind == "tokens":
            out = out[:, 3:].reshape(n, h, w, c).permute(0, 3, 1, 2)
        return [out]


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        return [x * 2, x.permute(0, 2, 3, 1)]


@pytest.mark.parametrize("kind", Known.kinds)
def test_a_map_that_is_known_comes_out_whatever_its_layout(kind: str) -> None:
    backbone = Backbone(Known(kind).eval(), "")
    batch = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    layer = "pair" if kind == "pair" else "stage"
    found = []
    read_layers(backbone, [layer], batch, lambda _layer, maps, prefix: found.append((maps, prefix)))
    ((maps, prefix),) = found
    assert torch.equal(maps, nn.functional.avg_pool2d(batch, 8))
    assert (prefix is None) == (kind != "tokens")
    if prefix is not None:
        assert prefix.shape == (2, 3, 3)


class WrittenOver(Known):
    """Its stage's output is changed in place before it is declared."""

    def forward_intermediates(
        self, x: torch.Tensor, intermediates_only: bool = True, output_fmt: str = "NCHW"
    ) -> list[torch.Tensor]:
        return [self._stage(x).add_(1)]


def test_what_no_module_returns_is_left_out() -> None:
    image = torch.rand(1, 3, 16, 16)
    assert declared_sources(WrittenOver("first"), image) == [None]
    assert declared_layouts(WrittenOver("first"), image) == {}
    assert declared_layouts(nn.Conv2d(3, 3, 1), image) == {}


def test_the_order_of_tokens_is_that_of_reroll() -> None:
    network: Any = timm.create_model("hiera_tiny_224", img_size=64, stages=(1, 1, 1, 1)).eval()
    order = declared_layouts(network, torch.zeros(1, 3, 64, 64))["blocks.0"].order
    assert order is not None
    tokens = torch.arange(256.0).reshape(1, 256, 1)
    assert list(order) == network.reroll(tokens, 0).flatten().tolist()
    assert list(order) != sorted(order)
