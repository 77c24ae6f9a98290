"""The configuration as frozen dataclasses, and the only enumerator of targets and paths."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bandprobe.bands import Bands
from bandprobe.config import resolve_config
from bandprobe.datasets import check_spec
from bandprobe.errors import ConfigError, unknown_name
from bandprobe.head_settings import HeadSettings, parse_head
from bandprobe.images import pixel_preprocess
from bandprobe.modes import KEEPING, Mode
from bandprobe.phantom import Phantom
from bandprobe.shapley import MOST_BANDS

SPLITS = ("train", "eval")
# Their logits are sums over bands; band logits and all that follows from them exist.
ADDITIVE = ("map", "pooled", "energy")
# These need to know the bands when they are fitted.
BY_BAND = ("energy", "refit")


class Paths:
    """Every path of a study as a pattern; a wildcard never holds a slash."""

    WHEEL = "resources/wheels/{asset}.whl"
    WEIGHTS = "resources/weights/{asset}.safetensors"
    PHOTOS = "resources/photos"
    IMAGES = "results/{dataset}/images"
    MANIFEST = "results/{dataset}/manifest.parquet"
    FOLDS = "results/{dataset}/folds.parquet"
    FEATURES = "results/{dataset}/features/{model}/{passname}/{split}.zarr"
    SPECTRA = "results/{dataset}/spectra/{model}/{layer}.zarr"
    PROBE = "results/{dataset}/probes/{model}/{layer}/{readout}.zarr"
    LOGITS = "results/{dataset}/band_logits/{model}/{layer}/{readout}.zarr"
    MASKS = "results/{dataset}/controls/{model}/{layer}.zarr"
    SHAPLEY = "results/{dataset}/shapley/{model}/{layer}/{readout}.zarr"
    HEAD = "results/{dataset}/heads/{model}.zarr"
    OUTCOMES = "results/{dataset}/outcomes/{model}/{layer}/{readout}/{mode}.zarr"
    TARGET = "results/{dataset}/targets/{model}/{layer}/{readout}/{mode}/{band}.json"
    SUMMARY = "results/{dataset}/summary/{table}.nc"
    TABLE = "results/{dataset}/summary/{table}.csv"
    FLAGS = "results/{dataset}/summary/flags.csv"
    FIGURE = "results/{dataset}/figures/{figure}.{suffix}"
    CONFIG = "results/{dataset}/config.yaml"

    @staticmethod
    def digest(path: str) -> str:
        """Path of the digest that a job writes beside a store, file or folder."""
        return f"{path}.digest.json"


@dataclass(frozen=True)
class Model:
    """A frozen backbone; `passes` are lists of layers that one forward pass serves.

    `preprocess` holds the keys that the configuration gives; a network brings the others.
    """

    name: str
    architecture: str
    weights: str
    arguments: Mapping[str, Any]
    seed: int
    preprocess: Mapping[str, Any]
    passes: tuple[tuple[str, ...], ...]
    layout: Mapping[str, Any] | None = None

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers, in the order of the configuration."""
        return tuple(layer for layers in self.passes for layer in layers)

    def pass_of(self, layer: str) -> str:
        """Name of the pass that holds a layer."""
        for number, layers in enumerate(self.passes):
            if layer in layers:
                return f"pass-{number}"
        raise ConfigError(unknown_name(f"layer of {self.name}", layer, self.layers))

    def layers_of(self, name: str) -> tuple[str, ...]:
        """Layers of a pass by its name."""
        return self.passes[int(name.removeprefix("pass-"))]


@dataclass(frozen=True)
class ProbeSettings:
    """How readouts are fitted."""

    penalties: tuple[float, ...]
    folds: int
    seed: int
    estimator: str


@dataclass(frozen=True)
class Controls:
    """What an effect is compared with."""

    draws: int
    permutations: int
    random_weights: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Spectra:
    """How spectra are computed; `window` is one of `bandprobe.spectra.Window`."""

    window: str


@dataclass(frozen=True)
class Statistics:
    """How intervals are computed."""

    resamples: int
    level: float
    seed: int


@dataclass(frozen=True)
class Target:
    """One result: one band of one layer, changed in one way, scored by one readout."""

    dataset: str
    model: str
    layer: str
    readout: str
    mode: str
    band: str


@dataclass(frozen=True)
class Study:
    """Everything that a configuration says."""

    datasets: Mapping[str, Mapping[str, Any]]
    models: Mapping[str, Model]
    bands: Bands
    readouts: tuple[str, ...]
    modes: Mapping[str, Mode]
    refit_modes: tuple[str, ...]
    shapley_fill: str
    controls: Controls
    probe: ProbeSettings
    spectra: Spectra
    statistics: Statistics
    dtype: str
    head: HeadSettings | None
    resolved: Mapping[str, Any] = field(repr=False)

    def layers(self) -> Iterator[tuple[str, str]]:
        """Every (model, layer) in the order of the configuration."""
        for model in self.models.values():
            for layer in model.layers:
                yield model.name, layer

    def targets(self) -> Iterator[Target]:
        """Every target of the study: data sets x layers x readouts x modes x bands."""
        for dataset in self.datasets:
            for model, layer in self.layers():
                for readout in self.readouts:
                    for mode in self.modes:
                        for band in self.bands.names:
                            yield Target(dataset, model, layer, readout, mode, band)

    @property
    def additive(self) -> tuple[str, ...]:
        """Readouts whose logits are sums over bands."""
        return tuple(readout for readout in self.readouts if readout in ADDITIVE)

    def is_defined(self, readout: str, mode: str) -> bool:
        """Whether a readout has a result under a mode; if not, its targets are N/A."""
        return readout != "refit" or mode in self.refit_modes

    def networks(self) -> tuple[str, ...]:
        """Names of the models that are networks, and so have a head."""
        return tuple(m.name for m in self.models.values() if m.architecture != "pixels")

    def head_targets(self) -> Iterator[Target]:
        """Every target of the heads: data sets x layers of networks x readouts x modes x bands."""
        if self.head is None:
            return
        networks = self.networks()
        layers = [(model, layer) for model, layer in self.layers() if model in networks]
        for dataset in self.datasets:
            for model, layer in layers:
                for readout in self.head.readouts:
                    for mode in self.head.modes:
                        for band in self.bands.names:
                            yield Target(dataset, model, layer, readout, mode, band)

    def select(self, kind: str, name: str) -> str:
        """`name` if the study has it under `kind`, else an error that lists the valid ones."""
        valid: Mapping[str, tuple[str, ...]] = {
            "dataset": tuple(self.datasets),
            "model": tuple(self.models),
            "readout": (*self.readouts, *(self.head.readouts if self.head else ())),
            "mode": tuple(self.modes),
            "band": self.bands.names,
        }
        if name not in valid[kind]:
            raise ConfigError(unknown_name(kind, name, valid[kind]))
        return name


def parse_study(config: Mapping[str, Any]) -> Study:
    """Check a configuration against the schema, fill in its defaults, and make it a `Study`.

    Raises
    ------
    ConfigError
        Naming the key, what was expected, what was found, and a hint.
    """
    resolved = resolve_config(config)
    modes = {name: Mode(name, **_mode(spec)) for name, spec in resolved["modes"].items()}
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
        dtype=resolved["storage"]["dtype"],
        head=parse_head(resolved.get("head"), modes),
        resolved=resolved,
    )


def _mode(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: spec[key] for key in ("kind", "fill", "draws", "seed", "strength")}


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
