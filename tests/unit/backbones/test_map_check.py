"""Before extraction a map is shown to be one, or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from bandprobe.backbones.backbone import Backbone, load_backbone, read_layers
from bandprobe.backbones.layouts import layout_of
from bandprobe.backbones.map_check import MapCheck, check_maps
from bandprobe.errors import ModelError
from tests.unit.networks import outputs, scramble


class Blocks(nn.Module):
    """Patches of 8 x 8 averaged, then a stage of its own kind."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind, self.embed, self.stage = kind, nn.AvgPool2d(8), nn.Identity()
        self.table = nn.Parameter(torch.randn(1, 4, 4, 4))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.embed(x)
        n, _, h, w = x.shape
        if self.kind == "table":
            table = nn.functional.interpolate(self.table, (h, w))
            return self.stage(table.expand(n, -1, -1, -1))
        if self.kind == "swapped":
            return self.stage(x.transpose(2, 3).reshape(n, -1, h, w))
        if self.kind == "flipped":
            return self.stage(x.flip(3))
        if self.kind == "mixed":
            return self.stage(x.mean((2, 3), keepdim=True).expand(-1, -1, h, w).contiguous())
        if self.kind == "attention":
            tokens = x.flatten(2)
            return self.stage((tokens.transpose(1, 2) @ tokens)[:, None])
        if self.kind == "pixel":
            # For 32 x 32 one pixel, which answers to the top left alone.
            return self.stage(x[..., ::4, ::4])
        if self.kind == "half":
            return self.stage(x * (torch.arange(w) < w // 2))
        return self.stage(x)


class Convolutions(nn.Module):
    """A plain convolutional network whose map is moved at the end; attention on request."""

    def __init__(self, move: str, attention: bool = False) -> None:
        super().__init__()
        self.move, self.attention, self.stage = move, attention, nn.Identity()
        self.conv = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.BatchNorm2d(8)
        )
        self.mix = nn.MultiheadAttention(8, 1, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.conv(x)
        n, c, h, w = x.shape
        tokens = x.flatten(2)
        if self.attention:
            sequence = tokens.transpose(1, 2)
            tokens = self.mix(sequence, sequence, sequence)[0].transpose(1, 2)
        if self.move == "shuffled":
            # Known to the network alone, and the same for all images.
            order = torch.randperm(h * w, generator=torch.Generator().manual_seed(3))
            tokens = tokens[:, :, order.to(x.device)]
        if self.move == "windows":
            x = tokens.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 2, 4, 3, 5)
            tokens = x.flatten(2)
        x = tokens.reshape(n, c, h, w)
        if self.move == "flipped":
            x = x.flip(2)
        if self.move == "transposed":
            # Squares alone: nothing but the place says it.
            assert h == w
            x = x.transpose(2, 3)
        return self.stage(x)


def checked_convolutions(move: str, attention: bool = False) -> MapCheck:
    torch.manual_seed(0)
    backbone = Backbone(Convolutions(move, attention).eval(), "")
    return check_maps(backbone, ["stage"], (64, 64))["stage"]


@pytest.mark.parametrize(
    ("move", "message"),
    [
        ("flipped", "changed at the top left, moved at the bottom left"),
        ("transposed", "changed at the top right, moved at the bottom left"),
        ("shuffled", r"top left, and \d\d% of the change elsewhere(?s:.*)bottom right, moved"),
    ],
)
def test_a_convolutional_map_read_at_the_wrong_place_is_refused(move: str, message: str) -> None:
    assert checked_convolutions("left").place == "shown"
    with pytest.raises(ModelError, match=rf"layer stage: (?s:.*)another order(?s:.*){message}"):
        checked_convolutions(move)


def test_what_attention_spreads_is_not_refused_however_it_is_moved() -> None:
    for move in ("left", "shuffled"):
        share = checked_convolutions(move, attention=True).share
        np.testing.assert_allclose(share, 0.25, atol=0.03)


def checked(kind: str) -> MapCheck:
    torch.manual_seed(0)
    return check_maps(Backbone(Blocks(kind).eval(), ""), ["stage"], (32, 32))["stage"]


def test_a_map_is_shown_to_be_one() -> None:
    check = checked("map")
    np.testing.assert_array_equal(check.share, np.eye(4))
    assert check.attributes() == {
        "map_axes": "followed",
        "map_place": "shown",
        "map_share_in_place": 1.0,
    }


def test_what_mixes_all_places_is_not_proven_and_not_refused() -> None:
    check = checked("mixed")
    assert check.place == "not proven"
    np.testing.assert_allclose(check.share, 0.25)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("table", "does not depend on the image"),
        ("half", r"does not depend on the image(?s:.*)top right, bottom right"),
        ("flipped", r"another order(?s:.*)changed at the top left, moved at the top right"),
        ("swapped", r"another order(?s:.*)changed at the top right, moved at the bottom left"),
        ("attention", r"gives no map(?s:.*)twice as high"),
    ],
)
def test_what_is_no_map_is_refused_by_name(kind: str, message: str) -> None:
    with pytest.raises(ModelError, match=rf"layer stage(?s:.*){message}"):
        checked(kind)


