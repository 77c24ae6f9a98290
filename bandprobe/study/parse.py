"""From a configuration to a `Study`: what the schema cannot check is checked here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from bandprobe.base.units import from_text, in_bytes
from bandprobe.data.datasets import check_spec
from bandprobe.data.phantom import Phantom
from bandprobe.errors import BandprobeError, ConfigError
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import KEEPING, Mode
from bandprobe.scoring.shapley import MOST_BANDS
from bandprobe.store.encoding import Storage
from bandprobe.study.head_settings import parse_head
from bandprobe.study.replicates import parse_replicates
from bandprobe.study.resolve import complete_config
from bandprobe.study.study import (
    Controls,
    Model,
    ProbeSettings,
    ReportSettings,
    Scale,
    Spectra,
    Statistics,
    Study,
)

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
# Where a model's weights may come from, by the library of its architecture.
WEIGHTS = {
    "timm": ("random", "pretrained", "file", "asset"),
    "torchvision": ("random", "pretrained", "file"),
    "python": ("random", "file"),
}


# How a study runs, not what it is.
HOW_TO_RUN = ("device", "on_other_versions")
# Bytes that a run needs at least: Snakemake, Python, its libraries and a few maps.
LEAST_MEMORY = 1_000_000_000


def parse_study(config: Mapping[str, Any]) -> Study:
    """Check a configuration against the schema, fill in its defaults, and make it a `Study`.

    Raises
    ------
    ConfigError
        Naming the key, what was expected, what was found, and a hint.
    """
    complete = complete_config(config)
    modes = {
        name: Mode.from_spec({"name": name, **spec}) for name, spec in complete["modes"].items()
    }
    bands = Bands.from_spec(complete["bands"])
    return Study(
        models={name: _model(name, spec) for name, spec in complete["models"].items()},
        probe=_probe(complete),
        bands=bands,
        datasets={name: _dataset(name, spec) for name, spec in complete["datasets"].items()},
        readouts=tuple(complete["readouts"]),
        modes=modes,
        refit_modes=_refit_modes(modes, complete["refit"].get("modes")),
        shapley_fill=_shapley_fill(complete["shapley"]["fill"], bands),
        controls=_controls(complete["controls"]),
        spectra=Spectra(**complete["spectra"]),
        statistics=Statistics(**complete["statistics"]),
        precision=complete["precision"],
        device=complete["device"],
        on_other_versions=complete["on_other_versions"],
        storage=Storage.from_spec(complete["storage"]),
        scale=_scale(complete["scale"]),
        head=parse_head(complete.get("head"), modes),
        replicates=parse_replicates(
            complete.get("replicates"),
            complete["readouts"],
            modes,
            complete["probe"]["estimator"],
        ),
        report=_report(complete["report"]),
        # No result depends on these: they are not part of what results are made from.
        resolved=_what_it_is(complete),
    )


def _what_it_is(complete: Mapping[str, Any]) -> dict[str, Any]:
    """A complete configuration without what says only how a study runs."""
    kept = {key: value for key, value in complete.items() if key not in HOW_TO_RUN}
    scale = {key: value for key, value in complete["scale"].items() if key != "memory"}
    return kept | {"scale": scale}


def _scale(spec: Mapping[str, Any]) -> Scale:
    if "memory" not in spec:
        return Scale(**spec)
    try:
        memory = from_text(spec["memory"], "scale.memory")
    except BandprobeError as error:
        raise ConfigError(str(error)) from error
    if memory < LEAST_MEMORY:
        raise ConfigError(
            "scale.memory: less than any job takes",
            expected=f"{in_bytes(LEAST_MEMORY)} or more",
            found=spec["memory"],
        )
    return Scale(spec["shards"], spec["slabs"], memory)


def _probe(complete: Mapping[str, Any]) -> ProbeSettings:
    spec = complete["probe"]
    penalties = tuple(map(float, spec["penalties"]))
    if any(high <= low for low, high in pairwise(penalties)):
        raise ConfigError("probe.penalties must increase strictly", found=list(penalties))
    settings = ProbeSettings(
        penalties, spec["folds"], spec["seed"], spec["estimator"], spec["by_band"]
    )
    if settings.by_band:
        _check_by_band(settings, complete)
    return settings


def _check_by_band(settings: ProbeSettings, complete: Mapping[str, Any]) -> None:
    readouts, slabs = complete["readouts"], complete["scale"]["slabs"]
    if settings.estimator != "ridge":
        raise ConfigError(
            "probe.by_band",
            expected="estimator: ridge, of which kernels can be weighted band by band",
            found=f"estimator: {settings.estimator}",
        )
    if not {"map", "pattern"} & set(readouts):
        raise ConfigError(
            "probe.by_band",
            expected="the readout map or pattern, whose bands it is about",
            found=f"readouts: {', '.join(readouts)}",
        )
    if slabs > 1:
        raise ConfigError(
            "probe.by_band",
            expected="scale.slabs: 1; slabs are not stored band by band for pattern",
            found=f"scale.slabs: {slabs}",
        )
    if "replicates" in complete:
        raise ConfigError(
            "probe.by_band",
            expected="no section replicates: these are fitted with one penalty",
            found="replicates",
        )


def _refit_modes(modes: Mapping[str, Mode], names: Sequence[str] | None) -> tuple[str, ...]:
    valid = [name for name, mode in modes.items() if mode.kind in KEEPING]
    for name in names or ():
        if name not in valid:
            raise ConfigError(
                "refit.modes",
                expected=f"modes of kind {', '.join(KEEPING)} ({', '.join(valid) or 'none'})",
                found=name,
            )
    return tuple(valid if names is None else names)


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
        spec["draws"],
        spec["masks"],
        spec["permutations"],
        tuple(spec["random_weights"]),
        spec["seed"],
    )


def _report(spec: Mapping[str, Any]) -> ReportSettings:
    return ReportSettings(spec.get("images"), spec["images_megabytes"], spec["seed"])


def _model(name: str, spec: Mapping[str, Any]) -> Model:
    _check_layers(name, spec)
    if spec["architecture"] == "pixels":
        for key in ("weights", "untrained"):
            if key in spec:
                raise ConfigError(f"models.{name}.{key}: pixels has no weights", found=spec[key])
    elif "weights" not in spec:
        raise ConfigError(
            f"models.{name}.weights is missing",
            expected="pretrained, asset/NAME, file/PATH or random",
        )
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
        untrained=spec.get("untrained", False),
    )


def _check_layers(name: str, spec: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for layers that occur twice, or that the images themselves lack."""
    layers = [layer for layers in spec["layers"] for layer in layers]
    twice = sorted({layer for layer in layers if layers.count(layer) > 1})
    if twice:
        raise ConfigError(
            f"models.{name}.layers: a layer occurs in two passes",
            found=", ".join(twice),
            hint="a new list holds only the layers that are new",
        )
    if spec["architecture"] == "pixels" and layers != ["input"]:
        raise ConfigError(f"models.{name}.layers", expected="[[input]]", found=spec["layers"])


