"""A configuration made complete: nothing that a result depends on is left to be guessed.

Each function returns a new configuration and leaves the one that it got as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from bandprobe.data.images import pixel_preprocess
from bandprobe.errors import ConfigError, unknown_name
from bandprobe.study.config import resolve_config

Config = dict[str, Any]


def complete_config(config: Mapping[str, Any]) -> Config:
    """Check a configuration against the schema and fill in all that it leaves out.

    These are the schema's defaults, the untrained twins of models, the preprocessing of images as
    layer input, and the bands of generated images. A complete configuration stays as it is.

    Raises
    ------
    ConfigError
        Naming the key, what was expected, what was found, and a hint.
    """
    return with_phantom_bands(with_pixel_preprocess(with_random_twins(resolve_config(config))))


def with_random_twins(config: Config) -> Config:
    """With an untrained twin NAME-random of each model of `controls.random_weights`.

    Raises
    ------
    ConfigError
        If a name is not that of a network.
    """
    models = config["models"]
    networks = [name for name, spec in models.items() if spec["architecture"] != "pixels"]
    names = config["controls"]["random_weights"]
    for name in names:
        if name not in networks:
            message = unknown_name("model with weights", name, networks)
            raise ConfigError(f"controls.random_weights: {message}")
    twins = {f"{name}-random": models[name] | {"weights": "random"} for name in names}
    # A complete configuration has its twins already, in the place that they have there.
    return config | {"models": models | {name: models.get(name, twins[name]) for name in twins}}


def _pixel_defaults(given: Config) -> Config:
    return {} if "function" in given else pixel_preprocess()


def with_pixel_preprocess(config: Config) -> Config:
    """With the preprocessing of images as layer input, which no network brings."""
    models = {
        name: spec | {"preprocess": _pixel_defaults(spec["preprocess"]) | spec["preprocess"]}
        if spec["architecture"] == "pixels"
        else spec
        for name, spec in config["models"].items()
    }
    return config | {"models": models}


def with_phantom_bands(config: Config) -> Config:
    """With the study's bands for generated images that have none of their own."""
    datasets = {
        name: {**spec, "bands": spec.get("bands", copy.deepcopy(config["bands"]))}
        if spec["kind"] == "phantom"
        else spec
        for name, spec in config["datasets"].items()
    }
    return config | {"datasets": datasets}