def test_how_the_axes_are_known_is_said() -> None:
    backbone = load_backbone("timm/resnet18", "random", {}, 0, None)
    found = check_maps(backbone, ["layer2", "layer2.0"], (64, 64))
    assert {layer: check.axes for layer, check in found.items()} == {
        "layer2": "declared",
        "layer2.0": "followed",
    }
    network = Blocks("map").eval()
    backbone = Backbone(network, "", layout=layout_of(network, {"channels_last": False}))
    assert check_maps(backbone, ["stage"], (32, 32))["stage"].axes == "configured"


@pytest.mark.parametrize(
    ("architecture", "arguments", "size", "layers"),
    [
        ("timm/tf_efficientnet_lite0", {}, (224, 224), ["blocks.1", "blocks.2", "blocks.4"]),
        ("timm/vit_small_patch14_dinov2", {"img_size": 224}, (224, 224), ["blocks.2", "blocks.11"]),
    ],
)
def test_networks_of_the_default_study_are_read_as_before(
    architecture: str, arguments: dict[str, Any], size: tuple[int, int], layers: list[str]
) -> None:
    """What hooks give, turned by hand as the first version did."""
    backbone = load_backbone(architecture, "random", arguments, 0, None)
    scramble(backbone.network)
    batch = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(0))
    before = outputs(backbone.network, layers, backbone.inputs(batch.numpy()))
    assert all(check.place == "shown" for check in check_maps(backbone, layers, size).values())
    found: dict[str, tuple[torch.Tensor, torch.Tensor | None]] = {}
    read_layers(
        backbone,
        layers,
        batch,
        lambda layer, maps, prefix: found.update(
            {layer: (maps.clone(), None if prefix is None else prefix.clone())}
        ),
    )
    for layer in layers:
        maps, prefix = found[layer]
        if before[layer].ndim == 4:
            assert torch.equal(maps, before[layer])
            assert prefix is None
            continue
        tokens = before[layer]
        assert torch.equal(maps, tokens[:, 1:].transpose(1, 2).reshape(2, -1, 16, 16))
        assert prefix is not None
        assert torch.equal(prefix, tokens[:, :1])


def test_a_single_pixel_need_not_answer_to_every_part_of_the_image() -> None:
    check = checked("pixel")
    assert check.place == "not proven"
    assert np.isfinite(check.share).all()
    np.testing.assert_allclose(check.share.sum(1), 1)


def test_an_untrained_network_is_not_refused_for_what_its_shortcuts_skip() -> None:
    """Its residual branches begin at zero; strided shortcuts of single pixels are what is left."""
    backbone = load_backbone("timm/resnet18", "random", {}, 0, None)
    found = check_maps(backbone, ["layer1", "layer4"], (64, 64))
    assert (found["layer1"].place, found["layer4"].place) == ("shown", "not proven")


class Fixed(nn.Module):
    """Takes 32 x 32 alone; attention between patches of 2 x 2, before or after a softmax."""

    def __init__(self, axis: int | None) -> None:
        super().__init__()
        self.axis, self.patch, self.attention = axis, 4 if axis else 2, nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[2:] == (32, 32)
        tokens = nn.functional.avg_pool2d(x, self.patch).flatten(2)
        scores = (tokens.transpose(1, 2) @ tokens)[:, None].repeat(1, 2, 1, 1)
        return self.attention(scores if self.axis is None else scores.softmax(self.axis))


@pytest.mark.parametrize(
    ("axis", "message"),
    [
        (None, r": maps larger than the image(?s:.*)found: +256 x 256"),
        (3, r" gives no map(?s:.*)add up to one along each row"),
        (2, r" gives no map(?s:.*)add up to one along each column"),
    ],
)
def test_attention_is_refused_where_the_network_takes_one_size(
    axis: int | None, message: str
) -> None:
    network = Fixed(axis).eval()
    layout = None if axis is None else layout_of(network, {"channels_last": False})
    backbone = Backbone(network, "", layout=layout)
    with pytest.raises(ModelError, match=f"layer attention{message}"):
        check_maps(backbone, ["attention"], (32, 32))


@pytest.mark.parametrize("layer", ["blocks.0.attn.attn_drop", "blocks.2.attn.attn_drop"])
def test_attention_is_refused_where_the_network_takes_squares_alone(layer: str) -> None:
    arguments = {"img_size": 64, "depth": 3, "local_up_to_layer": 2}
    backbone = load_backbone("timm/convit_tiny", "random", arguments, 0, None)
    with pytest.raises(ModelError, match=f"layer {layer} gives no map"):
        check_maps(backbone, [layer], (64, 64))


HIERA = {"img_size": [64, 96], "stages": (1, 1, 1, 1)}
CONVIT = {"img_size": 64, "depth": 3, "local_up_to_layer": 2}