def _check_weights(name: str, spec: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for what the architecture and its weights cannot have together."""
    library, origin = (spec[key].partition("/")[0] for key in ("architecture", "weights"))
    if origin not in WEIGHTS[library]:
        raise ConfigError(
            f"models.{name}.weights: not for {library}/",
            expected=f"one of {', '.join(WEIGHTS[library])}",
            found=spec["weights"],
        )
    if "weights_sha256" in spec and origin not in ("file", "pretrained"):
        raise ConfigError(
            f"models.{name}.weights_sha256: only for file/PATH and pretrained",
            found=spec["weights"],
        )
    for key in ("weights_key", "weights_prefix"):
        if key in spec and origin != "file":
            raise ConfigError(f"models.{name}.{key}: only for file/PATH", found=spec["weights"])
    if spec.get("untrained") and origin == "random":
        raise ConfigError(
            f"models.{name}.untrained: only for weights that were trained",
            expected="the weights whose input the network is to get, or no key untrained",
            found=f"weights: {spec['weights']}",
        )
    _check_preprocess(name, spec["preprocess"])
    loading = sorted(LOADING & spec.get("arguments", {}).keys()) if library != "python" else []
    if loading:
        raise ConfigError(
            f"models.{name}.arguments: {', '.join(loading)} would load weights past all checks",
            expected="arguments of the architecture, such as img_size or num_classes",
            hint="give weights: pretrained/TAG or file/PATH",
        )


def _check_preprocess(name: str, spec: Mapping[str, Any]) -> None:
    """Raise `ConfigError` for keys that a function of the user's leaves without a meaning."""
    if "function" not in spec:
        if "channels" in spec:
            raise ConfigError(
                f"models.{name}.preprocess.channels: only with function",
                hint="otherwise the length of mean is the number of channels",
            )
        return
    others = sorted(spec.keys() - {"function", "size", "channels"})
    if others or "size" not in spec:
        raise ConfigError(
            f"models.{name}.preprocess: a function does all of it",
            expected="function, size, and perhaps channels",
            found=", ".join(sorted(spec)),
        )


def _dataset(name: str, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """A data set's part of the configuration, checked."""
    if spec["kind"] == "phantom":
        Phantom.from_config(spec)
    check_spec(name, spec)
    if spec["kind"] == "photos":
        _check_photos(name, spec)
    return spec


def _check_photos(name: str, spec: Mapping[str, Any]) -> None:
    if ("asset" in spec) == ("root" in spec):
        raise ConfigError(f"datasets.{name}", expected="either asset or root", found=sorted(spec))
    for key in ("train_crops", "eval_crops"):
        if spec[key] % spec["regions"]:
            raise ConfigError(
                f"datasets.{name}.{key}",
                expected=f"a multiple of regions ({spec['regions']})",
                found=spec[key],
            )
