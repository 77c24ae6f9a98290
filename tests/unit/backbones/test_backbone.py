"""Layers of every family as maps: where pixels went is where the map shows them."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
import torchvision.models
from torch import nn

from bandprobe.backbones.backbone import Backbone, as_map, load_backbone, read_layers, tapped
from bandprobe.backbones.layouts import layout_of
from bandprobe.errors import ModelError
from tests.cases import quick_and_slow
from tests.unit.networks import assert_close, maps, outputs


def random_backbone(architecture: str, **arguments: Any) -> Backbone:
    return load_backbone(architecture, "random", arguments, 0, None)


def batch_of(height: int, width: int, n: int = 2) -> torch.Tensor:
    return torch.rand(n, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("family", ["timm", "torchvision"])
@pytest.mark.parametrize("size", [(64, 64), (96, 64), (64, 96)])
def test_maps_of_a_cnn_are_its_outputs(family: str, size: tuple[int, int]) -> None:
    backbone = random_backbone(f"{family}/resnet18")
    layers = ["layer1", "layer2", "layer3", "layer4"]
    expected = outputs(backbone.network, layers, batch_of(*size))
    found = maps(backbone, layers, batch_of(*size))
    for stride, layer in zip((4, 8, 16, 32), layers, strict=True):
        values, prefix = found[layer]
        assert values.shape[2:] == (size[0] // stride, size[1] // stride)
        assert_close(values, expected[layer])
        assert prefix is None


def make_blocks_transparent(network: nn.Module) -> None:
    """Blocks that return their input, so that tokens stay what the patch embedding made."""
    with torch.no_grad():
        for name, tensor in network.named_parameters():
            if any(part in name for part in ("attn.proj", "mlp.fc2", "out_proj", "mlp.3")):
                tensor.zero_()
            if name.endswith(("pos_embed", "pos_embedding")):
                tensor.zero_()


@pytest.mark.parametrize(
    ("architecture", "arguments", "size", "n_prefix", "layer", "embed"),
    [
        (
            "timm/vit_tiny_patch16_224",
            {"img_size": [112, 64]},
            (112, 64),
            1,
            "blocks.11",
            "patch_embed.proj",
        ),
        (
            "timm/vit_small_patch14_dinov2",
            {"img_size": [112, 56]},
            (112, 56),
            1,
            "blocks.1",
            "patch_embed.proj",
        ),
        (
            "timm/vit_small_patch14_reg4_dinov2",
            {"img_size": [56, 70]},
            (56, 70),
            5,
            "blocks.3",
            "patch_embed.proj",
        ),
        (
            "timm/deit_tiny_distilled_patch16_224",
            {"img_size": [48, 80]},
            (48, 80),
            2,
            "blocks.3",
            "patch_embed.proj",
        ),
        pytest.param(
            "torchvision/vit_b_32",
            {"image_size": 96},
            (96, 96),
            1,
            "encoder.layers.encoder_layer_3",
            "conv_proj",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_patch_tokens_lie_where_their_patches_are(
    architecture: str,
    arguments: dict[str, Any],
    size: tuple[int, int],
    n_prefix: int,
    layer: str,
    embed: str,
) -> None:
    backbone = random_backbone(architecture, **arguments)
    make_blocks_transparent(backbone.network)
    expected = outputs(backbone.network, [embed], batch_of(*size))[embed]
    values, prefix = maps(backbone, [layer], batch_of(*size))[layer]
    assert_close(values, expected)
    assert prefix is not None
    assert prefix.shape == (2, n_prefix, values.shape[1])


@pytest.mark.parametrize(
    ("architecture", "arguments", "size", "layers"),
    [
        (
            "timm/swin_tiny_patch4_window7_224",
            {"img_size": [112, 56]},
            (112, 56),
            [f"layers.{n}" for n in range(4)],
        ),
        pytest.param(
            "torchvision/swin_t",
            {},
            (112, 56),
            ["features.0", "features.1", "features.3", "features.5", "features.7", "norm"],
            marks=pytest.mark.slow,
        ),
    ],
)
def test_channels_last_maps_are_turned(
    architecture: str, arguments: dict[str, Any], size: tuple[int, int], layers: list[str]
) -> None:
    backbone = random_backbone(architecture, **arguments)
    expected = outputs(backbone.network, layers, batch_of(*size))
    found = maps(backbone, layers, batch_of(*size))
    for layer in layers:
        values, prefix = found[layer]
        assert prefix is None
        assert values.shape[2] > values.shape[3]
        assert_close(values, torch.einsum("nyxc->ncyx", expected[layer]))


@pytest.mark.parametrize(
    ("architecture", "layer", "last"),
    quick_and_slow(
        [
            ("timm/convnext_atto", "stages.0.blocks.0.norm", False),
            ("torchvision/convnext_tiny", "features.1.0.block.1", True),
        ],
        [
            ("timm/swin_tiny_patch4_window7_224", "patch_embed.proj", False),
            ("torchvision/swin_t", "features.0.0", False),
            ("torchvision/swin_t", "features.0.1", True),
            ("torchvision/swin_t", "permute", False),
            ("torchvision/convnext_tiny", "features.1.0.block.6", False),
            ("timm/convnext_tiny", "stages.0.blocks.0.mlp.fc1", True),
        ],
    ),
)
def test_modules_inside_say_themselves_where_channels_are(
    architecture: str, layer: str, last: bool
) -> None:
    backbone = random_backbone(architecture)
    expected = outputs(backbone.network, [layer], batch_of(224, 224, 1))[layer]
    values, _ = maps(backbone, [layer], batch_of(224, 224, 1))[layer]
    assert_close(values, expected.permute(0, 3, 1, 2) if last else expected)


class Strange(nn.Module):
    """A user's network: a channels-last stage, or tokens with two more than there are patches."""

    def __init__(self, tokens: bool, own: bool = False) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 8, 8)
        self.stage = nn.Identity()
        self.tokens = tokens
        if own:
            self.num_prefix_tokens = 2
            self.patch_embed = nn.Module()
            self.patch_embed.grid_size = (4, 2)
            self.output_fmt = "NHWC"

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        if not self.tokens:
            return self.stage(x.permute(0, 2, 3, 1))
        patches = x.flatten(2).transpose(1, 2)
        return self.stage(torch.cat([patches[:, :2] * 0, patches], 1))