@pytest.mark.parametrize("layer", ["patch_embed", "unroll"])
def test_the_order_of_tokens_is_not_taken_from_layers_elsewhere(layer: str) -> None:
    backbone = load_backbone("timm/hiera_tiny_224", "random", HIERA, 0, None)
    with pytest.raises(ModelError, match=f"layer {layer}: the order of its tokens is not known"):
        check_maps(backbone, [layer], (64, 96))


@pytest.mark.parametrize(
    ("architecture", "arguments", "size", "layers"),
    [
        ("hiera_tiny_224", HIERA, (64, 96), ["blocks.0", "blocks.0.norm1", "blocks.1.norm1"]),
        ("convit_tiny", CONVIT, (64, 64), ["patch_embed", "blocks.0.attn", "blocks.2.norm1"]),
        ("mvitv2_tiny", {"img_size": 64}, (64, 64), ["stages.1.blocks.0"]),
    ],
)
def test_tokens_inside_a_network_are_read_in_place(
    architecture: str, arguments: dict[str, Any], size: tuple[int, int], layers: list[str]
) -> None:
    backbone = load_backbone(f"timm/{architecture}", "random", arguments, 0, None)
    checks = check_maps(backbone, layers, size)
    assert all(check.place == "shown" for check in checks.values())
    assert min(np.diag(check.share).min() for check in checks.values()) > 0.7


def test_tokens_before_the_class_token_have_no_prefix() -> None:
    backbone = load_backbone("timm/convit_tiny", "random", CONVIT, 0, None)
    image = torch.zeros(1, 3, 64, 64)
    layers = backbone.layers(image)
    named = "patch_embed", "blocks.0.attn", "blocks.2.norm1"
    assert [layers.layout(layer).prefix_tokens for layer in named] == [0, 0, 1]
    tokens = outputs(backbone.network, ["patch_embed"], image)["patch_embed"]
    read_layers(
        backbone,
        ["patch_embed"],
        image,
        lambda _layer, maps, _prefix: torch.testing.assert_close(
            maps, tokens.transpose(1, 2).reshape(1, -1, 4, 4), rtol=0, atol=0
        ),
    )


class Several(nn.Module):
    """Takes 32 x 32 alone; its stage returns what `kind` says."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.stage = Parts(kind)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.shape[2:] != (32, 32):
            raise AssertionError
        return self.stage(x)[0].flatten(1)


class Parts(nn.Module):
    def __init__(self, kind: str) -> None:
        super().__init__()
        self.kind = kind

    def forward(self, x: torch.Tensor) -> Any:
        x = nn.functional.avg_pool2d(x, 4)
        beside = (x.shape[2:], x.mean((2, 3)))
        return [x, x * 2] if self.kind == "two" else (x, *beside)


def test_the_one_map_of_a_tuple_is_taken() -> None:
    check = check_maps(Backbone(Several("one").eval(), ""), ["stage"], (32, 32))["stage"]
    np.testing.assert_array_equal(check.share, np.eye(4))


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("stage", r"several maps(?s:.*)2 tensors(?s:.*)stage\.outputs\.0, stage\.outputs\.1"),
        ("stage.outputs.2", r"does not exist(?s:.*)stage\.outputs\.1(?s:.*)2 tensors returned"),
    ],
)
def test_outputs_of_a_module_are_named(layer: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        check_maps(Backbone(Several("two").eval(), ""), [layer], (32, 32))


def test_an_assertion_without_text_is_placed() -> None:
    with pytest.raises(ModelError, match=r"AssertionError at line \d+ of test_map_check.py: raise"):
        check_maps(Backbone(Several("two").eval(), ""), ["stage.outputs.0"], (16, 16))


class Scores(nn.Module):
    """Takes 32 x 32 alone; what its tokens, 4 x 4, say to each other before a softmax."""

    def __init__(self) -> None:
        super().__init__()
        self.tokens, self.scores, self.map = nn.Identity(), nn.Identity(), nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        assert x.shape[2:] == (32, 32)
        fine = self.map(nn.functional.avg_pool2d(x, 2))
        tokens = nn.functional.avg_pool2d(fine, 4).flatten(2).transpose(1, 2)
        tokens = self.tokens(tokens + tokens.mean(1, keepdim=True))
        return self.scores((tokens @ tokens.transpose(1, 2))[:, None].repeat(1, 2, 1, 1))


def test_scores_between_tokens_are_refused_and_a_map_of_as_many_places_is_not() -> None:
    backbone = Backbone(Scores().eval(), "")
    with pytest.raises(
        ModelError, match=r"layer scores gives no map(?s:.*)16 x 16, as many(?s:.*)channels_last"
    ):
        check_maps(backbone, ["scores"], (32, 32))
    check = check_maps(backbone, ["map"], (32, 32))["map"]
    assert (check.axes, check.place) == ("fixed size", "shown")
    told = Backbone(Scores().eval(), "", layout=layout_of(Scores(), {"channels_last": False}))
    assert check_maps(told, ["scores"], (32, 32))["scores"].place == "not proven"
