"""A stage as it is verified, and what of a data set its checks need to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.data.datasets import MADE_HERE, root_of
from bandprobe.data.manifest import Split, class_names, imagenet_indices, read_split
from bandprobe.errors import BandprobeError
from bandprobe.store.zarr_store import Store
from bandprobe.study.study import SPLITS, Paths, Study
from bandprobe.verify.stores import Expected

NAMED = 20


@dataclass
class Stage:
    """What was looked at of one stage, and what is wrong.

    Attributes
    ----------
    dataset, name, unit : str
    count : int
    problems : list of str
    again : list of str
        Paths that Snakemake can be asked for, to have the stage made again.
    """

    dataset: str
    name: str
    unit: str
    count: int = 0
    problems: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)

    def look(self, path: str, again: str | None, found: Iterable[str]) -> None:
        """Count one thing, with what is wrong with it."""
        self.count += 1
        try:
            problems = list(found)
        except BandprobeError as error:
            problems = [" ".join(str(error).split())]
        self.problems += [f"{path}: {problem}" for problem in problems]
        if problems and again is not None:
            self.again.append(again)

    @property
    def line(self) -> str:
        """One line: stage, how many were looked at, and the result."""
        result = f"{len(self.problems)} problems" if self.problems else "ok"
        return f"{self.dataset:<16} {self.name:<12} {self.count:>6} {self.unit:<8} {result}"


@dataclass(frozen=True)
class Verified:
    """One data set of a study, on disk below the working directory."""

    study: Study
    dataset: str

    def path(self, pattern: str, **names: str) -> str:
        """A path of this data set."""
        return pattern.format(dataset=self.dataset, **names)

    @cached_property
    def manifest(self) -> Path:
        """Where the manifest lies."""
        return Path(self.path(Paths.MANIFEST))

    @cached_property
    def splits(self) -> dict[str, Split]:
        """The samples by split."""
        return {split: read_split(self.manifest, split) for split in SPLITS}

    @cached_property
    def labels(self) -> dict[str, tuple[str, ...]]:
        """Names of the bands and of the classes."""
        return {"band": self.study.bands.names, "class": tuple(class_names(self.manifest))}

    @property
    def root(self) -> Path:
        """Folder of the images."""
        spec = self.study.datasets[self.dataset]
        if spec["kind"] in MADE_HERE:
            return Path(self.path(Paths.IMAGES))
        return Path(Paths.PHOTOS) if "asset" in spec else root_of(spec)

    def bins(self, model: str, layer: str) -> NDArray[np.int64] | None:
        """Bins of each band on the grid of a layer, as far as its features can be opened."""
        passname = self.study.models[model].pass_of(layer)
        path = self.path(Paths.FEATURES, model=model, passname=passname, split="eval")
        try:
            height, width = Store(path).array(layer).shape[-2:]
        except BandprobeError:
            return None
        return self.study.bands.on_grid(height, width).counts

    def expected(self, model: str, layer: str) -> Expected:
        """What the stores of a layer must agree with."""
        return Expected(self.splits["eval"], self.labels, self.bins(model, layer))

    def expected_of_head(self, model: str, layer: str | None = None) -> Expected:
        """What the stores of a network's own end must agree with."""
        bins = None if layer is None else self.bins(model, layer)
        bands = {"band": self.study.bands.names}
        indices = imagenet_indices(self.manifest)
        return Expected(self.splits["eval"], bands, bins, some=True, own_labels=indices)
