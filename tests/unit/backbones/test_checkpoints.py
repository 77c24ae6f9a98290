"""Checkpoints of both libraries fill either's networks; what needs code is refused unrun."""

from __future__ import annotations

import argparse
import hashlib
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision.models
from safetensors.torch import save_file
from torch import nn

from bandprobe.backbones.backbone import load_backbone
from bandprobe.backbones.checkpoints import check_loaded, read_checkpoint
from bandprobe.backbones.renaming import vit_to_timm
from bandprobe.errors import ModelError
from tests.cases import quick_and_slow
from tests.unit.networks import assert_close, loaded, maps, outputs, scramble

# Where reading is the same for both libraries.
EITHER = quick_and_slow(["timm/resnet18"], ["torchvision/resnet18"])
RESNET_LAYERS = ["layer1", "layer2", "layer3", "layer4"]


def state(network: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in network.state_dict().items()}


def write(path: Path, content: Any) -> Path:
    torch.save(content, path)
    return path


@pytest.mark.parametrize("name", quick_and_slow(["resnet18"], ["resnet50"]))
@pytest.mark.parametrize("maker", ["timm", "torchvision"])
@pytest.mark.parametrize("reader", ["timm", "torchvision"])
def test_resnets_of_both_libraries_fill_both(
    tmp_path: Path, name: str, maker: str, reader: str
) -> None:
    make = timm.create_model if maker == "timm" else torchvision.models.get_model
    original = scramble(make(name))
    batch = torch.rand(2, 3, 64, 64)
    expected = outputs(original, [*RESNET_LAYERS, "fc"], batch)
    backbone = loaded(f"{reader}/{name}", write(tmp_path / "a.pth", original.state_dict()))
    found = maps(backbone, RESNET_LAYERS, batch)
    for layer in RESNET_LAYERS:
        assert_close(found[layer][0], expected[layer])
        assert found[layer][1] is None
    assert_close(backbone.network(batch), expected["fc"])


@pytest.fixture(scope="module")
def vit_batch() -> torch.Tensor:
    return torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(1))


TIMM_BLOCKS = [f"blocks.{n}" for n in range(12)]
TORCHVISION_BLOCKS = [f"encoder.layers.encoder_layer_{n}" for n in range(12)]
Vit = tuple[Path, dict[str, torch.Tensor], torch.Tensor]


def vit_file(folder: Path, network: nn.Module, blocks: list[str], batch: torch.Tensor) -> Vit:
    """A file of a ViT's weights, and the network's tokens and logits."""
    scramble(network)
    file = write(folder / "vit.pth", network.state_dict())
    with torch.inference_mode():
        return file, outputs(network, blocks, batch), network(batch)


@pytest.fixture(scope="module")
def torchvision_vit(tmp_path_factory: pytest.TempPathFactory, vit_batch: torch.Tensor) -> Vit:
    network = torchvision.models.vit_b_16(image_size=64)
    nn.init.normal_(network.heads.head.weight, std=0.02)  # zero as it is built
    folder = tmp_path_factory.mktemp("torchvision")
    return vit_file(folder, network, TORCHVISION_BLOCKS, vit_batch)


@pytest.fixture(scope="module")
def timm_vit(tmp_path_factory: pytest.TempPathFactory, vit_batch: torch.Tensor) -> Vit:
    network = timm.create_model("vit_base_patch16_224", img_size=64)
    return vit_file(tmp_path_factory.mktemp("timm"), network, TIMM_BLOCKS, vit_batch)


@pytest.mark.parametrize("maker", quick_and_slow(["torchvision_vit"], ["timm_vit"]))
@pytest.mark.parametrize(
    ("reader", "size", "blocks"),
    quick_and_slow(
        [("timm/vit_base_patch16_224", "img_size", TIMM_BLOCKS)],
        [("torchvision/vit_b_16", "image_size", TORCHVISION_BLOCKS)],
    ),
)
def test_vits_of_both_libraries_fill_both(
    maker: str,
    reader: str,
    size: str,
    blocks: list[str],
    vit_batch: torch.Tensor,
    request: pytest.FixtureRequest,
) -> None:
    file, tokens, logits = request.getfixturevalue(maker)
    backbone = loaded(reader, file, **{size: 64})
    found = maps(backbone, blocks, vit_batch)
    for block, expected in zip(blocks, tokens.values(), strict=True):
        patches, prefix = found[block]
        assert_close(patches, expected[:, 1:].transpose(1, 2).reshape(1, 768, 4, 4))
        assert prefix is not None
        assert_close(prefix, expected[:, :1])
    with torch.inference_mode():
        assert_close(backbone.network(vit_batch), logits)