@pytest.mark.parametrize("size", [(32, 32), (64, 32), (64, 64)])
def test_channels_are_told_from_sides_by_other_sizes(size: tuple[int, int]) -> None:
    """At 64 x 64 the output is 8 x 8 x 8, of which no shape says where the channels are."""
    network = Strange(tokens=False).eval()
    values, _ = maps(Backbone(network, ""), ["stage"], batch_of(*size))["stage"]
    assert_close(values, network.embed(batch_of(*size)))


class OneSize(Strange):
    """Takes one size alone."""

    def __init__(self, side: int) -> None:
        super().__init__(tokens=False)
        self.side = side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[2] == x.shape[3] == self.side, "wrong size"
        return super().forward(x)


def test_what_one_size_leaves_open_is_an_error_until_it_is_said() -> None:
    with pytest.raises(ModelError, match=r"without the aspect(?s:.*)channels_last"):
        maps(Backbone(OneSize(32).eval(), ""), ["stage"], batch_of(32, 32))
    network = OneSize(64).eval()
    with pytest.raises(ModelError, match=r"channels first or last(?s:.*)channels_last"):
        maps(Backbone(network, ""), ["stage"], batch_of(64, 64))
    layout = layout_of(network, {"channels_last": True})
    values, _ = maps(Backbone(network, "", layout=layout), ["stage"], batch_of(64, 64))["stage"]
    assert_close(values, network.embed(batch_of(64, 64)))


@pytest.mark.parametrize("own", [True, False])
def test_a_network_of_ones_own_says_its_layout_or_the_configuration_does(own: bool) -> None:
    batch = batch_of(32, 16)
    for tokens, given in (
        (True, {"prefix_tokens": 2, "grid": [4, 2]}),
        (False, {"channels_last": True}),
    ):
        network = Strange(tokens, own).eval()
        layout = layout_of(network, None if own else given)
        values, prefix = maps(Backbone(network, "", layout=layout), ["stage"], batch)["stage"]
        assert_close(values, network.embed(batch))
        assert (prefix is not None) == tokens


def test_a_layout_of_the_configuration_goes_before_the_attributes() -> None:
    network = Strange(tokens=True, own=True).eval()
    layout = layout_of(network, {"prefix_tokens": 2, "grid": [2, 4]})
    backbone = Backbone(network, "", layout=layout)
    values, _ = maps(backbone, ["stage"], batch_of(16, 32))["stage"]
    assert values.shape == (2, 8, 2, 4)
    # The page says that every aspect is checked: that of a grid of tokens too.
    with pytest.raises(ModelError, match=r"without the aspect(?s:.*)2 x 4"):
        maps(backbone, ["stage"], batch_of(32, 16))


def test_tokens_without_a_grid_say_what_to_give() -> None:
    with pytest.raises(ModelError, match=r"10 patch tokens do not fill(?s:.*)prefix_tokens"):
        maps(Backbone(Strange(tokens=True).eval(), ""), ["stage"], batch_of(32, 16))


