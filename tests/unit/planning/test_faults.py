"""Modules that are no maps are not offered, whatever shape they have; those that are, rightly."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import nn
from torchvision.models import SwinTransformer, VisionTransformer

from bandprobe.backbones.backbone import Backbone, load_backbone, read_layers
from bandprobe.backbones.layouts import Layout, layout_of
from bandprobe.errors import BandprobeError, ModelError
from bandprobe.planning.shapes import ModuleShape, module_shapes, without_values
from bandprobe.planning.suggest import bare_model, chosen_layers, missing_preprocess
from bandprobe.study.study import Model
from tests.cases import quick_and_slow
from tests.unit.networks import outputs


@cache
def modules_of(architecture: str, size: tuple[int, int], **_: Any) -> dict[str, ModuleShape]:
    modules, _ = module_shapes(model_of(architecture, size))
    return {module.name: module for module in modules}


def model_of(architecture: str, size: tuple[int, int], **arguments: Any) -> Model:
    preprocess = {"size": list(size)}
    return Model(architecture, architecture, "random", arguments, 0, preprocess, ())


def layout_at(
    architecture: str, layer: str, size: tuple[int, int], **arguments: Any
) -> tuple[Layout, tuple[int, ...]]:
    """Layout and shape of a module's output, of a network without values."""
    backbone = without_values(model_of(architecture, size, **arguments))
    images = torch.empty(2, 3, *size, device="meta")
    shapes: list[tuple[int, ...]] = []
    read_layers(backbone, [layer], images, lambda _layer, maps, _: shapes.append(tuple(maps.shape)))
    return backbone.layers(images).layout(layer), shapes[0]


@pytest.mark.slow
def test_xcit_is_proposed_by_its_blocks() -> None:
    proposed = [one.layer for one in chosen_layers("timm/xcit_nano_12_p16_224", None)]
    assert proposed == ["blocks.2", "blocks.5", "blocks.8", "blocks.11"]
    with pytest.raises(ModelError, match=r"blocks\.11\.attn\.attn_drop(?s:.*)gives no map"):
        chosen_layers("timm/xcit_nano_12_p16_224", ["blocks.11.attn.attn_drop"])


@pytest.mark.parametrize(
    ("architecture", "layer", "size", "shape", "arguments"),
    quick_and_slow(
        [
            ("timm/convnext_tiny", "stages.0.blocks.0.mlp", (384, 384), (96, 96, 96), {}),
            ("timm/pvt_v2_b2", "patch_embed", (256, 256), (64, 64, 64), {}),
        ],
        [
            (
                "timm/maxxvit_rmlp_nano_rw_256",
                "stages.0.blocks.0.attn_block",
                (256, 256),
                (64, 64, 64),
                {},
            ),
            ("timm/swinv2_cr_tiny_384", "stages.0.blocks.0", (384, 384), (96, 96, 96), {}),
            (
                "timm/gcvit_xxtiny",
                "stages.0.blocks.0",
                (96, 160),
                (64, 24, 40),
                {"img_size": [96, 160]},
            ),
        ],
    ),
)
def test_channels_last_is_seen_where_the_shape_does_not_say_it(
    architecture: str,
    layer: str,
    size: tuple[int, int],
    shape: tuple[int, ...],
    arguments: dict[str, Any],
) -> None:
    layout, found = layout_at(architecture, layer, size, **arguments)
    assert layout.channels_last
    assert found[1:] == shape


