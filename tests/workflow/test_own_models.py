"""Networks of every origin on maps that are not square, from configuration to targets."""

from __future__ import annotations

import json
import os
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import timm
import timm.data
import torch
import torchvision.models
import xarray as xr
from PIL import Image

from bandprobe.study.parse import parse_study
from tests.workflow.conftest import TinyStudy, make_images, tiny_config

MINE = """
from torch import nn

def make(width):
    return nn.Sequential(nn.Conv2d(3, width, 8, 8), nn.ReLU())
"""
FULL = {"crop_fraction": 1.0, "interpolation": "bilinear", "mean": [0.5] * 3, "std": [0.25] * 3}
MODELS: dict[str, Any] = {
    "pixels": {
        "architecture": "pixels",
        "preprocess": {"size": [24, 16]},
        "layers": [["input"]],
    },
    "cnn": {
        "architecture": "torchvision/resnet18",
        "weights": "pretrained/IMAGENET1K_V1",
        "preprocess": {"size": [96, 64]},
        "layers": [["layer1", "layer4"]],
    },
    "vit": {
        "architecture": "timm/vit_tiny_patch16_224",
        "arguments": {"img_size": [96, 64]},
        "weights": "random",
        "layers": [["blocks.2"]],
    },
    "mine": {
        "architecture": "python/my_nets:make",
        "arguments": {"width": 4},
        "weights": "file/mine.pth",
        "preprocess": {"size": [48, 80], **FULL},
        "layers": [["1"]],
    },
}
GRIDS = {
    ("pixels", "input"): (24, 16),
    ("cnn", "layer1"): (24, 16),
    ("cnn", "layer4"): (3, 2),
    ("vit", "blocks.2"): (6, 4),
    ("mine", "1"): (6, 10),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """No network; a torch hub cache that holds a ResNet-18."""
    home = tmp_path_factory.mktemp("torch")
    folder = home / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.manual_seed(5)
    network = torchvision.models.resnet18()
    torch.save(network.state_dict(), folder / "resnet18-f37072fd.pth")
    return os.environ | {
        "HF_HUB_OFFLINE": "1",
        "HF_HOME": str(home / "huggingface"),
        "TORCH_HOME": str(home),
    }


@pytest.fixture(scope="module")
def oblong(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> TinyStudy:
    """A finished study of four models, none of them with square maps."""
    folder = tmp_path_factory.mktemp("oblong")
    make_images(folder / "images")
    (folder / "my_nets.py").write_text(MINE)
    weights = torch.nn.Conv2d(3, 4, 8, 8).state_dict()
    tensors = {f"module.0.{name}": tensor for name, tensor in weights.items()}
    torch.save({"state_dict": tensors}, folder / "mine.pth")
    config = tiny_config()
    config |= {"models": MODELS, "readouts": ["map"], "modes": {"remove": {"kind": "remove"}}}
    config["refit"] = {}
    cached = Path(environment["TORCH_HOME"], "hub", "checkpoints", "resnet18-f37072fd.pth")
    # Its name is that of the published file, and it is another one.
    cnn = MODELS["cnn"] | {"weights_sha256": sha256(cached.read_bytes()).hexdigest()}
    config["models"] = MODELS | {"cnn": cnn}
    study = TinyStudy(folder, config)
    done = study.run("interventions", env=environment)
    assert done.code == 0, done.output
    return study


def results(study: TinyStudy) -> Path:
    return study.folder / "results" / "tiny"


def stored(study: TinyStudy, model: str) -> xr.Dataset:
    return xr.open_zarr(results(study) / "features" / model / "pass-0" / "eval.zarr").load()


def images(study: TinyStudy, transform: Any) -> torch.Tensor:
    """The evaluation images through a transform of the library that the network comes from."""
    import pandas as pd

    manifest = pd.read_parquet(results(study) / "manifest.parquet")
    names = manifest[manifest["split"] == "eval"]["image"]
    opened = [Image.open(study.folder / "images" / name).convert("RGB") for name in names]
    return torch.stack([transform(image) for image in opened])


@pytest.mark.parametrize(("model", "layer"), GRIDS)
def test_maps_have_their_grid_and_bands_their_bins(
    oblong: TinyStudy, model: str, layer: str
) -> None:
    height, width = GRIDS[model, layer]
    assert stored(oblong, model)[layer].shape[2:] == (height, width)
    radius = np.hypot(2 * np.fft.fftfreq(height)[:, None], 2 * np.fft.fftfreq(width)[None])
    bands = parse_study(oblong.config).bands
    edges = [0, *bands.edges, np.inf]
    for number, band in enumerate(bands.names):
        path = results(oblong) / "targets" / model / layer / "map" / "remove" / f"{band}.json"
        record = json.loads(path.read_text())
        expected = ((radius >= edges[number]) & (radius < edges[number + 1])).sum()
        assert record["bins"] == expected
        assert (record["top1_drop"] is None) == (expected == 0)


def test_a_transformer_gets_what_timm_would_give_it(oblong: TinyStudy) -> None:
    torch.manual_seed(0)
    network = timm.create_model("vit_tiny_patch16_224", img_size=[96, 64]).eval()
    config = timm.data.resolve_model_data_config(network) | {"input_size": (3, 96, 64)}
    batch = images(oblong, timm.data.create_transform(**config, is_training=False))
    with torch.inference_mode():
        _, tokens = network.forward_intermediates(batch, indices=[2], output_fmt="NCHW")
    found = stored(oblong, "vit")
    np.testing.assert_allclose(found["blocks.2"], tokens[0], atol=2e-3)
    assert found["blocks.2.prefix"].shape == (12, 1, 192)
    spec = json.loads(found.attrs["preprocess"])
    assert (spec["size"], spec["mean"]) == ([96, 64], [0.5] * 3)
    assert found.attrs["preprocess_source"].endswith(
        "timm vit_tiny_patch16_224.augreg_in21k_ft_in1k"
    )


def test_what_a_network_brought_is_in_the_attributes(oblong: TinyStudy) -> None:
    found = stored(oblong, "cnn").attrs
    spec = json.loads(found["preprocess"])
    usual = torchvision.models.ResNet18_Weights.IMAGENET1K_V1.transforms()
    assert (spec["size"], spec["mean"], spec["std"]) == ([96, 64], usual.mean, usual.std)
    assert (spec["crop_fraction"], spec["interpolation"]) == (0.875, "bilinear")
    assert "torchvision ResNet18_Weights.IMAGENET1K_V1" in found["weights_source"]
    pixels = json.loads(stored(oblong, "pixels").attrs["preprocess"])
    assert pixels == {"size": [24, 16], "crop_fraction": 1.0, "interpolation": "bicubic"} | {
        "mean": [0.0] * 3,
        "std": [1.0] * 3,
    }


def test_a_network_of_ones_own_runs_with_its_weights(oblong: TinyStudy) -> None:
    found = stored(oblong, "mine")
    tensors = torch.load(oblong.folder / "mine.pth")["state_dict"]
    convolution = torch.nn.Conv2d(3, 4, 8, 8)
    convolution.load_state_dict({n.rsplit(".", 1)[1]: value for n, value in tensors.items()})
    config = {"input_size": (3, 48, 80), "interpolation": "bilinear", "crop_pct": 1.0}
    config |= {"mean": [0.5] * 3, "std": [0.25] * 3}
    batch = images(oblong, timm.data.create_transform(**config, is_training=False))
    expected = convolution(batch).relu().detach().numpy()
    np.testing.assert_allclose(found["1"], expected, atol=2e-3)
    assert json.loads(found.attrs["config"])["model"]["source_sha256"]


def test_swapped_weights_run_their_model_alone(
    oblong: TinyStudy, environment: dict[str, str]
) -> None:
    """An older file of the same size is moved to the place of the weights; `mv` keeps its time."""
    weights, older = oblong.folder / "mine.pth", oblong.folder / "older.pth"
    content = weights.read_bytes()
    weights.touch()
    assert not oblong.plan("features").jobs, "what is in the file counts, not its time"
    tensors = torch.load(weights)
    tensors["state_dict"] = {name: 2 * value for name, value in tensors["state_dict"].items()}
    torch.save(tensors, older)
    os.utime(older, (0, 0))
    older.replace(weights)
    assert oblong.plan("features").jobs == {"extract_features": 1, "features": 1}
    weights.write_bytes(content)
    assert not oblong.plan("features").jobs


def test_edited_code_of_ones_own_runs_its_model_alone(
    oblong: TinyStudy, environment: dict[str, str]
) -> None:
    assert not oblong.run("features", env=environment).jobs
    module = oblong.folder / "my_nets.py"
    module.write_text(MINE.replace("ReLU", "Tanh"))
    done = oblong.run("features", env=environment)
    assert done.jobs["extract_features"] == 1
    assert stored(oblong, "mine")["1"].min() < 0


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"architecture": "timm/resnet18", "weights": "pretrained"},
            "hf download timm/resnet18.a1_in1k model.safetensors",
        ),
        (
            {"architecture": "torchvision/resnet50", "weights": "pretrained"},
            "curl --location --remote-name https://download.pytorch.org/models/resnet50-11ad3fa6.pth",
        ),
        ({"architecture": "python/no_nets:make", "weights": "random"}, "cannot import no_nets"),
    ],
)
def test_what_cannot_be_had_ends_with_what_to_do(
    fresh: TinyStudy, environment: dict[str, str], changes: dict[str, str], message: str
) -> None:
    fresh.config["models"] = {"net": {"layers": [["layer1"]], **changes}}
    output = fresh.fails("features", env=environment)
    assert message in output
