"""Networks by name, the user's own code, and the preprocessing that comes with a network."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import timm.data
import torch
import torchvision.models
from PIL import Image
from torch import nn

from bandprobe.backbones import architectures
from bandprobe.backbones.backbone import Backbone, load_backbone
from bandprobe.backbones.map_check import check_maps
from bandprobe.data.images import Preprocess
from bandprobe.data.inputs import load_input
from bandprobe.errors import ConfigError, ModelError
from bandprobe.planning.shapes import pass_shapes
from bandprobe.study.study import Model
from bandprobe.workflow.user_code import source_digest
from tests.cases import quick_and_slow
from tests.unit.networks import assert_close, loaded, maps, outputs, scramble

SaveImage = Callable[..., Path]
SIZES = [(300, 260), (251, 333), (97, 60)]


def random_backbone(architecture: str, **arguments: Any) -> Backbone:
    return load_backbone(architecture, "random", arguments, 0, None)


@pytest.mark.parametrize(
    "name", ["resnet18", "resnet18.tv_in1k", "vit_tiny_patch16_224", "tf_efficientnet_lite0"]
)
def test_own_preprocessing_of_timm_is_timms_transform(
    tmp_path: Path, save_image: SaveImage, name: str
) -> None:
    backbone = random_backbone(f"timm/{name}")
    config = timm.data.resolve_model_data_config(backbone.network)
    for size in SIZES:
        path = save_image(tmp_path / "a.png", size)
        with Image.open(path) as image:
            expected = timm.data.create_transform(**config, is_training=False)(image)
        found = load_input(path, None, backbone.preprocess({}))
        np.testing.assert_allclose(found, np.asarray(expected), atol=1e-6, err_msg=str(size))


@pytest.mark.parametrize(
    "name", quick_and_slow(["resnet18", "efficientnet_b1"], ["resnet50", "swin_t"])
)
def test_own_preprocessing_of_torchvision_is_its_transform(
    tmp_path: Path, save_image: SaveImage, name: str
) -> None:
    backbone = random_backbone(f"torchvision/{name}")
    for size in SIZES:
        path = save_image(tmp_path / "a.png", size)
        with Image.open(path) as image:
            expected = torchvision.models.get_model_weights(name).DEFAULT.transforms()(image)
        found = load_input(path, None, backbone.preprocess({}))
        np.testing.assert_allclose(found, expected.numpy(), atol=1e-6, err_msg=str(size))


def test_every_torchvision_transform_can_be_followed() -> None:
    for name in torchvision.models.list_models(module=torchvision.models):
        for entry in torchvision.models.get_model_weights(name):
            own = Preprocess.from_config(architectures._torchvision_transform(entry))
            resized = int(own.size[0] / own.crop_fraction)
            assert [resized] == list(entry.transforms().resize_size), entry


def test_what_the_configuration_gives_goes_before_the_networks_own() -> None:
    backbone = random_backbone("timm/resnet18")
    own = backbone.preprocess({})
    found = backbone.preprocess({"size": [96, 64], "mean": [0, 0, 0]})
    assert (found.size, found.mean) == ((96, 64), (0, 0, 0))
    assert (found.std, found.crop_fraction) == (own.std, own.crop_fraction) != ((1, 1, 1), 1)
    everything = {
        "size": [8, 9],
        "crop_fraction": 0.5,
        "interpolation": "bilinear",
        "mean": [0.1, 0.2, 0.3],
        "std": [1, 2, 3],
    }
    assert backbone.preprocess(everything) == Preprocess.from_config(everything)


@pytest.mark.parametrize(
    ("architecture", "arguments", "size"),
    [
        ("timm/vit_tiny_patch16_224", {"img_size": [112, 64], "depth": 1}, (112, 64)),
        ("timm/vit_small_patch14_reg4_dinov2", {"img_size": 56, "depth": 1}, (56, 56)),
        ("timm/swin_tiny_patch4_window7_224", {"img_size": [112, 56]}, (112, 56)),
        ("torchvision/vit_b_32", {"image_size": 96}, (96, 96)),
    ],
)
def test_the_size_is_the_one_the_network_was_built_for(
    architecture: str, arguments: dict[str, Any], size: tuple[int, int]
) -> None:
    assert random_backbone(architecture, **arguments).preprocess({}).size == size


def test_a_crop_that_is_not_central_is_asked_for() -> None:
    backbone = random_backbone("timm/coat_lite_medium_384", img_size=64)
    with pytest.raises(ConfigError, match="no crop_fraction"):
        backbone.preprocess({})
    assert backbone.preprocess({"crop_fraction": 1.0}).crop_fraction == 1.0


@pytest.mark.slow
def test_a_vit_under_torchvisions_names_is_fed_as_torchvision_does(tmp_path: Path) -> None:
    original = scramble(torchvision.models.vit_b_32(image_size=32, num_classes=3))
    torch.save(original.state_dict(), tmp_path / "a.pth")
    backbone = loaded("timm/vit_base_patch32_224", tmp_path / "a.pth", img_size=32, num_classes=3)
    own = backbone.preprocess({})
    usual = torchvision.models.ViT_B_32_Weights.DEFAULT.transforms()
    assert own.mean == tuple(usual.mean) != random_backbone_mean()
    assert own.std == tuple(usual.std)
    assert own.interpolation == usual.interpolation.value
    assert own.crop_fraction == usual.crop_size[0] / usual.resize_size[0]
    assert own.size == (32, 32)


def random_backbone_mean() -> tuple[float, ...]:
    return timm.models.get_pretrained_cfg("vit_base_patch32_224").mean


@pytest.mark.parametrize(
    "architecture", quick_and_slow(["timm/resnet50"], ["torchvision/resnet50"])
)
def test_a_file_that_torchvision_publishes_is_fed_as_it_was_trained(
    tmp_path: Path, architecture: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights of version 1, whose shorter side is resized to 256 and not to 232."""
    entry = torchvision.models.ResNet50_Weights.IMAGENET1K_V1
    monkeypatch.setattr(architectures, "torchvision_entry_of", lambda _: entry)
    torch.save(torchvision.models.resnet50().state_dict(), tmp_path / "a.pth")
    backbone = loaded(architecture, tmp_path / "a.pth")
    own = backbone.preprocess({})
    assert (own.size, own.crop_fraction, own.interpolation) == ((224, 224), 0.875, "bilinear")
    assert backbone.preprocess_source == "torchvision ResNet50_Weights.IMAGENET1K_V1"