class Wrapped(nn.Module):
    """A user's wrapper around timm's Swin, which says nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.backbone = load_backbone(
            "timm/swin_tiny_patch4_window7_224",
            "random",
            {"img_size": [128, 224], "window_size": 4, "strict_img_size": False},
            0,
            None,
        ).network

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.backbone(x)


def test_a_wrapper_around_swin_has_its_channels_last() -> None:
    network = Wrapped().eval()
    batch = torch.rand(1, 3, 128, 224, generator=torch.Generator().manual_seed(0))
    found: list[torch.Tensor] = []
    layer = "backbone.layers.0"
    read_layers(Backbone(network, ""), [layer], batch, lambda _layer, maps, _: found.append(maps))
    expected = outputs(network, [layer], batch)[layer]
    assert torch.equal(found[0], expected.permute(0, 3, 1, 2))
    assert found[0].shape == (1, 96, 32, 56)


@pytest.mark.parametrize(
    ("architecture", "layer"),
    quick_and_slow(
        [
            ("timm/visformer_tiny", "stage2.0.attn.attn_drop"),
        ],
        [
            ("timm/edgenext_xx_small", "stages.1.blocks.1.xca.attn_drop"),
            ("torchvision/maxvit_t", "blocks.0.layers.0.layers.grid_attention.partition_op"),
            ("timm/vit_base_patch16_siglip_224", "attn_pool.q_norm"),
            ("timm/cait_xxs24_224", "blocks.0.attn.attn_drop"),
            ("torchvision/swin_v2_t", "features.1.0.attn.cpb_mlp"),
        ],
    ),
)
def test_what_is_no_map_is_refused_by_name(architecture: str, layer: str) -> None:
    module = modules_of(architecture, (224, 224))[layer]
    assert module.layer is None
    assert module.reason
    with pytest.raises(ModelError, match="cannot be used"):
        chosen_layers(architecture, [layer])


def test_padded_windows_are_no_map_of_the_image() -> None:
    """Windows of 14 x 14 around a grid of 10 x 10: one for each image, and more of a larger one."""
    modules = modules_of("timm/sam2_hiera_tiny", (160, 160))
    windows = [one for one in modules.values() if one.name.endswith(".attn")]
    for module in windows:
        if module.layer is not None:
            assert module.layer.height in (40, 20, 10, 5)
    assert any("14 x 14" in one.output and one.layer is None for one in windows)
    assert [(one.height, one.width) for one in chosen_layers_at("timm/sam2_hiera_tiny", 160)] == [
        (40, 40),
        (20, 20),
        (10, 10),
        (5, 5),
    ]


def chosen_layers_at(architecture: str, side: int) -> list[Any]:
    from bandprobe.planning.suggest import suggested_layers

    return suggested_layers(list(modules_of(architecture, (side, side)).values()), (side, side))


@pytest.mark.parametrize(
    ("architecture", "arguments"),
    quick_and_slow(
        [("timm/efficientvit_m0", {})], [("torchvision/swin_v2_t", {}), ("timm/mvitv2_tiny", {})]
    ),
)
def test_every_module_that_is_listed_as_a_layer_can_be_read(
    architecture: str, arguments: dict[str, Any]
) -> None:
    modules, size = module_shapes(bare_model(architecture))
    able = [module.name for module in modules if module.layer]
    assert able
    assert len(able) < len(modules)
    backbone = load_backbone(architecture, "random", arguments, 0, None)
    batch = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    found: dict[str, tuple[int, ...]] = {}
    read_layers(
        backbone, able, batch, lambda layer, maps, _: found.update({layer: tuple(maps.shape)})
    )
    for module in modules:
        if module.layer is not None:
            one = module.layer
            assert found[module.name] == (2, one.channels, one.height, one.width)


def test_networks_without_a_central_crop_are_listed() -> None:
    """Their own evaluation squashes the image, which is not provided."""
    modules, size = module_shapes(bare_model("timm/vit_base_patch16_clip_384"))
    assert size == (384, 384)
    assert next(module for module in modules if module.name == "blocks.5").layer
    assert missing_preprocess("timm/vit_base_patch16_clip_384") == {"crop_fraction": 1.0}
    assert missing_preprocess("timm/resnet18") == {}


def test_weights_of_five_dimensions_stay_as_they_are() -> None:
    network = load_backbone("timm/lambda_resnet26t", "random", {}, 0, None).network
    assert any(tensor.ndim == 5 for tensor in network.parameters())
    assert network.get_submodule("stem.conv1.conv").weight.is_contiguous(
        memory_format=torch.channels_last
    )


@pytest.mark.parametrize("size", [(56, 100), (50, 70)])
def test_a_grid_that_is_padded_is_the_networks_own(size: tuple[int, int]) -> None:
    """At 50 x 70 patches of 16 are padded to 4 x 5."""
    backbone = load_backbone(
        "timm/vit_tiny_patch16_224",
        "random",
        {"dynamic_img_size": True, "dynamic_img_pad": True, "depth": 2},
        0,
        None,
    )
    rows, columns = (-(-side // 16) for side in size)
    assert layout_of(backbone.network).grid_for(size) == (rows, columns)
    found: list[torch.Tensor] = []
    batch = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    for layer in ("blocks.1", "blocks.1.norm1"):
        read_layers(backbone, [layer], batch, lambda _layer, maps, _: found.append(maps))
        assert found[-1].shape == (1, 192, rows, columns)


class OwnViT(VisionTransformer):
    pass


def test_a_layout_of_the_configuration_holds_for_subclasses_too() -> None:
    vit = OwnViT(image_size=32, patch_size=8, num_layers=1, num_heads=1, hidden_dim=8, mlp_dim=8)
    assert layout_of(vit) == Layout(1, (4, 4))
    given = layout_of(vit, {"prefix_tokens": 0, "grid": [2, 8]})
    assert (given.prefix_tokens, given.grid) == (0, (2, 8))
    swin = SwinTransformer([4, 4], 12, [2], [1], [4, 4])
    assert layout_of(swin).channels_last
    assert not layout_of(swin, {"channels_last": False}).channels_last


def test_sizes_may_be_one_number() -> None:
    network = nn.Module()
    network.patch_embed = nn.Module()
    network.patch_embed.grid_size = 7
    network.patch_embed.patch_size = 8
    assert layout_of(network).grid == (7, 7)
    network.patch_embed.strict_img_size = False
    assert layout_of(network).grid_for((64, 32)) == (8, 4)


@pytest.mark.parametrize(
    ("architecture", "layers"),
    quick_and_slow(
        [
            ("timm/pit_ti_224", [f"transformers.{number}" for number in range(3)]),
        ],
        [
            ("timm/crossvit_tiny_240", ["blocks.2.outputs.0", "blocks.2.outputs.1"]),
            ("timm/twins_pcpvt_small", ["blocks.0.2", "blocks.1.3", "blocks.2.5", "blocks.3.2"]),
            ("timm/mvitv2_tiny", [f"stages.{number}" for number in range(4)]),
            ("timm/hiera_tiny_224", ["blocks.0", "blocks.2", "blocks.9", "blocks.11"]),
            (
                "torchvision/regnet_y_400mf",
                [f"trunk_output.block{number}" for number in range(1, 5)],
            ),
            ("torchvision/swin_v2_t", [f"features.{number}" for number in (1, 3, 5, 7)]),
        ],
    ),
)
def test_ends_of_stages_are_proposed_and_never_what_lies_inside(
    architecture: str, layers: list[str]
) -> None:
    assert [one.layer for one in chosen_layers(architecture, None)] == layers


def test_of_a_resolution_a_layer_that_nothing_goes_around_comes_first() -> None:
    from bandprobe.planning.map_shapes import LayerShape
    from bandprobe.planning.suggest import suggested_layers

    modules = [
        ModuleShape(f"b{number}", "Block", "", LayerShape(f"b{number}", 8, side, side), "", True)
        for number, side in enumerate((8, 8, 4, 4))
    ]
    assert [one.layer for one in suggested_layers(modules, (32, 32))] == ["b1", "b3"]
    found = suggested_layers(modules, (32, 32), lambda layer: layer in ("b0", "b2"))
    assert [one.layer for one in found] == ["b0", "b2"]
    found = suggested_layers(modules, (32, 32), lambda _layer: False)
    assert [one.layer for one in found] == ["b1", "b3"]


def test_nothing_is_guessed_where_what_is_declared_cannot_be_used() -> None:
    from bandprobe.planning.map_shapes import LayerShape
    from bandprobe.planning.suggest import suggested_layers

    inside = ModuleShape("b0.attn", "Attention", "", LayerShape("b0.attn", 8, 4, 4), "")
    with pytest.raises(BandprobeError, match="no block"):
        suggested_layers(
            [ModuleShape("b0", "Block", "", None, "gives no map", True), inside], (8, 8)
        )
