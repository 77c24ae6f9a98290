"""An untrained twin is its model's network with the same input, and has none of its numbers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import timm
import timm.data
import torch
import torchvision.models
from huggingface_hub import constants
from timm.models import get_pretrained_cfg

from bandprobe.backbones import architectures
from bandprobe.backbones.backbone import Backbone, load_backbone
from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.errors import ModelError
from bandprobe.planning.shapes import pass_shapes, without_values
from bandprobe.study.study import Model
from tests.unit.networks import scramble

OTHER = "0" * 64


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty caches and no network: no twin may need weights that were published."""
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


def twin(architecture: str, weights: str, file: Path | None = None, **options: Any) -> Backbone:
    return load_backbone(architecture, weights, {}, 0, file, untrained=True, **options)


def without_numbers(architecture: str, weights: str) -> Backbone:
    """The same without drawing random numbers."""
    return without_values(Model("net", architecture, weights, {}, 0, {}, (), untrained=True))


@pytest.mark.parametrize(
    ("architecture", "weights", "full_name"),
    [
        ("timm/resnet50", "pretrained/tv_in1k", "resnet50.tv_in1k"),
        ("timm/resnet50", "pretrained/resnet50.tv_in1k", "resnet50.tv_in1k"),
        ("timm/resnet50.tv_in1k", "pretrained", "resnet50.tv_in1k"),
        ("timm/resnet50", "pretrained", "resnet50.a1_in1k"),
        ("timm/efficientnet_b0", "pretrained/ra4_e3600_r224_in1k", None),
        ("timm/vit_tiny_patch16_224", "pretrained/augreg_in21k", None),
    ],
)
def test_the_input_is_that_of_timms_tag(
    architecture: str, weights: str, full_name: str | None
) -> None:
    full_name = full_name or f"{architecture[5:]}.{weights[11:]}"
    # Those of the trained network: timm's own reading of the published configuration.
    published: dict[str, Any] = get_pretrained_cfg(full_name).to_dict()
    expected: dict[str, Any] = timm.data.resolve_data_config({}, pretrained_cfg=published)
    found = without_numbers(architecture, weights)
    preprocess = found.preprocess({})
    assert preprocess.size == tuple(expected["input_size"][1:])
    assert preprocess.crop_fraction == expected["crop_pct"]
    assert preprocess.interpolation == expected["interpolation"]
    assert (preprocess.mean, preprocess.std) == (expected["mean"], expected["std"])
    assert found.preprocess_source == f"timm {full_name}"


def test_resnet50_of_torchvision_in_timm_is_cut_as_its_training_was() -> None:
    preprocess = without_numbers("timm/resnet50", "pretrained/tv_in1k").preprocess({})
    assert (preprocess.crop_fraction, preprocess.interpolation) == (0.875, "bilinear")
    other = without_numbers("timm/resnet50", "random").preprocess({})
    assert (other.crop_fraction, other.interpolation) == (0.95, "bicubic")


@pytest.mark.parametrize(
    ("tag", "resized"), [("IMAGENET1K_V1", 256), ("IMAGENET1K_V2", 232), ("DEFAULT", 232)]
)
def test_the_input_is_that_of_torchvisions_weights(tag: str, resized: int) -> None:
    preprocess = without_numbers("torchvision/resnet50", f"pretrained/{tag}").preprocess({})
    assert (preprocess.size, preprocess.crop_fraction) == ((224, 224), 224 / resized)


@pytest.mark.filterwarnings("ignore:The default weight initialization")
def test_images_are_normalised_inside_as_by_the_trained_network() -> None:
    networks = [
        without_numbers("torchvision/googlenet", weights).network
        for weights in ("random", "pretrained")
    ]
    assert [network.transform_input for network in networks] == [False, True]


@pytest.mark.parametrize("architecture", ["timm/test_resnet", "torchvision/resnet18"])
def test_a_twin_has_the_numbers_of_random_weights(architecture: str) -> None:
    found, plain = (
        twin(architecture, "pretrained"),
        load_backbone(architecture, "random", {}, 0, None),
    )
    assert found.weights_sha256 == plain.weights_sha256
    assert found.weights_source == "random, with the input of pretrained"
    assert not found.looks_untrained, "nobody said that it was trained"


def test_a_file_says_what_the_input_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights that torchvision published are known by the digest of the file."""
    published = torchvision.models.ResNet50_Weights.IMAGENET1K_V2
    monkeypatch.setattr(architectures, "torchvision_entry_of", lambda _digest: published)
    file = tmp_path / "a.pth"
    torch.save(scramble(timm.create_model("test_resnet")).state_dict(), file)
    given: tuple[Any, ...] = ("timm/test_resnet", f"file/{file}", {}, 0, file)
    model, found = load_backbone(*given), load_backbone(*given, untrained=True)
    assert dict(found.own_preprocess) == dict(model.own_preprocess)
    assert found.preprocess_source == model.preprocess_source == f"torchvision {published}"
    assert found.preprocess({}).crop_fraction == 224 / 232
    plain = load_backbone("timm/test_resnet", "random", {}, 0, None)
    assert plain.preprocess({}).crop_fraction != 224 / 232
    assert found.weights_sha256 == plain.weights_sha256 != model.weights_sha256


def test_a_pinned_digest_is_no_obstacle_and_still_holds_for_files(tmp_path: Path) -> None:
    assert twin("timm/test_resnet", "pretrained", weights_sha256=OTHER).weights_source != "random"
    file = tmp_path / "a.pth"
    torch.save(timm.create_model("test_resnet").state_dict(), file)
    with pytest.raises(ModelError, match="SHA-256"):
        twin("timm/test_resnet", f"file/{file}", file, weights_sha256=OTHER)


def test_an_unknown_tag_is_refused() -> None:
    with pytest.raises(ModelError, match=r"Valid: .*tv_in1k"):
        twin("timm/resnet18", "pretrained/nowhere")


@pytest.mark.parametrize(
    ("weights", "untrained", "expected"),
    [("random", None, False), ("pretrained", None, True), ("pretrained", True, False)],
)
def test_only_trained_networks_count_as_trained(
    weights: str, untrained: bool | None, expected: bool
) -> None:
    spec = ModelSpec(
        architecture="timm/resnet18",
        preprocess={},
        seed=0,
        weights=weights,
        arguments={},
        untrained=untrained,
    )
    assert spec.is_trained is expected


@pytest.mark.parametrize("untrained", [False, True])
def test_a_plan_counts_the_input_of_published_weights(untrained: bool) -> None:
    weights = "pretrained/IMAGENET1K_SWAG_E2E_V1"
    layers = (("encoder.layers.encoder_layer_0",),)
    model = Model("net", "torchvision/vit_b_16", weights, {}, 0, {}, layers, None, untrained)
    (shape,) = pass_shapes(model)
    assert (shape.layers[0].height, shape.layers[0].width) == (384 // 16, 384 // 16)
    empty = without_values(model)
    assert empty.network.image_size == empty.input_size({})[0] == 384
    assert empty.preprocess({}).crop_fraction == 1
    assert shape.layers[0].tokens == 1
