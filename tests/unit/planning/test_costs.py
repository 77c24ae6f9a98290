"""The plan's shapes and counts against real networks, folders and known numbers."""

from __future__ import annotations

import tracemalloc
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from bandprobe.backbones.backbone import load_backbone, read_layers
from bandprobe.errors import DatasetError, ModelError
from bandprobe.fourier.bands import Bands
from bandprobe.planning.costs import stage_costs
from bandprobe.planning.counts import Counts, count_samples
from bandprobe.planning.layer import Layer
from bandprobe.planning.map_shapes import LayerShape, PassShape
from bandprobe.planning.probe_costs import Fitting, fit_operations
from bandprobe.planning.shapes import pass_shapes
from bandprobe.scoring.intervals import IntervalSettings, group_resamples
from bandprobe.scoring.outcomes import ModeOutcomes, Outcomes
from bandprobe.scoring.records import score_mode
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study

ROOT = Path(__file__).parents[3]
VAL = {"kind": "imagenet-val", "root": "nowhere", "seed": 0}


def study_of(config: dict[str, Any], **model: Any) -> Study:
    config["models"] = {"net": {"weights": "random", **model}}
    return parse_study(config)


@pytest.mark.parametrize(
    ("architecture", "layers", "arguments"),
    [
        ("timm/resnet18", ["layer1", "layer4"], {}),
        ("timm/vit_tiny_patch16_224", ["blocks.0", "blocks.2"], {"img_size": 64}),
        ("timm/swin_tiny_patch4_window7_224", ["layers.1"], {"img_size": 64, "window_size": 4}),
    ],
)
def test_shapes_without_values_are_those_of_the_network(
    config: dict[str, Any], architecture: str, layers: list[str], arguments: dict[str, Any]
) -> None:
    study = study_of(
        config,
        architecture=architecture,
        layers=[layers],
        arguments=arguments,
        preprocess={"size": [64, 64]},
    )
    (found,) = pass_shapes(study.models["net"])
    backbone = load_backbone(architecture, "random", arguments, 0, None)
    expected: dict[str, LayerShape] = {}

    def note(layer: str, maps: torch.Tensor, prefix: torch.Tensor | None) -> None:
        tokens = 0 if prefix is None else prefix.shape[1]
        expected[layer] = LayerShape(layer, *maps.shape[1:], tokens)

    read_layers(backbone, layers, torch.zeros(1, 3, 64, 64), note)
    assert found.layers == tuple(expected[layer] for layer in layers)
    assert found.parameters == sum(p.numel() for p in backbone.network.parameters())


def test_operations_are_those_of_the_literature(config: dict[str, Any]) -> None:
    # He et al. 2016, table 1: 1.8e9 multiply-adds; up to layer4 only the classifier is left out.
    study = study_of(config, architecture="timm/resnet18", layers=[["layer1"], ["layer4"]])
    first, last = pass_shapes(study.models["net"])
    assert 1.8e9 < last.flops / 2 < 1.83e9
    assert first.flops < 0.4 * last.flops


def test_an_unknown_architecture_is_named(config: dict[str, Any]) -> None:
    study = study_of(config, architecture="timm/resnet19", layers=[["layer1"]])
    with pytest.raises(ModelError, match="resnet18"):
        pass_shapes(study.models["net"])


def test_counts_of_the_complete_imagenet_need_no_image() -> None:
    assert count_samples("x", VAL).total == 50_000
    quarter = count_samples("x", VAL | {"eval_share": 0.5, "train_share": 0.25, "classes": 100})
    assert (quarter.train, quarter.eval, quarter.classes) == (1200, 2500, 100)
    apart = count_samples("x", VAL | {"train_root": "train", "train_per_class": 20})
    assert (apart.train, apart.eval) == (20_000, 50_000)


