"""Published weights come out of local caches; where there are none, the command that gets them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.error import URLError

import pytest
import timm
import torch
import torchvision.models
from huggingface_hub import constants
from safetensors.torch import save_file
from torch import nn

from bandprobe.backbones import published as pretrained
from bandprobe.backbones.backbone import Backbone, load_backbone
from bandprobe.backbones.published import timm_tag, torchvision_entry, torchvision_entry_of
from bandprobe.errors import ModelError
from tests.unit.networks import assert_close, scramble

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(autouse=True)
def caches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Empty caches, and no network."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path


def hugging_face_file(cache: Path, repository: str, name: str, write: Callable[[Path], Any]) -> str:
    """A file where huggingface_hub keeps it: a blob by its digest, linked from a snapshot."""
    folder = cache / "hub" / f"models--{repository.replace('/', '--')}"
    snapshot = folder / "snapshots" / COMMIT
    for made in (folder / "blobs", folder / "refs", snapshot):
        made.mkdir(parents=True)
    (folder / "refs" / "main").write_text(COMMIT)
    write(folder / "blobs" / "partial")
    digest = hashlib.sha256((folder / "blobs" / "partial").read_bytes()).hexdigest()
    (folder / "blobs" / "partial").rename(folder / "blobs" / digest)
    (snapshot / name).symlink_to(Path("..", "..", "blobs", digest))
    return digest


def published(
    architecture: str, weights: str, pin: Path | None = None, **arguments: Any
) -> Backbone:
    digest = hashlib.sha256(pin.read_bytes()).hexdigest() if pin else None
    return load_backbone(architecture, weights, arguments, 0, None, digest)


def logits(network: nn.Module) -> torch.Tensor:
    with torch.inference_mode():
        return network(torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0)))


@pytest.mark.parametrize(
    ("architecture", "weights"),
    [
        ("timm/resnet18", "pretrained/tv_in1k"),
        ("timm/resnet18", "pretrained/resnet18.tv_in1k"),
        ("timm/resnet18.tv_in1k", "pretrained"),
    ],
)
def test_timm_weights_come_out_of_the_hugging_face_cache(
    caches: Path, architecture: str, weights: str
) -> None:
    original = scramble(timm.create_model("resnet18"))
    digest = hugging_face_file(
        caches,
        "timm/resnet18.tv_in1k",
        "model.safetensors",
        lambda path: save_file(dict(original.state_dict()), path),
    )
    backbone = published(architecture, weights)
    assert_close(logits(backbone.network), logits(original))
    assert backbone.weights_sha256 == digest
    assert backbone.weights_source == f"timm/resnet18.tv_in1k@{COMMIT}/model.safetensors"
    assert backbone.preprocess({}).interpolation == "bilinear"
    assert backbone.preprocess({}).crop_fraction == 0.875
    assert backbone.preprocess_source == "timm resnet18.tv_in1k"


def test_timm_pickles_are_read_where_there_is_no_safetensors_file(caches: Path) -> None:
    original = scramble(timm.create_model("resnet18"))
    hugging_face_file(
        caches,
        "timm/resnet18.a1_in1k",
        "pytorch_model.bin",
        lambda path: torch.save(original.state_dict(), path),
    )
    backbone = published("timm/resnet18", "pretrained")
    assert_close(logits(backbone.network), logits(original))
    assert backbone.preprocess_source == "timm resnet18.a1_in1k"


def test_torchvision_weights_come_out_of_torch_hubs_cache(caches: Path) -> None:
    original = scramble(torchvision.models.resnet18())
    file = caches / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    torch.save(original.state_dict(), file)
    for weights in ("pretrained", "pretrained/IMAGENET1K_V1"):
        backbone = published("torchvision/resnet18", weights, pin=file)
        assert_close(logits(backbone.network), logits(original))
        assert backbone.weights_source.startswith("torchvision ResNet18_Weights.IMAGENET1K_V1")
        assert "not the published file" in backbone.weights_source
        assert backbone.weights_sha256 == hashlib.sha256(file.read_bytes()).hexdigest()


def test_timm_weights_outside_of_hugging_face_come_out_of_torch_hubs_cache(caches: Path) -> None:
    original = scramble(timm.create_model("legacy_seresnet18"))
    url = timm.models.get_pretrained_cfg("legacy_seresnet18").url
    file = caches / "torch" / "hub" / "checkpoints" / url.rsplit("/", 1)[1]
    file.parent.mkdir(parents=True)
    torch.save(original.state_dict(), file)
    backbone = published("timm/legacy_seresnet18", "pretrained", pin=file)
    assert_close(logits(backbone.network), logits(original))


def test_another_file_under_a_published_name_is_refused(caches: Path) -> None:
    folder = caches / "torch" / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    network = scramble(torchvision.models.resnet18())
    torch.save(network.state_dict(), folder / "resnet18-f37072fd.pth")
    with pytest.raises(ModelError, match=r"(?s)not the published file.*SHA-256 f37072fd\.\.\."):
        published("torchvision/resnet18", "pretrained")
    digest = hugging_face_file(
        caches,
        "timm/resnet18.tv_in1k",
        "model.safetensors",
        lambda path: save_file(dict(network.state_dict()), path),
    )
    (blob,) = caches.rglob(digest)
    save_file({name: 2 * value for name, value in network.state_dict().items()}, blob)
    with pytest.raises(ModelError, match=f"(?s)not the published file.*SHA-256 {digest}, as"):
        published("timm/resnet18", "pretrained/tv_in1k")


def test_a_published_file_that_runs_code_is_not_run(caches: Path) -> None:
    class TouchesFile:
        def __reduce__(self) -> tuple[Any, ...]:
            return Path.touch, (caches / "ran",)

    file = caches / "torch" / "hub" / "checkpoints" / "resnet18-f37072fd.pth"
    file.parent.mkdir(parents=True)
    torch.save(torchvision.models.resnet18().state_dict() | {"extra": TouchesFile()}, file)
    with pytest.raises(ModelError, match="cannot be read without running code"):
        published("torchvision/resnet18", "pretrained")
    assert not (caches / "ran").exists()


def test_without_network_and_cache_timm_weights_come_with_a_command(caches: Path) -> None:
    with pytest.raises(ModelError) as caught:
        published("timm/resnet18", "pretrained/tv_in1k")
    text = str(caught.value)
    assert "no weights of timm/resnet18.tv_in1k on this machine" in text
    assert "HF_HUB_OFFLINE is set" in text
    assert "hf download timm/resnet18.tv_in1k model.safetensors;" in text
    assert f"to {caches}/hub/models--timm--resnet18.tv_in1k" in text


def test_without_network_and_cache_torchvision_weights_come_with_a_command(caches: Path) -> None:
    with pytest.raises(ModelError) as caught:
        published("torchvision/vit_b_16", "pretrained")
    text = str(caught.value)
    assert "no weights of ViT_B_16_Weights.IMAGENET1K_V1 on this machine" in text
    url = "https://download.pytorch.org/models/vit_b_16-c867db91.pth"
    assert f"curl --location --remote-name {url};" in text
    assert f"to {caches}/torch/hub/checkpoints/vit_b_16-c867db91.pth" in text


def test_a_network_that_fails_ends_with_the_same_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE")

    def download(_repository: str, _name: str, **options: Any) -> str:
        if options["local_files_only"]:
            raise pretrained.LocalEntryNotFoundError("not cached")
        raise OSError("no route to host")

    def fetch(*_: Any, **__: Any) -> None:
        raise URLError("no route to host")

    monkeypatch.setattr(pretrained, "hf_hub_download", download)
    monkeypatch.setattr(torch.hub, "download_url_to_file", fetch)
    with pytest.raises(ModelError, match=r"no route to host(?s:.*)hf download timm/resnet18\.a1"):
        published("timm/resnet18", "pretrained")
    with pytest.raises(ModelError, match=r"no route to host(?s:.*)curl --location"):
        published("torchvision/resnet18", "pretrained")


@pytest.mark.parametrize(
    ("architecture", "weights", "message"),
    [
        ("timm/resnet18", "pretrained/tv_in2k", "Did you mean 'tv_in1k'"),
        ("timm/resnet18.a1_in1k", "pretrained/tv_in1k", "two tags for timm/resnet18"),
        ("timm/test_resnet", "pretrained/nothing", "Valid: r160_in1k"),
        ("torchvision/resnet50", "pretrained/IMAGENET1K", "Valid: IMAGENET1K_V1, IMAGENET1K_V2"),
    ],
)
def test_unknown_weights_list_the_valid_ones(architecture: str, weights: str, message: str) -> None:
    with pytest.raises(ModelError, match=message):
        published(architecture, weights)


def test_tags_of_an_architecture() -> None:
    assert timm_tag("resnet18", "pretrained") == "resnet18.a1_in1k"
    assert timm_tag("resnet18", "pretrained/tv_in1k") == "resnet18.tv_in1k"
    assert timm_tag("resnet18.tv_in1k", "pretrained/tv_in1k") == "resnet18.tv_in1k"
    assert torchvision_entry("resnet50", "pretrained").name == "IMAGENET1K_V2"


def test_published_torchvision_files_are_known_by_their_digest() -> None:
    known = torchvision_entry_of("0676ba61" + "0" * 56)
    assert known is torchvision.models.ResNet50_Weights.IMAGENET1K_V1
    assert torchvision_entry_of("0" * 64) is None


def test_pinned_published_weights_are_held_against_their_digest(caches: Path) -> None:
    tensors = dict(timm.create_model("resnet18").state_dict())
    digest = hugging_face_file(
        caches, "timm/resnet18.a1_in1k", "model.safetensors", lambda path: save_file(tensors, path)
    )
    load_backbone("timm/resnet18", "pretrained", {}, 0, None, digest)
    with pytest.raises(ModelError, match=f"wrong digest(?s:.*){'1' * 64}(?s:.*){digest}"):
        load_backbone("timm/resnet18", "pretrained", {}, 0, None, "1" * 64)


def test_classes_other_than_the_published_are_refused(caches: Path) -> None:
    tensors = dict(timm.create_model("resnet18").state_dict())
    hugging_face_file(
        caches, "timm/resnet18.a1_in1k", "model.safetensors", lambda path: save_file(tensors, path)
    )
    with pytest.raises(ModelError, match="cannot build timm/resnet18"):
        published("timm/resnet18", "pretrained", num_classes=10)
    assert json.dumps(published("timm/resnet18", "pretrained", num_classes=0).own_preprocess)
