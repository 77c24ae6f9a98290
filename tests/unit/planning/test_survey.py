"""Families of networks, as the page lists them: a few of the smallest."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
import timm
import torch

from bandprobe.backbones.backbone import Tokens, load_backbone
from bandprobe.backbones.layouts import Layout
from bandprobe.backbones.tracing import declared_layouts
from bandprobe.errors import ModelError
from bandprobe.head.variants import own_outputs, plain_outputs, replaced_outputs
from bandprobe.planning.survey import (
    fill_zeros,
    head_fault,
    layouts_text,
    survey,
    survey_modules,
)
from docs.generate_networks import PAGE, VARIANTS, table
from tests.cases import one_in_three


@pytest.mark.parametrize(
    ("name", "layers", "layout"),
    [
        ("test_vit", [f"blocks.{number}" for number in range(6)], "tokens, 1 of them prefix"),
        ("test_convnext", [f"stages.{number}" for number in range(4)], "channels first"),
        ("test_mambaout", [f"stages.{number}" for number in range(4)], "channels last"),
        ("test_resnet", ["act1", *(f"layer{number}" for number in range(1, 5))], "channels first"),
    ],
)
def test_a_family_is_read_as_its_library_says(name: str, layers: list[str], layout: str) -> None:
    found = survey(f"timm/{name}")
    assert list(found.layouts) == layers
    assert layouts_text(found.layouts) == layout
    assert found.error == 0
    assert found.missing == 0
    assert found.head == ""
    assert found.oblong == (160, 240)
    assert found.oblong_error == 0


GOES_AROUND = "the rest of the network cannot go on from changed maps"
# Layouts that are seldom met: how many layers, and those that the network itself goes around.
HEADS: dict[str, tuple[dict[str, Any], tuple[int, int], int, list[str]]] = {
    "davit_tiny": ({"depths": (1, 1, 1, 1)}, (64, 96), 4, []),
    "deepseek_vit_412m": ({"img_size": 56, "depth": 2}, (56, 56), 2, []),
    "edgenext_xx_small": ({}, (64, 96), 4, []),
    "efficientformer_l1": ({}, (224, 224), 4, []),
    # Its stages return what lies before and after the next one shrinks it, and both are read.
    "efficientvim_m1": ({}, (64, 96), 3, ["stages.1", "stages.2"]),
    "gemma4_vit_167m": ({"img_size": 96, "depth": 2}, (96, 96), 2, []),
    # Its maps of four resolutions are added up at the end.
    "hrnet_w18_small": ({}, (64, 96), 5, [f"incre_modules.{number}" for number in range(4)]),
    "levit_128s": ({}, (224, 224), 3, []),
    "naflexvit_base_patch16_gap": (
        {"img_size": 64, "depth": 2, "embed_dim": 48, "num_heads": 2},
        (64, 64),
        2,
        [],
    ),
    "nest_tiny": ({"img_size": 64}, (64, 64), 3, []),
    "qwen3_vit_88m": ({"img_size": 64, "depth": 2}, (64, 64), 2, []),
    "selecsls42": ({}, (64, 96), 6, []),
    "sequencer2d_s": ({"layers": [1, 1, 1, 1]}, (64, 96), 4, []),
    "swinv2_cr_tiny_224": ({"img_size": [64, 128], "depths": (1, 1, 1, 1)}, (64, 128), 4, []),
    "tiny_vit_5m_224": ({}, (64, 96), 4, []),
    "vitamin_small_224": ({"img_size": [64, 96], "depth": 2}, (64, 96), 2, []),
}


@pytest.mark.parametrize("name", one_in_three(HEADS))
def test_maps_put_back_give_the_clean_logits_or_are_refused_by_name(name: str) -> None:
    """Once as they are, and once with those of two images exchanged, which exchanges the logits.

    Tensors that a module returns beside its map stay, so there the maps are not exchanged.
    """
    arguments, size, n_layers, around = HEADS[name]
    backbone = load_backbone(f"timm/{name}", "random", arguments, 0, None)
    fill_zeros(backbone.network)
    noise = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    images = (noise * torch.tensor([1.0, 4.0])[:, None, None, None]).numpy()
    plain = plain_outputs(backbone, images, own_outputs)
    tolerance = 1e-4 * plain.std()
    assert np.abs(plain[1] - plain[0]).max() > 10 * tolerance

    def again(order: list[int], maps: torch.Tensor, prefix: torch.Tensor | None) -> Tokens:
        tokens = None if prefix is None else torch.cat([prefix, prefix[order]])
        return torch.cat([maps, maps[order]]), tokens

    layers = declared_layouts(backbone.network, torch.zeros(1, 3, *size))
    assert len(layers) == n_layers
    for layer, layout in layers.items():
        order = [1, 0] if layout.element is None else [0, 1]
        replace = partial(again, order)
        if layer in around:
            with pytest.raises(ModelError, match=f"layer {layer}: {GOES_AROUND}(?s:.*)around it"):
                replaced_outputs(backbone, layer, images, replace, own_outputs)
            continue
        found = replaced_outputs(backbone, layer, images, replace, own_outputs)
        expected = np.concatenate([plain, plain[order]])
        np.testing.assert_allclose(found, expected, rtol=0, atol=tolerance, err_msg=layer)


def test_what_goes_around_a_layer_is_said() -> None:
    backbone = load_backbone("timm/test_resnet", "random", {}, 0, None)
    assert "cannot go on" in head_fault(backbone, "layer1.0.bn2", (64, 64))


def test_a_network_that_declares_nothing_is_checked_by_place() -> None:
    assert survey_modules("torchvision/resnet18") == {
        f"layer{number}": "shown" for number in range(1, 5)
    }


def test_layouts_are_said_in_words() -> None:
    layouts = {
        "a": Layout(grid=(2, 2), order=(0, 2, 1, 3), element=1),
        "b": Layout(channels_last=True),
        "c": Layout(channels_last=True),
    }
    expected = "tokens, 0 of them prefix, in another order, element 1; channels last"
    assert layouts_text(layouts) == expected


def test_the_page_has_a_variant_of_every_module() -> None:
    modules = [
        timm.models.model_entrypoint(name).__module__.rpartition(".")[2] for name in VARIANTS
    ]
    assert sorted(modules) == sorted(timm.list_modules())
    text = PAGE.read_text(encoding="utf-8")
    assert [name for name in timm.list_modules() if f"| {name} |" not in text] == []
    assert table(("a", "b"), iter([("1", "2")])) == "| a | b |\n| --- | --- |\n| 1 | 2 |\n"