def test_counts_of_the_other_kinds(tmp_path: Path) -> None:
    default = parse_study(load_config(ROOT / "config.yaml")).datasets["photos"]
    found = count_samples("photos", default)
    assert (found.train, found.eval, found.classes) == (960, 320, 20)
    phantom = parse_study(load_config(ROOT / "configs" / "phantom.yaml")).datasets["phantom"]
    assert count_samples("phantom", phantom).total == 840
    cifar = {"kind": "cifar10", "root": "nowhere", "seed": 0}
    assert count_samples("c", cifar).total == 60_000
    assert count_samples("c", cifar | {"per_class": 10}).total == 200
    nette = {"kind": "imagenette", "root": "nowhere", "size": "full", "seed": 0}
    assert count_samples("n", nette).total == 13_394
    for name, count in (("ape", 4), ("bee", 3)):
        (tmp_path / name).mkdir()
        for number in range(count):
            Image.new("RGB", (2, 2)).save(tmp_path / name / f"{number}.png")
    folder = {"kind": "imagefolder", "root": str(tmp_path), "eval_share": 0.5, "seed": 0}
    found = count_samples("f", folder)
    assert (found.train, found.eval, found.classes) == (3, 4, 2)
    with pytest.raises(DatasetError, match="cannot count"):
        count_samples("f", folder | {"root": "nowhere"})


def layer_of(train: int, channels: int, side: int) -> Layer:
    return Layer("m", LayerShape("l", channels, side, side), Counts(train, train, 10, ""), 2)


def test_a_layer_with_few_dimensions_needs_no_gram_matrix() -> None:
    assert layer_of(1000, 4, 8).gram == 0
    assert layer_of(100, 4, 8).gram == 8 * 100**2
    fitting = Fitting(folds=5, penalties=13, permutations=0)
    few, many = (fit_operations(layer_of(100, n, 8), fitting) for n in (1, 40))
    assert few < many < fit_operations(layer_of(100, 40, 8), replace(fitting, refits=7))


def test_a_slab_is_a_part_of_a_chunk_where_a_chunk_is_too_large() -> None:
    # 64 MB where chunks allow it; at 25,000 images a single channel is larger than that.
    assert layer_of(100, 64, 56).slab <= 64_000_000
    assert layer_of(25_000, 64, 56).slab == 56 * 56 * 25_000 * 4


def test_costs_grow_as_they_must(config: dict[str, Any]) -> None:
    study = study_of(config, architecture="timm/resnet18", layers=[["layer1"]])
    shapes = {"net": (PassShape((LayerShape("layer4", 2048, 7, 7),), 10**9, 10**7),)}
    small = {c.stage: c for c in stage_costs(study, Counts(8000, 8000, 100, ""), shapes)}
    large = {c.stage: c for c in stage_costs(study, Counts(32000, 32000, 100, ""), shapes)}
    assert large["features"].stored == 4 * small["features"].stored == 64_000 * 100_352 * 2
    assert large["features"].operations == 64_000 * 10**9
    assert large["band_logits"].stored == 4 * small["band_logits"].stored
    # At few images the slabs of channels take most, later the N x N matrices of the fit: the Gram
    # matrix in single precision, and its factor in double precision.
    matrices = (4 + 8) * 32_000**2
    assert 1.5 * matrices > large["probes"].memory > matrices > 4 * small["probes"].memory
    assert replace(small["targets"], memory=0) == replace(large["targets"], memory=0)