def test_names_of_torchvisions_first_release_are_known(tmp_path: Path) -> None:
    original = scramble(torchvision.models.VisionTransformer(32, 16, 2, 2, 8, 16, num_classes=3))
    old = {
        name.replace("mlp.0.", "mlp.linear_1.").replace("mlp.3.", "mlp.linear_2."): tensor
        for name, tensor in original.state_dict().items()
    }
    network = timm.models.VisionTransformer(
        img_size=32, embed_dim=8, depth=2, num_heads=2, mlp_ratio=2, num_classes=3
    ).eval()
    network.load_state_dict(vit_to_timm(old), strict=True)
    batch = torch.rand(1, 3, 32, 32)
    assert_close(network(batch), original(batch))
    # torchvision reads them itself; the check must see that they arrived.
    again = torchvision.models.VisionTransformer(32, 16, 2, 2, 8, 16, num_classes=3)
    again.load_state_dict(dict(old))
    check_loaded(again, old, tmp_path)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda tensors: {"state_dict": tensors, "epoch": 3, "args": argparse.Namespace(lr=0.1)},
        lambda tensors: {"model": tensors, "optimizer": {"lr": 0.1}},
        lambda tensors: {"model": {"state_dict": tensors}},
        lambda tensors: {f"module.{name}": tensor for name, tensor in tensors.items()},
        lambda tensors: {
            "state_dict": {f"module._orig_mod.{n}": tensor for n, tensor in tensors.items()}
        },
        lambda tensors: {n: t for n, t in tensors.items() if "num_batches_tracked" not in n},
    ],
    ids=["state_dict", "model", "nested", "module", "compiled", "without counts"],
)
@pytest.mark.parametrize("architecture", EITHER)
def test_what_training_scripts_wrap_around_the_tensors_is_taken_off(
    tmp_path: Path, wrap: Any, architecture: str
) -> None:
    original = scramble(torchvision.models.resnet18())
    backbone = loaded(architecture, write(tmp_path / "a.pt", wrap(state(original))))
    batch = torch.rand(1, 3, 64, 64)
    expected = outputs(original, ["layer4"], batch)["layer4"]
    assert_close(maps(backbone, ["layer4"], batch)["layer4"][0], expected)


def test_safetensors_and_pickle_give_the_same(tmp_path: Path) -> None:
    tensors = state(scramble(timm.create_model("resnet18")))
    save_file(tensors, tmp_path / "a.safetensors")
    first = loaded("timm/resnet18", tmp_path / "a.safetensors").network.state_dict()
    second = loaded("timm/resnet18", write(tmp_path / "a.bin", tensors)).network.state_dict()
    assert all(torch.equal(first[name], second[name]) for name in tensors)


@pytest.mark.parametrize("architecture", EITHER)
def test_two_sets_of_weights_are_a_question(tmp_path: Path, architecture: str) -> None:
    plain, averaged = (state(scramble(timm.create_model("resnet18"), seed)) for seed in (0, 1))
    file = write(tmp_path / "a.pth", {"state_dict": plain, "state_dict_ema": averaged})
    with pytest.raises(ModelError) as caught:
        loaded(architecture, file)
    assert "more than one set of weights" in str(caught.value)
    assert "weights_key 'state_dict', weights_prefix '' (122 tensors)" in str(caught.value)
    assert "weights_key 'state_dict_ema', weights_prefix '' (122 tensors)" in str(caught.value)
    for key, expected in (("state_dict", plain), ("state_dict_ema", averaged)):
        backbone = load_backbone(architecture, "file/a.pth", {}, 0, file, weights_key=key)
        assert torch.equal(backbone.network.fc.weight, expected["fc.weight"])
        assert key in backbone.weights_source


