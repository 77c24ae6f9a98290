"""A configuration made complete: nothing that a result depends on is left to be guessed.

Each function returns a new configuration and leaves the one that it got as it was.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any, cast

from bandprobe.data.images import pixel_preprocess
from bandprobe.errors import ConfigError, unknown_name
from bandprobe.fourier.bands import CYCLES
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
    complete = with_octaves(resolve_config(config))
    return with_phantom_bands(with_pixel_preprocess(with_random_twins(complete)))


def with_octaves(config: Config) -> Config:
    """With names, edges and unit of the bands where `octaves` stands for them.

    Raises
    ------
    ConfigError
        If there is neither, or a part of both.
    """
    bands = config["bands"]
    wanted = {"octaves"} if "octaves" in bands else {"names", "edges"}
    if not wanted <= bands.keys() or ("octaves" in bands and len(bands) > 1):
        raise ConfigError(
            "bands",
            expected="names and edges, and perhaps unit; or octaves alone",
            found=", ".join(bands) or "none of them",
        )
    if "octaves" not in bands:
        return config
    lower = [2**number for number in range(bands["octaves"])]
    names = ["dc", *(f"octave-{low}" for low in lower), "above"]
    edges = [*lower, 2 ** bands["octaves"]]
    return config | {"bands": {"names": names, "edges": edges, "unit": CYCLES}}


def with_random_twins(config: Config) -> Config:
    """With an untrained twin NAME-random of each model of `controls.random_weights`.

    Raises
    ------
    ConfigError
        If a name is not that of a network with trained weights, or if a model of the user's has the
        name of a twin and is another network.
    """
    models = config["models"]
    networks = [name for name, spec in models.items() if spec["architecture"] != "pixels"]
    names = config["controls"]["random_weights"]
    for name in names:
        if name not in networks:
            message = unknown_name("model with weights", name, networks)
            raise ConfigError(f"controls.random_weights: {message}")
        untrained = bool(models[name].get("untrained"))
        if untrained or models[name].get("weights") == "random":
            raise ConfigError(
                f"controls.random_weights: {name} itself is not known to be trained",
                expected="models with trained weights",
                found=f"models.{name}.{'untrained: true' if untrained else 'weights: random'}",
                hint="its twin would be the same network; compare with a model that has weights "
                "from a file or published ones",
            )
    twins = {f"{name}-random": _twin(name, models) for name in names}
    return config | {"models": models | twins}


def _twin(name: str, models: Config) -> Config:
    """The untrained twin of a model; a complete configuration has it already."""
    twin: Config = models[name] | {"untrained": True}
    own = models.get(f"{name}-random", twin)
    # Another seed makes other random weights of the same twin.
    differing = sorted(
        key for key in (own | twin).keys() - {"seed"} if own.get(key) != twin.get(key)
    )
    if differing:
        raise ConfigError(
            f"models.{name}-random has the name of the untrained twin of {name}, but is another "
            "model",
            expected=f"the keys of models.{name}, and untrained: true; only seed may be another",
            found=f"other values of {', '.join(differing)}",
            hint="rename the model, or take its twin out of controls.random_weights",
        )
    return cast(Config, own)


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
