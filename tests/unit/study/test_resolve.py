"""A configuration becomes complete, and the one that was given stays as it was."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from bandprobe.errors import ConfigError
from bandprobe.study.config import load_config
from bandprobe.study.parse import HOW_TO_RUN, parse_study
from bandprobe.study.resolve import (
    complete_config,
    with_phantom_bands,
    with_pixel_preprocess,
    with_random_twins,
)

Config = dict[str, Any]
ROOT = Path(__file__).parents[3]
PHANTOM = {"kind": "phantom", "size": 112, "signal_to_noise": 0.5}


@pytest.fixture
def full(config: Config) -> Config:
    """A configuration in which each part has something to be filled in."""
    config["datasets"]["generated"] = PHANTOM
    config["models"]["pixels"]["preprocess"] = {"size": [64, 64]}
    config["models"]["net"]["weights"] = "file/net.safetensors"
    config["controls"] = {"random_weights": ["net"]}
    return config


def test_nothing_that_was_given_is_changed(full: Config) -> None:
    before = deepcopy(full)
    study = parse_study(full)
    assert full == before
    complete = complete_config(full)
    text = json.dumps(complete)
    for step in (with_random_twins, with_pixel_preprocess, with_phantom_bands):
        step(complete)
    parse_study(complete)
    assert json.dumps(complete) == text
    assert study.resolved == {
        key: value for key, value in complete.items() if key not in HOW_TO_RUN
    }


def test_a_complete_configuration_stays_as_it_is(full: Config) -> None:
    complete = complete_config(full)
    assert complete_config(complete) == complete
    assert parse_study(complete) == parse_study(full)


@pytest.mark.parametrize("path", [ROOT / "config.yaml", *sorted((ROOT / "configs").glob("*.yaml"))])
def test_the_studies_of_the_project_stay_as_they_are(path: Path) -> None:
    study = parse_study(load_config(path))
    assert parse_study(study.resolved).resolved == study.resolved


def test_twins_come_last_and_differ_in_their_weights_alone(full: Config) -> None:
    full["models"] = {"net": full["models"]["net"], "pixels": full["models"]["pixels"]}
    full["models"]["net"] |= {"weights_sha256": 64 * "a", "weights_key": "teacher"}
    models = complete_config(full)["models"]
    assert list(models) == ["net", "pixels", "net-random"]
    assert models["net-random"] == models["net"] | {"untrained": True}
    twin = parse_study(full).models["net-random"]
    assert twin.untrained
    assert not parse_study(full).models["net"].untrained


def test_a_twin_that_was_configured_stands(full: Config) -> None:
    own = full["models"]["net"] | {"untrained": True, "seed": 7}
    full["models"]["net-random"] = own
    assert complete_config(full)["models"]["net-random"]["seed"] == 7


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": "random"},
        {"untrained": False},
        {"untrained": True, "arguments": {"num_classes": 10}},
        {"untrained": True, "architecture": "timm/resnet34"},
        {"untrained": True, "preprocess": {"crop_fraction": 0.5}},
        {"untrained": True, "layers": [["layer1"]]},
    ],
)
def test_a_model_with_the_name_of_a_twin_is_never_taken_for_it(
    full: Config, changes: Config
) -> None:
    full["models"]["net-random"] = full["models"]["net"] | changes
    differing = sorted({*changes, "untrained"} if "weights" in changes else changes)
    differing = [key for key in differing if changes.get(key) is not True]
    expected = rf"models\.net-random has the name.*found: +other values of {', '.join(differing)}$"
    with pytest.raises(ConfigError, match=f"(?ms){expected}"):
        complete_config(full)


@pytest.mark.parametrize("spec", [{"weights": "random"}, {"untrained": True}])
def test_models_that_are_not_trained_have_no_twins(full: Config, spec: Config) -> None:
    full["models"]["net"] |= spec
    with pytest.raises(ConfigError, match="not known to be trained"):
        complete_config(full)


@pytest.mark.parametrize("name", ["pixels", "nett"])
def test_only_networks_have_twins(full: Config, name: str) -> None:
    full["controls"] = {"random_weights": ["net", name]}
    with pytest.raises(ConfigError, match=r"controls\.random_weights: .*Valid: net"):
        complete_config(full)


def test_pixels_are_preprocessed_as_given_and_else_as_ever(full: Config) -> None:
    models = complete_config(full)["models"]
    preprocess = models["pixels"]["preprocess"]
    assert preprocess["size"] == [64, 64]
    assert set(preprocess) == {"size", "crop_fraction", "interpolation", "mean", "std"}
    assert models["net"]["preprocess"] == {}


def test_generated_images_have_the_bands_of_the_study_or_their_own(full: Config) -> None:
    own = {"names": ["a", "b"], "edges": [0.7]}
    full["datasets"]["other"] = PHANTOM | {"bands": own}
    complete = complete_config(full)
    assert complete["datasets"]["generated"]["bands"] == complete["bands"]
    assert complete["datasets"]["generated"]["bands"] is not complete["bands"]
    assert complete["datasets"]["other"]["bands"] == own
    assert "bands" not in complete["datasets"]["mine"]


def test_how_a_study_runs_is_no_part_of_what_results_are_made_from(full: Config) -> None:
    assert complete_config(full | {"device": "cuda"})["device"] == "cuda"
    study = parse_study(full | {"device": "cuda", "on_other_versions": "rerun"})
    assert (study.device, study.on_other_versions) == ("cuda", "rerun")
    assert not set(HOW_TO_RUN) & study.resolved.keys()
    assert study.resolved == parse_study(full).resolved


def test_octaves_are_bands_in_cycles_per_image(config: dict[str, Any]) -> None:
    config["bands"] = {"octaves": 4}
    found = complete_config(config)["bands"]
    assert found == {
        "names": ["dc", "octave-1", "octave-2", "octave-4", "octave-8", "above"],
        "edges": [1, 2, 4, 8, 16],
        "unit": "cycles-per-image",
    }
    assert complete_config(complete_config(config)) == complete_config(config)
    bands = parse_study(config).bands
    assert bands.in_cycles
    assert bands.interval(bands.position("octave-4")) == (4, 8)


@pytest.mark.parametrize(
    "bands",
    [
        {},
        {"names": ["a", "b"]},
        {"edges": [0.5]},
        {"octaves": 3, "unit": "nyquist"},
        {"octaves": 3, "names": ["a"], "edges": []},
    ],
)
def test_bands_are_names_and_edges_or_octaves(
    config: dict[str, Any], bands: dict[str, Any]
) -> None:
    config["bands"] = bands
    with pytest.raises(ConfigError, match="names and edges, and perhaps unit; or octaves alone"):
        complete_config(config)