@pytest.mark.parametrize(
    ("architecture", "arguments", "message"),
    [
        ("timm/resnet19", {}, "unknown timm architecture 'resnet19'.*resnet18"),
        ("torchvision/resnet19", {}, "unknown torchvision architecture 'resnet19'.*resnet18"),
        ("torchvision/fasterrcnn_resnet50_fpn", {}, "unknown torchvision architecture"),
        ("timm/resnet18", {"img_size": 3}, "cannot build timm/resnet18"),
        ("torchvision/resnet18", {"img_size": 3}, "cannot build torchvision/resnet18"),
        ("timm/resnet18.nothing", {}, "cannot build timm/resnet18.nothing"),
    ],
)
def test_what_cannot_be_built_is_named(
    architecture: str, arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises(ModelError, match=message):
        random_backbone(architecture, **arguments)


def test_networks_that_normalise_again_want_to_be_told(tmp_path: Path) -> None:
    torch.save({"a": torch.zeros(1)}, tmp_path / "a.pth")
    with pytest.raises(ModelError, match="transform_input"):
        loaded("torchvision/googlenet", tmp_path / "a.pth")


MINE = """
from pathlib import Path
import torch
from torch import nn

Path("imported").touch()

def tiny(width, fail=False):
    if fail:
        raise KeyError("no such width")
    return nn.Sequential(nn.Conv2d(3, width, 4, 4), nn.Conv2d(width, 2 * width, 2, 2))

def other_type(name):
    network = tiny(5).to(getattr(torch, name))
    network.append(nn.BatchNorm2d(10))
    network.register_buffer("count", torch.tensor([7]))
    return network

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stage = nn.Conv2d(3, 4, 8, 8)
    def forward(self, x):
        return self.stage(x).view(len(x), 4, -1).mean(-1)

def words():
    return "no network"

number = 3
"""


@pytest.fixture
def mine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of the user's in the working directory; its name."""
    name = f"mine_{abs(hash(str(tmp_path)))}"
    (tmp_path / name).mkdir()
    (tmp_path / name / "nets.py").write_text(MINE)
    (tmp_path / name / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    return f"{name}.nets"


def test_a_network_of_ones_own_is_built_from_its_arguments(mine: str, tmp_path: Path) -> None:
    backbone = random_backbone(f"python/{mine}:tiny", width=5)
    assert isinstance(backbone.network, nn.Sequential)
    assert not backbone.network.training
    batch = torch.rand(2, 3, 32, 16)
    values, prefix = maps(backbone, ["1"], batch)["1"]
    assert_close(values, backbone.network(batch))
    assert values.shape == (2, 10, 4, 2)
    assert prefix is None
    same = random_backbone(f"python/{mine}:tiny", width=5)
    assert same.weights_sha256 == backbone.weights_sha256


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_parameters_of_other_types_become_single_precision(
    mine: str, tmp_path: Path, dtype: str
) -> None:
    backbone = random_backbone(f"python/{mine}:other_type", name=dtype)
    batch = torch.rand(2, 3, 32, 16)
    values, _ = maps(backbone, ["2"], batch)["2"]
    assert values.dtype == torch.float32
    # The same weights, rounded to the type, in a network that has always been in float32.
    plain = random_backbone(f"python/{mine}:tiny", width=5).network
    for tensor in plain.parameters():
        tensor.data = tensor.data.to(getattr(torch, dtype)).float()
    assert_close(maps(backbone, ["1"], batch)["1"][0], plain(batch))
    assert backbone.network.count.dtype == torch.int64
    again = random_backbone(f"python/{mine}:other_type", name=dtype)
    assert again.weights_sha256 == backbone.weights_sha256
    layers = ("python/" + mine + ":other_type", "random", {"name": dtype}, 0, {"size": [32, 16]})
    (shape,) = pass_shapes(Model("mine", *layers, (("1",),)))
    assert (shape.layers[0].channels, shape.layers[0].height) == (10, 4)
    file = tmp_path / "a.pth"
    torch.save({name: t.to(getattr(torch, dtype)) for name, t in plain.state_dict().items()}, file)
    filled = loaded(f"python/{mine}:tiny", file, width=5)
    assert_close(filled.network(batch), plain(batch))


def test_a_network_of_ones_own_takes_weights_from_a_file(mine: str, tmp_path: Path) -> None:
    original = scramble(random_backbone(f"python/{mine}:Net").network)
    wrapped = {f"module.{name}": tensor for name, tensor in original.state_dict().items()}
    torch.save({"state_dict": wrapped}, tmp_path / "a.pth")
    backbone = loaded(f"python/{mine}:Net", tmp_path / "a.pth")
    batch = torch.rand(2, 3, 32, 16)
    assert_close(backbone.network(batch), original(batch))
    # view() in the user's code fails on channels-last inputs; it must be given the usual ones.
    assert maps(backbone, ["stage"], batch)["stage"][0].shape == (2, 4, 4, 2)
    torch.save({"stage.weight": original.stage.weight}, tmp_path / "b.pth")
    with pytest.raises(ModelError, match=r"b\.pth does not fill(?s:.*)stage\.bias"):
        loaded(f"python/{mine}:Net", tmp_path / "b.pth")


def test_a_network_of_ones_own_needs_all_of_its_preprocessing(mine: str) -> None:
    backbone = random_backbone(f"python/{mine}:Net")
    with pytest.raises(ConfigError, match="no size, crop_fraction, interpolation, mean, std"):
        backbone.preprocess({})
    with pytest.raises(ConfigError, match=r"no mean, std(?s:.*)preprocess: \{mean"):
        backbone.preprocess({"size": [8, 8], "crop_fraction": 1, "interpolation": "bicubic"})


@pytest.mark.parametrize(
    ("callable_name", "arguments", "message"),
    [
        ("no_such_module:f", {}, "cannot import no_such_module(?s:.*)ModuleNotFoundError"),
        ("MINE:tinny", {}, "unknown callable of MINE 'tinny'.*Did you mean 'tiny'"),
        ("MINE:number", {}, "unknown callable of MINE 'number'"),
        ("MINE:words", {}, "returns no network(?s:.*)torch.nn.Module(?s:.*)str"),
        ("MINE:tiny", {"breadth": 3}, "cannot build python/MINE:tiny(?s:.*)breadth"),
        ("MINE:tiny", {"width": 3, "fail": True}, "cannot build(?s:.*)KeyError: 'no such width'"),
    ],
)
def test_code_that_gives_no_network_is_an_error(
    mine: str, callable_name: str, arguments: dict[str, Any], message: str
) -> None:
    name = callable_name.replace("MINE", mine)
    with pytest.raises(ModelError, match=message.replace("MINE", mine)):
        random_backbone(f"python/{name}", **arguments)


def test_a_module_that_fails_to_import_is_named(mine: str, tmp_path: Path) -> None:
    package = mine.partition(".")[0]
    (tmp_path / package / "broken.py").write_text("1 / 0")
    with pytest.raises(ModelError, match=r"cannot import .*broken(?s:.*)ZeroDivisionError"):
        random_backbone(f"python/{package}.broken:f")


def test_code_is_watched_without_being_imported(mine: str, tmp_path: Path) -> None:
    before = source_digest(f"python/{mine}:tiny")
    assert before == source_digest(f"python/{mine}:Net")
    (tmp_path / mine.partition(".")[0] / "helper.py").write_text("x = 1")
    after = source_digest(f"python/{mine}:tiny")
    assert after != before
    assert mine not in sys.modules
    assert not (tmp_path / "imported").exists()
    assert source_digest("python/no_such_module:f") is None
    # Of an installed package the module that is named counts, and nothing that it imports.
    source = Path(timm.models.resnet.__file__)
    expected = hashlib.sha256(source.name.encode() + source.read_bytes()).hexdigest()
    assert source_digest("python/timm.models.resnet:resnet18") == expected


def test_reading_a_study_imports_no_torch() -> None:
    """It costs seconds, at every call of Snakemake."""
    code = (
        "import sys, bandprobe.study.study, bandprobe.workflow.user_code;"
        " print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("n_channels", [1, 5])
def test_networks_of_other_channels_ask_for_their_means(n_channels: int) -> None:
    backbone = random_backbone("timm/resnet18", in_chans=n_channels)
    with pytest.raises(ConfigError, match="preprocess: no mean, std"):
        backbone.preprocess({})
    given = {"mean": [0.5] * n_channels, "std": [0.2] * n_channels, "size": [64, 64]}
    assert backbone.preprocess(given).n_channels == n_channels
    assert backbone.input_channels(given) == n_channels
    batch = torch.rand(2, n_channels, 64, 64)
    expected = outputs(backbone.network, ["layer2"], batch)["layer2"]
    assert_close(maps(backbone, ["layer2"], batch)["layer2"][0], expected)
    assert check_maps(backbone, ["layer2"], (64, 64), n_channels)["layer2"].place == "shown"
    with pytest.raises(ModelError, match=r"number of channels"):
        maps(backbone, ["layer2"], torch.rand(2, 3, 64, 64))


@pytest.mark.parametrize("n_channels", [1, 5])
def test_weights_of_other_channels_fill_networks_of_as_many(
    tmp_path: Path, n_channels: int
) -> None:
    original = scramble(random_backbone("timm/resnet18", in_chans=n_channels).network)
    torch.save({"state_dict": dict(original.state_dict())}, tmp_path / "a.pth")
    backbone = loaded("timm/resnet18", tmp_path / "a.pth", in_chans=n_channels)
    batch = torch.rand(1, n_channels, 64, 64)
    assert_close(backbone.network(batch), original(batch))
    with pytest.raises(ModelError, match=r"1 of another shape: conv1\.weight"):
        loaded("timm/resnet18", tmp_path / "a.pth")
