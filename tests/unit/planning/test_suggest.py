"""A first configuration: layers that one would choose, and a text that is valid as it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import yaml

from bandprobe.backbones.backbone import load_backbone
from bandprobe.errors import BandprobeError
from bandprobe.planning.counts import Counts
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.planning.shapes import module_shapes
from bandprobe.planning.suggest import (
    bare_model,
    chosen_layers,
    config_text,
    default_weights,
    folder_spec,
    safe_name,
)
from bandprobe.study.parse import parse_study
from tests.cases import quick_and_slow
from tests.unit.networks import outputs


@pytest.mark.parametrize(
    ("architecture", "layers"),
    quick_and_slow(
        [
            ("timm/resnet18", ["layer1", "layer2", "layer3", "layer4"]),
            (
                "torchvision/vit_b_16",
                [f"encoder.layers.encoder_layer_{number}" for number in (2, 5, 8, 11)],
            ),
        ],
        [
            ("torchvision/resnet18", ["layer1", "layer2", "layer3", "layer4"]),
            ("timm/vit_tiny_patch16_224", ["blocks.2", "blocks.5", "blocks.8", "blocks.11"]),
            ("timm/tf_efficientnet_lite0", ["blocks.1", "blocks.2", "blocks.4", "blocks.6"]),
        ],
    ),
)
def test_layers_are_ends_of_stages_or_blocks(architecture: str, layers: list[str]) -> None:
    assert [layer.layer for layer in chosen_layers(architecture, None)] == layers


def test_every_module_has_the_shape_of_its_output() -> None:
    modules, size = module_shapes(bare_model("timm/resnet18"))
    assert size == (224, 224)
    network = load_backbone("timm/resnet18", "random", {}, 0, None).network
    names = [module.name for module in modules if module.output != "Tensor"]
    assert set(names) == {name for name, _ in network.named_modules() if name}
    found = outputs(network, names, torch.zeros(1, 3, 224, 224))
    for module in modules:
        assert module.output == " x ".join(map(str, found[module.name].shape[1:]))
        if module.layer:
            one = module.layer
            assert (one.channels, one.height, one.width) == tuple(found[module.name].shape[1:])
    by_name = {module.name: module for module in modules}
    assert by_name["fc"].layer is None
    assert by_name["fc"].reason == "gives no map"


def test_prefix_tokens_are_counted_apart() -> None:
    modules, _ = module_shapes(bare_model("timm/vit_tiny_patch16_224"))
    block = next(module for module in modules if module.name == "blocks.3")
    assert block.layer == LayerShape("blocks.3", 192, 14, 14, 1)
    assert block.output == "197 x 192"


def test_a_layer_that_cannot_be_used_lists_those_that_can() -> None:
    with pytest.raises(BandprobeError, match=r"found:    gives no map"):
        chosen_layers("timm/resnet18", ["fc"])
    with pytest.raises(BandprobeError, match=r"layer1\.0"):
        chosen_layers("timm/resnet18", ["layer9"])
    assert [one.layer for one in chosen_layers("timm/resnet18", ["layer3"])] == ["layer3"]


def test_an_architecture_needs_its_library() -> None:
    with pytest.raises(BandprobeError, match="timm/resnet18"):
        bare_model("resnet18")


def test_weights_are_named_with_their_tag() -> None:
    assert default_weights("timm/resnet18") == "pretrained/a1_in1k"
    assert default_weights("torchvision/resnet18") == "pretrained"
    assert default_weights("python/nets:make") == "random"


def test_names_are_made_fit_for_paths() -> None:
    assert safe_name("my flowers (2)") == "my-flowers-2"
    assert safe_name("...") == "study"


def test_a_folder_with_its_own_splits_keeps_them(tmp_path: Path) -> None:
    for split in ("train", "val"):
        (tmp_path / split / "a").mkdir(parents=True)
    assert folder_spec(tmp_path)["splits"] == {"train": "train", "eval": "val"}
    assert "splits" not in folder_spec(tmp_path / "train")


@pytest.mark.parametrize("train", [3, 100])
def test_the_text_is_a_valid_study_of_the_default_bands(train: int) -> None:
    layers = [LayerShape("layer1", 64, 56, 56), LayerShape("1", 128, 28, 28)]
    spec = {"kind": "imagefolder", "root": "odd: folder #1"}
    given = (Counts(train, 9, 3, "here"), "timm/resnet18.a1_in1k", "file/my weights.pth")
    text = config_text("mine", spec, *given, layers, Path("study.yaml"))
    study = parse_study(yaml.safe_load(text))
    assert study.datasets["mine"]["root"] == "odd: folder #1"
    assert study.models["resnet18"].layers == ("layer1", "1")
    assert study.models["resnet18"].weights == "file/my weights.pth"
    assert len(study.bands) == 7
    assert study.probe.folds == min(train, 5)
    keys = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(keys) <= 18
    assert all("#" in line for line in keys if line.startswith(("bands", "readouts", "modes")))
