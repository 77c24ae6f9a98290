"""configs/imagenet.yaml: plans the whole study, and runs end to end on a small tree."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import timm
import xarray as xr
import yaml
from PIL import Image

from bandprobe.data.imagenet import standard_synsets
from bandprobe.data.images import Preprocess
from bandprobe.study.parse import parse_study
from tests.workflow.conftest import HOME, TinyStudy

CLASSES = [standard_synsets()[place] for place in (0, 1, 950, 999)]


def study_config() -> dict[str, Any]:
    """configs/imagenet.yaml without pretrained weights, which tests cannot fetch."""
    config: dict[str, Any] = yaml.safe_load((HOME / "configs" / "imagenet.yaml").read_text())
    for model in config["models"].values():
        if "weights" in model:
            model["weights"] = "random"
    return config


def small_config() -> dict[str, Any]:
    """The same with few classes, small inputs, one layer a network, and a shallow transformer."""
    config = study_config()
    config["datasets"]["imagenet-val"]["classes"] = CLASSES
    models = config["models"]
    del models["resnet50"]
    for model in models.values():
        model["preprocess"]["size"] = [32, 32]
    models["resnet18"]["layers"] = [["layer2"]]
    models["vit_b16"]["layers"] = [["blocks.0"]]
    models["vit_b16"] |= {"arguments": {"img_size": 32, "depth": 1}}
    del models["pixels"]
    config["readouts"] = ["map"]
    config["modes"] = {"remove": {"kind": "remove"}}
    config["probe"]["penalties"] = [0.01, 1]
    config["probe"]["folds"] = 2
    config["statistics"]["resamples"] = 100
    return config


def make_validation(root: Path, classes: list[str], count: int) -> None:
    generator = np.random.default_rng(0)
    for number, synset in enumerate(sorted(classes)):
        folder = root / synset
        folder.mkdir(parents=True)
        for place in range(count):
            name = f"ILSVRC2012_val_{number * count + place + 1:08d}.JPEG"
            pixels = generator.integers(0, 256, (40, 48, 3), np.uint8)
            Image.fromarray(pixels).save(folder / name)


@pytest.fixture
def imagenet(tmp_path: Path) -> TinyStudy:
    make_validation(tmp_path / "data" / "imagenet" / "val", CLASSES, 6)
    return TinyStudy(tmp_path, small_config())


def test_the_study_is_the_one_of_the_document() -> None:
    study = parse_study(study_config())
    layers = [(model, layer) for model, layer in study.layers() if model != "pixels"]
    assert len(layers) == 4 + 4 + 12
    # layers and pixels x readouts x modes x bands
    assert len(list(study.targets())) == 21 * 2 * 5 * 7
    assert study.bands.edges == (0.05, 0.15, 0.3, 0.5, 0.7, 0.9)


def test_preprocessing_is_that_of_the_weights() -> None:
    tags = {"resnet18": "tv_in1k", "resnet50": "tv_in1k", "vit_b16": "augreg_in1k"}
    for name, tag in tags.items():
        model = parse_study(study_config()).models[name]
        expected = timm.get_pretrained_cfg(f"{model.architecture.removeprefix('timm/')}.{tag}")
        found = Preprocess.from_config(model.preprocess)
        assert found.size == expected.input_size[1:]
        assert found.crop_fraction == expected.crop_pct
        assert found.interpolation == expected.interpolation
        assert found.mean == expected.mean
        assert found.std == expected.std


def test_the_whole_study_is_planned_by_a_dry_run(tmp_path: Path) -> None:
    make_validation(tmp_path / "data" / "imagenet" / "val", list(standard_synsets()), 2)
    done = TinyStudy(tmp_path, study_config()).run("all", options=["--dry-run"])
    assert done.code == 0, done.output
    assert "Traceback" not in done.output


@pytest.mark.slow
def test_a_small_tree_runs_to_its_end(imagenet: TinyStudy) -> None:
    done = imagenet.run("summaries")
    assert done.code == 0, done.output
    results = imagenet.folder / "results" / "imagenet-val"
    manifest = pd.read_parquet(results / "manifest.parquet")
    assert manifest["split"].value_counts().to_dict() == {"train": 12, "eval": 12}
    pairs = manifest.groupby("label")["imagenet_index"].unique().map(list).to_dict()
    assert pairs == {0: [0], 1: [1], 2: [950], 3: [999]}
    table = pd.read_csv(results / "summary" / "interventions.csv")
    assert set(table["model"]) == {"resnet18", "vit_b16"}
    assert len(table) == 2 * 1 * 1 * 7
    with xr.open_zarr(results / "features/vit_b16/pass-0/eval.zarr") as features:
        assert features["blocks.0"].shape == (12, 768, 2, 2)
    target = results / "targets/resnet18/layer2/map/remove/ultra-low.json"
    assert json.loads(target.read_text())["n_classes"] == 4


def test_a_wrong_layout_ends_with_a_hint(imagenet: TinyStudy) -> None:
    spec = imagenet.config["datasets"]["imagenet-val"]
    original = copy.deepcopy(spec)
    spec["root"] = "data/imagenet"
    output = imagenet.fails("manifests")
    assert "one level deeper" in output
    assert "Hint: root: data/imagenet/val" in output
    spec |= original
    spec["classes"] = 3
    output = imagenet.fails("manifests")
    assert "1 of 3 classes are missing" in output
    assert standard_synsets()[2] in output
