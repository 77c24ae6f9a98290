"""The layers of a study's jobs as a plan sees them, as they are stored or as configured."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from bandprobe.errors import DatasetError
from bandprobe.planning.ask_shapes import Shapes, ask_shapes
from bandprobe.planning.counts import Counts, count_samples
from bandprobe.planning.layer import Layer
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.study.paths import SPLITS, Paths
from bandprobe.study.study import Study
from bandprobe.workflow import stores


class StudyLayers:
    """Layers by the wildcards of jobs.

    Parameters
    ----------
    study : Study
    pending : callable
        Whether a file is to be made by this run, so that what is there now says nothing.
    """

    def __init__(self, study: Study, pending: Callable[[str], bool]) -> None:
        self._study, self._pending = study, pending
        self._layers: dict[tuple[str, ...], Layer | None] = {}
        self._samples: dict[str, Counts | None] = {}

    def of(self, wildcards: stores.Wildcards) -> Layer | None:
        """The layer of a job; None where its maps, or their number, cannot be known yet."""
        key = tuple(wildcards[name] for name in ("dataset", "model", "layer"))
        if key not in self._layers:
            self._layers[key] = self._find(wildcards)
        return self._layers[key]

    def _find(self, wildcards: stores.Wildcards) -> Layer | None:
        counts = self._counts(wildcards["dataset"])
        shape = self._stored(wildcards) or self._planned(wildcards["model"], wildcards["layer"])
        if counts is None or shape is None:
            return None
        return Layer(wildcards["model"], shape, counts, self._study.storage.itemsize)

    def _stored(self, wildcards: stores.Wildcards) -> LayerShape | None:
        path = stores.eval_features(self._study, wildcards)
        if self._pending(path):
            return None
        try:
            text = Path(path, wildcards["layer"], "zarr.json").read_text(encoding="utf-8")
            channels, height, width = json.loads(text)["shape"][1:]
        except (OSError, ValueError, KeyError):
            return None
        return LayerShape(wildcards["layer"], channels, height, width)

    def _planned(self, model: str, layer: str) -> LayerShape | None:
        if self._shapes is None:
            return None
        shapes = (shape for one in self._shapes[model] for shape in one.layers)
        return next((shape for shape in shapes if shape.layer == layer), None)

    @cached_property
    def _shapes(self) -> Shapes | None:
        return ask_shapes(self._study)

    def _counts(self, dataset: str) -> Counts | None:
        if dataset not in self._samples:
            self._samples[dataset] = self._listed(dataset) or self._counted(dataset)
        return self._samples[dataset]

    def _listed(self, dataset: str) -> Counts | None:
        """From the manifest, which knows of images that were left out."""
        path = Paths.MANIFEST.format(dataset=dataset)
        if self._pending(path) or not Path(path).exists():
            return None
        from bandprobe.data.manifest import class_names, read_split

        try:
            train, evaluation = (len(read_split(Path(path), split).sample) for split in SPLITS)
            return Counts(train, evaluation, len(class_names(Path(path))), path)
        except (OSError, ValueError):
            return None

    def _counted(self, dataset: str) -> Counts | None:
        try:
            return count_samples(dataset, self._study.datasets[dataset])
        except (DatasetError, OSError):
            return None