@pytest.mark.parametrize(
    ("mode", "draws", "statistics"),
    [
        ({"kind": "remove"}, 0, {"interval": "bootstrap", "resamples": 400}),
        ({"kind": "remove"}, 20, {"interval": "bootstrap", "resamples": 400}),
        ({"kind": "remove"}, 20, {"interval": "bootstrap", "resamples": 100}),
        ({"kind": "phase", "draws": 20, "seed": 0}, 0, {"interval": "bootstrap", "resamples": 400}),
        ({"kind": "phase", "draws": 20, "seed": 0}, 0, {"interval": "bootstrap", "resamples": 100}),
        ({"kind": "remove"}, 0, {}),
        ({"kind": "remove"}, 20, {}),
        ({"kind": "phase", "draws": 20, "seed": 0}, 0, {"unit": "class"}),
    ],
)
def test_scoring_takes_the_memory_that_the_plan_says(
    config: dict[str, Any],
    bands: Bands,
    mode: dict[str, Any],
    draws: int,
    statistics: dict[str, Any],
) -> None:
    """The peak of the arrays of a job that scores, each image a group of its own."""
    config |= {"bands": {"names": list(bands.names), "edges": list(bands.edges)}}
    config |= {"modes": {"chosen": mode}, "controls": {"draws": draws}}
    config |= {"statistics": statistics}
    study = study_of(config, architecture="timm/resnet18", layers=[["layer1"]])
    images, n_bands, chosen = 1500, len(bands), study.modes["chosen"]
    shapes = {"net": (PassShape((LayerShape("layer1", 64, 7, 7),), 1, 1),)}
    costs = {c.stage: c for c in stage_costs(study, Counts(images, images, 10, ""), shapes)}
    generator = np.random.default_rng(0)

    def drawn(*shape: int) -> Outcomes:
        rank = generator.integers(1, 9, (*shape, images)).astype(np.float32)
        right = (rank == 1).astype(np.float32)
        return Outcomes(right, rank, -rank, right.copy())

    group_resamples.cache_clear()
    tracemalloc.start()
    try:
        outcomes = ModeOutcomes(
            drawn(n_bands, chosen.draws),
            drawn(),
            np.zeros(images, np.int64),
            np.arange(images),
            np.ones(n_bands, np.int64),
            np.ones(n_bands, np.bool_),
            10,
            {kind: drawn(n_bands, draws) for kind in (chosen.controls if draws else ())},
        )
        tracemalloc.reset_peak()
        settings = IntervalSettings(**asdict(study.statistics))
        score_mode(outcomes, bands.names, "map", chosen, settings)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 0.9 * peak < costs["targets"].memory < 1.15 * peak


def test_memory_of_scoring_grows_with_the_images_and_not_with_their_square(
    config: dict[str, Any],
) -> None:
    config["statistics"] = {"interval": "bootstrap"}
    study = study_of(config, architecture="timm/resnet18", layers=[["layer1"]])
    shapes = {"net": (PassShape((LayerShape("layer1", 64, 7, 7),), 1, 1),)}
    small, large = (
        {c.stage: c for c in stage_costs(study, Counts(n, n, 10, ""), shapes)}["targets"].memory
        for n in (2500, 25_000)
    )
    assert large == 10 * small
    # The study of docs/cost.md: 25,000 images, 2000 resamples.
    assert study.statistics.resamples == 2000
    assert 0.8e9 < large < 0.9e9


def test_the_plan_knows_networks_of_other_channels(config: dict[str, Any]) -> None:
    keys = {"mean": [0.5] * 5, "std": [0.2] * 5, "size": [64, 64]}
    config["models"]["net"] |= {"arguments": {"in_chans": 5}, "preprocess": keys}
    config["models"]["pixels"]["preprocess"] = keys
    study = parse_study(config)
    (first, _) = pass_shapes(study.models["net"])
    assert [layer.channels for layer in first.layers] == [64, 128]
    (image,) = pass_shapes(study.models["pixels"])
    assert image.layers[0].channels == 5


def test_replicates_cost_what_is_drawn_and_nothing_where_there_are_none(
    config: dict[str, Any],
) -> None:
    config["modes"] = {"remove": {"kind": "remove", "fill": "mean"}}
    config["readouts"] = ["map", "pattern"]
    shapes = {"net": [PassShape((LayerShape("layer1", 10, 4, 5, 0),), 0, 0)]}
    counts = Counts(30, 20, 2, "made up")

    def costs(**section: Any) -> dict[str, Any]:
        more = {"replicates": section} if section else {}
        study = study_of(config | more, architecture="timm/resnet18", layers=[["layer1"]])
        return {cost.stage: cost for cost in stage_costs(study, counts, shapes)}

    assert "replicates" not in costs()
    few, many = (costs(count=count)["replicates"] for count in (1, 5))
    assert few.jobs == 1
    bands = 2
    # Accuracy and drops with their variances, of two readouts and one mode.
    assert many.stored - few.stored == 4 * 8 * 2 * 2 * (1 + bands)
    # Four more splits, each of four inverses per readout.
    assert many.operations - few.operations == 4 * 2 * 4 * 2 * 30**3
    assert few.memory >= 2 * bands * 8 * 50**2