@pytest.mark.parametrize("size", [(64, 32), (32, 64)])
def test_a_grid_that_follows_the_input_is_that_of_the_input(size: tuple[int, int]) -> None:
    """The network is built for 64 x 32: as many patches as 32 x 64 has, on another grid."""
    backbone = random_backbone(
        "timm/vit_tiny_patch16_224", img_size=[64, 32], dynamic_img_size=True
    )
    make_blocks_transparent(backbone.network)
    expected = outputs(backbone.network, ["patch_embed.proj"], batch_of(*size))
    values, _ = maps(backbone, ["blocks.2"], batch_of(*size))["blocks.2"]
    assert_close(values, expected["patch_embed.proj"])


def test_inputs_of_another_size_than_the_networks_are_an_error() -> None:
    for architecture, arguments in (
        ("timm/vit_tiny_patch16_224", {"img_size": [64, 32]}),
        ("torchvision/vit_b_32", {"image_size": 64}),
    ):
        backbone = random_backbone(architecture, **arguments)
        with pytest.raises(ModelError, match=r"forward pass failed(?s:.*)img_size"):
            read_layers(backbone, layers_of(backbone), batch_of(32, 64), drop)


def layers_of(backbone: Backbone) -> list[str]:
    return ["blocks.0"] if "blocks.0" in backbone.modules() else ["encoder.layers.encoder_layer_0"]


def drop(*_: Any) -> None:
    return None


def test_as_map_alone_reads_what_the_network_says() -> None:
    network = timm.create_model("vit_tiny_patch16_224", img_size=[64, 32]).eval()
    tokens = torch.arange(2 * 9 * 3.0).reshape(2, 9, 3)
    values, prefix = as_map(network, "blocks.0", tokens)
    assert values.shape == (2, 3, 4, 2)
    assert torch.equal(values[:, :, 1, 0], tokens[:, 1 + 2])
    assert prefix is not None
    assert torch.equal(prefix, tokens[:, :1])


@pytest.mark.parametrize("output", [torch.zeros(2, 5), (torch.zeros(2, 3, 4, 4),), None])
def test_what_is_no_map_is_refused(output: Any) -> None:
    with pytest.raises(ModelError, match="layer fc gives no map"):
        as_map(torchvision.models.resnet18(), "fc", output)


def test_more_outputs_than_samples_are_an_error() -> None:
    """Attention in windows has a batch of windows."""
    backbone = random_backbone("timm/swin_tiny_patch4_window7_224", img_size=56)
    backbone = Backbone(backbone.network, "", layout=layout_of(nn.Identity(), {"grid": [7, 7]}))
    with pytest.raises(ModelError, match=r"one output a sample(?s:.*)8 outputs for 2"):
        maps(backbone, ["layers.0.blocks.0.attn"], batch_of(56, 56))


def test_hooks_go_when_the_block_ends() -> None:
    backbone = random_backbone("timm/resnet18")
    with (
        pytest.raises(RuntimeError, match="stop"),
        tapped(backbone, ["layer1", "layer2"], drop, batch_of(32, 32)),
    ):
        raise RuntimeError("stop")
    for module in backbone.network.modules():
        assert not module._forward_hooks
        assert not module._forward_pre_hooks


def test_a_pass_stops_after_its_last_layer() -> None:
    backbone = random_backbone("timm/resnet18")
    reached: list[str] = []
    maps(backbone, ["layer2"], batch_of(32, 32))  # what its layers are is found out once
    backbone.network.layer4.register_forward_hook(lambda *_: reached.append("layer4"))
    maps(backbone, ["layer2"], batch_of(32, 32))
    assert not reached
    maps(backbone, ["layer4"], batch_of(32, 32))
    assert reached == ["layer4"]


def test_layers_that_cannot_be_read_say_why() -> None:
    backbone = random_backbone("timm/resnet18")
    with pytest.raises(ModelError, match="unknown layer 'layer5'"):
        maps(backbone, ["layer5"], batch_of(32, 32))
    torchvision_cnn = random_backbone("torchvision/resnet18")
    with pytest.raises(ModelError, match="relu runs more than once"):
        maps(torchvision_cnn, ["layer1.0.relu", "layer4"], batch_of(32, 32))
    network = timm.create_model("resnet18").eval()
    network.aside = nn.Conv2d(3, 3, 1)
    with pytest.raises(ModelError, match="aside is not reached"):
        maps(Backbone(network, ""), ["aside"], batch_of(32, 32))


def test_random_weights_follow_the_seed() -> None:
    first, again, other = (
        load_backbone("torchvision/resnet18", "random", {}, seed, None) for seed in (1, 1, 2)
    )
    assert first.weights_sha256 == again.weights_sha256 != other.weights_sha256
    assert first.weights_source == "random"