def test_published_weights_of_two_sets_are_refused(tmp_path: Path) -> None:
    tensors = {"a": torch.zeros(1)}
    file = write(tmp_path / "a.pth", {"state_dict": tensors, "state_dict_ema": tensors})
    with pytest.raises(ModelError, match=r"more than one set(?s:.*)state_dict .*state_dict_ema "):
        _ = read_checkpoint(file, "").tensors


class TouchesFile:
    """Runs code when it is unpickled by an unrestricted reader."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


@pytest.mark.parametrize("legacy", [False, True])
@pytest.mark.parametrize("architecture", EITHER)
def test_a_file_that_runs_code_is_refused_and_not_run(
    tmp_path: Path, architecture: str, legacy: bool
) -> None:
    marker, file = tmp_path / "ran", tmp_path / "evil.pth"
    content = state(timm.create_model("resnet18")) | {"extra": TouchesFile(marker)}
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(ModelError, match=r"cannot be read without running code(?s:.*)weights.pth"):
        loaded(architecture, file)
    assert not marker.exists()
    torch.load(file, weights_only=False)
    assert marker.exists(), "the file does run code where it is allowed to"


def test_the_names_of_code_are_given(tmp_path: Path) -> None:
    file = write(tmp_path / "a.pth", {"a": torch.zeros(1), "b": TouchesFile(tmp_path / "ran")})
    with pytest.raises(ModelError, match=r"names of code: .*(touch|getattr)"):
        read_checkpoint(file, "")


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"no weights", b"PK\x03\x04 broken"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelError, match=name):
        read_checkpoint(tmp_path / name, "")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"gone\.pth(?s:.*)No such file"):
        read_checkpoint(tmp_path / "gone.pth", "")


@pytest.mark.parametrize("content", [[1, 2], {"epoch": 3}, {}, {"state_dict": {"a": 1}}])
def test_a_file_without_weights_says_what_it_holds(tmp_path: Path, content: Any) -> None:
    with pytest.raises(ModelError, match="holds no state dict"):
        read_checkpoint(write(tmp_path / "a.pth", content), "")


def test_a_pinned_file_is_held_against_its_digest(tmp_path: Path) -> None:
    file = write(tmp_path / "a.pth", state(timm.create_model("resnet18")))
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    backbone = load_backbone("timm/resnet18", "file/a.pth", {}, 0, file, digest)
    assert backbone.weights_sha256 == digest
    with pytest.raises(ModelError) as caught:
        load_backbone("timm/resnet18", "file/a.pth", {}, 0, file, "0" * 64)
    assert "wrong digest" in str(caught.value)
    assert "0" * 64 in str(caught.value)
    assert digest in str(caught.value)


@pytest.mark.parametrize("architecture", ["timm/resnet18", "torchvision/resnet18"])
@pytest.mark.parametrize("change", ["missing", "shape", "surplus", "classes"])
def test_a_checkpoint_that_does_not_fit_is_refused(
    tmp_path: Path, architecture: str, change: str
) -> None:
    tensors, arguments = state(timm.create_model("resnet18")), {}
    if change == "missing":
        del tensors["layer3.0.bn1.bias"]
        said = "121 of them (weights_key '', weights_prefix ''); 1 missing: layer3.0.bn1.bias\n"
    elif change == "shape":
        tensors["layer1.0.conv1.weight"] = torch.zeros(64, 64, 1, 1)
        said = "1 of another shape: layer1.0.conv1.weight (64x64x1x1, not 64x64x3x3)\n"
    elif change == "surplus":
        tensors["layer9.weight"] = torch.zeros(3)
        said = "122 of them (weights_key '', weights_prefix ''); 1 left over: layer9.weight\n"
    else:
        tensors |= {"fc.weight": torch.zeros(10, 512), "fc.bias": torch.zeros(10)}
        said, arguments = "arguments: {num_classes: 10}", {"num_classes": 20}
    with pytest.raises(ModelError, match=r"a\.pth") as caught:
        loaded(architecture, write(tmp_path / "a.pth", tensors), **arguments)
    assert said in str(caught.value)


@pytest.mark.parametrize("architecture", EITHER)
def test_the_number_of_classes_follows_from_the_file(tmp_path: Path, architecture: str) -> None:
    original = scramble(timm.create_model("resnet18", num_classes=7))
    backbone = loaded(architecture, write(tmp_path / "a.pth", state(original)))
    batch = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert_close(backbone.network(batch), original(batch))


@pytest.mark.parametrize("architecture", ["timm/resnet18", "torchvision/resnet18"])
def test_a_classifier_may_be_missing_where_no_layer_needs_it(
    tmp_path: Path, architecture: str, caplog: pytest.LogCaptureFixture
) -> None:
    original = scramble(timm.create_model("resnet18"))
    tensors = {name: t for name, t in state(original).items() if not name.startswith("fc.")}
    backbone = loaded(architecture, write(tmp_path / "a.pth", tensors))
    assert backbone.lacking == ("fc",)
    assert "a.pth has no classifier; its weights are random" in caplog.text
    batch = torch.rand(1, 3, 64, 64)
    expected = outputs(original, ["layer4"], batch)["layer4"]
    assert_close(maps(backbone, ["layer4"], batch)["layer4"][0], expected)
    with pytest.raises(ModelError, match="layer fc belongs to the classifier"):
        maps(backbone, ["fc"], batch)


@pytest.mark.parametrize("architecture", EITHER)
def test_weights_that_were_never_trained_are_seen(tmp_path: Path, architecture: str) -> None:
    fresh = timm.create_model("resnet18")
    file = write(tmp_path / "a.pth", state(fresh))
    assert loaded(architecture, file).looks_untrained
    fresh.bn1.running_mean[3] = 0.1
    assert not loaded(architecture, write(tmp_path / "b.pth", state(fresh))).looks_untrained
    assert not load_backbone(architecture, "random", {}, 0, None).looks_untrained


def test_a_tensor_that_did_not_arrive_is_found(tmp_path: Path) -> None:
    network = scramble(torchvision.models.resnet18())
    stored = state(network)
    check_loaded(network, stored, tmp_path)
    for change in ({"fc.bias": stored["fc.bias"] + 1}, {"other": stored["fc.weight"] + 1}):
        wrong = stored | change
        if "other" in change:
            del wrong["fc.weight"]
        with pytest.raises(ModelError, match=r"found: +1 that are missing(?s:.*)fc\."):
            check_loaded(network, wrong, tmp_path)


def test_weights_that_are_not_finite_are_named(tmp_path: Path) -> None:
    network = timm.create_model("resnet18")
    tensors = network.state_dict()
    tensors["layer1.0.conv1.weight"][0] = float("nan")
    with pytest.raises(ModelError, match=r"(?s)not finite.*1 tensors.*layer1\.0\.conv1\.weight"):
        check_loaded(network, tensors, tmp_path / "w.pth")


def test_one_renamed_tensor_does_not_stand_for_two(tmp_path: Path) -> None:
    network = nn.Sequential(nn.LayerNorm(4), nn.LayerNorm(4))
    stored = {f"old.{n}.weight": torch.ones(4) for n in range(2)}
    check_loaded(network, stored | {f"old.{n}.bias": torch.zeros(4) for n in range(2)}, tmp_path)
    with pytest.raises(ModelError, match="1 that are missing"):
        check_loaded(network, stored | {"old.0.bias": torch.zeros(4)}, tmp_path)


def test_a_position_embedding_may_be_resampled_and_nothing_else(tmp_path: Path) -> None:
    original = timm.create_model("vit_tiny_patch16_224", img_size=64, num_classes=3)
    file = write(tmp_path / "a.pth", state(scramble(original)))
    other = loaded("timm/vit_tiny_patch16_224", file, img_size=[64, 32], num_classes=3)
    assert other.network.pos_embed.shape == (1, 1 + 4 * 2, 192)
    same = loaded("timm/vit_tiny_patch16_224", file, img_size=64, num_classes=3)
    assert torch.equal(same.network.pos_embed, original.pos_embed)
    changed = state(original)
    changed["pos_embed"] = changed["pos_embed"] + 1
    with pytest.raises(ModelError, match="pos_embed"):
        check_loaded(same.network, changed, file)
