"""From a configuration to a `Study`: what the schema cannot check is checked here."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from bandprobe.data.datasets import check_spec
from bandprobe.data.images import pixel_preprocess
from bandprobe.data.phantom import Phantom
from bandprobe.errors import ConfigError, unknown_name
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import KEEPING, Mode
from bandprobe.scoring.shapley import MOST_BANDS
from bandprobe.store.encoding import Storage
from bandprobe.study.config import resolve_config
from bandprobe.study.head_settings import parse_head
from bandprobe.study.study import Controls, Model, ProbeSettings, Scale, Spectra, Statistics, Study

# Arguments by which timm and torchvision read files of weights themselves, past all checks.
LOADING = {
    "cache_dir",
    "checkpoint_path",
    "pretrained",
    "pretrained_cfg",
    "pretrained_cfg_overlay",
    "pretrained_strict",
    "weights",
    "weights_backbone",
}


def parse_study(config: Mapping[str, Any]) -> Study:
    """Check a configuration against the schema, fill in its defaults, and make it a `Study`.

    Raises
    ------
    ConfigError
        Naming the key, what was expected, what was found, and a hint.
    """
    resolved = resolve_config(config)
    # No result depends on it: it is no part of what results are made from.
    device = resolved.pop("device")
    modes = {
        name: Mode.from_spec({"name": name, **spec}) for name, spec in resolved["modes"].items()
    }
    _add_random_weights(resolved)
    models = {name: _model(name, spec) for name, spec in resolved["models"].items()}
    probe = resolved["probe"]
    penalties = tuple(float(value) for value in probe["penalties"])
    if any(high <= low for low, high in pairwise(penalties)):
        raise ConfigError("probe.penalties must increase strictly", found=list(penalties))
    bands = Bands(tuple(resolved["bands"]["names"]), tuple(map(float, resolved["bands"]["edges"])))
    for name, spec in resolved["datasets"].items():
        if spec["kind"] == "phantom":
            spec.setdefault("bands", copy.deepcopy(resolved["bands"]))
        _check_dataset(name, spec)
    return Study(
        datasets=resolved["datasets"],
        models=models,
        bands=bands,
        readouts=tuple(resolved["readouts"]),
        modes=modes,
        refit_modes=_refit_modes(modes, resolved["refit"].get("modes")),
        shapley_fill=_shapley_fill(resolved["shapley"]["fill"], bands),
        controls=_controls(resolved["controls"]),
        probe=ProbeSettings(penalties, probe["folds"], probe["seed"], probe["estimator"]),
        spectra=Spectra(**resolved["spectra"]),
        statistics=Statistics(**resolved["statistics"]),
        precision=resolved["precision"],
        device=device,
        storage=Storage.from_spec(resolved["storage"]),
        scale=Scale(**resolved["scale"]),
        head=parse_head(resolved.get("head"), modes),
        resolved=resolved,
    )


def _refit_modes(modes: Mapping[str, Mode], names: list[str] | None) -> tuple[str, ...]:
    able = [name for name, mode in modes.items() if mode.kind in KEEPING]
    for name in names or ():
        if name not in able:
            raise ConfigError(
                "refit.modes",
                expected=f"modes of kind {', '.join(KEEPING)} ({', '.join(able) or 'none'})",
                found=name,
            )
    return tuple(able if names is None else names)


def _shapley_fill(fill: str, bands: Bands) -> str:
    if fill != "none" and len(bands) > MOST_BANDS:
        raise ConfigError(
            "shapley.fill: too many bands for all their subsets",
            expected=f"at most {MOST_BANDS} bands, or none",
            found=f"{len(bands)} bands",
        )
    return fill


def _controls(spec: Mapping[str, Any]) -> Controls:
    return Controls(
        spec["draws"], spec["permutations"], tuple(spec["random_weights"]), spec["seed"]
    )


def _add_random_weights(resolved: dict[str, Any]) -> None:
    """Put the untrained twins of some models beside them."""
    for name in resolved["controls"]["random_weights"]:
        spec = resolved["models"].get(name)
        if spec is None or spec["architecture"] == "pixels":
            able = [n for n, m in resolved["models"].items() if m["architecture"] != "pixels"]
            raise ConfigError(
                "controls.random_weights: " + unknown_name("model with weights", name, able)
            )
        resolved["models"].setdefault(f"{name}-random", spec | {"weights": "random"})


def _model(name: str, spec: dict[str, Any]) -> Model:
    pixels = spec["architecture"] == "pixels"
    layers = [layer for layers in spec["layers"] for layer in layers]
    twice = sorted({layer for layer in layers if layers.count(layer) > 1})
    if twice:
        raise ConfigError(
            f"models.{name}.layers: a layer occurs in two passes",
            found=", ".join(twice),
            hint="a new list holds only the layers that are new",
        )
    if pixels and layers != ["input"]:
        raise ConfigError(f"models.{name}.layers", expected="[[input]]", found=spec["layers"])
    if pixels and "weights" in spec:
        raise ConfigError(f"models.{name}.weights: pixels has no weights", found=spec["weights"])
    if not pixels and "weights" not in spec:
        raise ConfigError(
            f"models.{name}.weights is missing",
            expected="pretrained, asset/NAME, file/PATH or random",
        )
    if pixels:
        spec["preprocess"] = pixel_preprocess() | spec["preprocess"]
    else:
        _check_weights(name, spec)
    return Model(
        name=name,
        architecture=spec["architecture"],
        weights=spec.get("weights", "none"),
        arguments=spec.get("arguments", {}),
        seed=spec["seed"],
        preprocess=spec["preprocess"],
        passes=tuple(tuple(layers) for layers in spec["layers"]),
        layout=spec["layout"],
    )


def _check_weights(name: str, spec: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for what the architecture and its weights cannot have together."""
    family, kind = (spec[key].partition("/")[0] for key in ("architecture", "weights"))
    valid = {
        "timm": ("random", "pretrained", "file", "asset"),
        "torchvision": ("random", "pretrained", "file"),
        "python": ("random", "file"),
    }
    if kind not in valid[family]:
        raise ConfigError(
            f"models.{name}.weights: not for {family}/",
            expected=f"one of {', '.join(valid[family])}",
            found=spec["weights"],
        )
    if "weights_sha256" in spec and kind not in ("file", "pretrained"):
        raise ConfigError(
            f"models.{name}.weights_sha256: only for file/PATH and pretrained",
            found=spec["weights"],
        )
    loading = sorted(LOADING & spec.get("arguments", {}).keys()) if family != "python" else []
    if loading:
        raise ConfigError(
            f"models.{name}.arguments: {', '.join(loading)} would load weights past all checks",
            expected="arguments of the architecture, such as img_size or num_classes",
            hint="give weights: pretrained/TAG or file/PATH",
        )
    if spec["layout"] and family != "python":
        raise ConfigError(
            f"models.{name}.layout: only for python/, other networks are known", found=family
        )


def _check_dataset(name: str, spec: Mapping[str, Any]) -> None:
    if spec["kind"] == "phantom":
        Phantom.from_config(spec)
    check_spec(name, spec)
    if spec["kind"] != "photos":
        return
    if ("asset" in spec) == ("root" in spec):
        raise ConfigError(f"datasets.{name}", expected="either asset or root", found=sorted(spec))
    for key in ("train_crops", "eval_crops"):
        if spec[key] % spec["regions"]:
            raise ConfigError(
                f"datasets.{name}.{key}",
                expected=f"a multiple of regions ({spec['regions']})",
                found=spec[key],
            )
