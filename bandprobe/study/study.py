"""The configuration as frozen dataclasses, and the only enumerator of targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from bandprobe.errors import ConfigError, unknown_name
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode, removals
from bandprobe.store.encoding import Storage
from bandprobe.study.head_settings import HeadSettings
from bandprobe.study.replicates import Replicates

# Their logits are sums over bands; band logits and all that follows from them exist.
ADDITIVE = ("map", "pattern", "pooled", "energy")
# These need to know the bands when they are fitted.
BY_BAND = ("energy", "refit")


@dataclass(frozen=True)
class Model:
    """A frozen backbone; each of its `passes` is the layers that one forward pass serves.

    `preprocess` has the keys that the configuration gives; a network brings the others. An
    `untrained` one has random weights, and the input of the network with its `weights`.
    """

    name: str
    architecture: str
    weights: str
    arguments: Mapping[str, Any]
    seed: int
    preprocess: Mapping[str, Any]
    passes: tuple[tuple[str, ...], ...]
    layout: Mapping[str, Any] | None = None
    untrained: bool = False

    @property
    def layers(self) -> tuple[str, ...]:
        """All layers, in the order of the configuration."""
        return tuple(layer for layers in self.passes for layer in layers)

    def pass_of(self, layer: str) -> str:
        """Name of the pass that a layer belongs to."""
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
    by_band: bool


@dataclass(frozen=True)
class Controls:
    """What an effect is compared with."""

    draws: int
    masks: int
    permutations: int
    random_weights: tuple[str, ...]
    seed: int


@dataclass(frozen=True)
class Spectra:
    """How spectra are computed; `window` is one of `bandprobe.fourier.spectra.Window`."""

    window: str


@dataclass(frozen=True)
class Statistics:
    """How intervals are computed, as `bandprobe.scoring.intervals.IntervalSettings`."""

    resamples: int
    level: float
    seed: int
    interval: str
    unit: str


@dataclass(frozen=True)
class ReportSettings:
    """What the page of results shows; `images` is None where the kind of data set decides."""

    images: bool | None
    images_megabytes: float
    seed: int


@dataclass(frozen=True)
class Scale:
    """Into how many jobs large steps are cut; bytes that the jobs of a run may have, if limited."""

    shards: int
    slabs: int
    memory: int | None = None


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
    precision: str
    device: str
    on_other_versions: str
    storage: Storage
    scale: Scale
    head: HeadSettings | None
    replicates: Replicates | None
    report: ReportSettings
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
    def all_readouts(self) -> tuple[str, ...]:
        """Readouts of the maps, then those of the networks' own heads."""
        return (*self.readouts, *(self.head.readouts if self.head else ()))

    @property
    def additive(self) -> tuple[str, ...]:
        """Readouts whose logits are sums over bands."""
        return tuple(readout for readout in self.readouts if readout in ADDITIVE)

    @property
    def removals(self) -> tuple[str, ...]:
        """Modes that remove a band, and DC alone and all but DC; the training mean's come first."""
        return tuple(removals(self.modes.values()))

    @property
    def has_parts(self) -> bool:
        """Whether DC alone and all but DC are removed, as a whole each, from any readout."""
        return bool(self.additive and self.removals)

    def part_axes(self) -> dict[str, Any]:
        """As `axes`, of what the two parts are removed from, and by which modes."""
        return self.axes(self.additive) | {"modes": list(self.removals)}

    def is_defined(self, readout: str, mode: str) -> bool:
        """Whether a readout has a result under a mode; if not, its targets are N/A."""
        return readout != "refit" or mode in self.refit_modes

    def axes(self, readouts: Sequence[str], *, heads: bool = False) -> dict[str, Any]:
        """All names along all axes of a summary, for some readouts, with or without the heads'."""
        axes: dict[str, Any] = {
            "layers": {name: model.layers for name, model in self.models.items()},
            "readouts": readouts,
            "modes": list(self.modes),
            "bands": self.bands.names,
            "networks": self.networks(),
        }
        if heads and self.head:
            axes["heads"] = {
                "models": self.networks(),
                "readouts": self.head.readouts,
                "modes": self.head.modes,
            }
        return axes

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
            "readout": self.all_readouts,
            "mode": tuple(self.modes),
            "band": self.bands.names,
        }
        if name not in valid[kind]:
            raise ConfigError(unknown_name(kind, name, valid[kind]))
        return name
