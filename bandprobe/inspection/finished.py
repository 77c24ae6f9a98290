"""The stored results of a finished study."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import yaml

from bandprobe.data.manifest import CROP
from bandprobe.errors import StoreError
from bandprobe.fourier.bands import NYQUIST, Bands
from bandprobe.store.zarr_store import Store
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import Paths
from bandprobe.study.within import inside, top
from bandprobe.summary.names import AXES

# What identifies an image.
IMAGE = ("image_sha256", *CROP)
KEY = AXES
Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class FinishedStudy:
    """The results folder of one data set."""

    folder: Path

    @cached_property
    def records(self) -> dict[Key, dict[str, Any]]:
        """Every target by its names, in the order of paths."""
        records: dict[Key, dict[str, Any]] = {}
        for path in sorted(top(self.folder, Paths.TARGET).rglob("*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            model, layer, readout, mode, band = (str(record[name]) for name in KEY)
            records[model, layer, readout, mode, band] = record
        return records

    @cached_property
    def config(self) -> dict[str, Any]:
        """The complete configuration; empty if the study has not finished."""
        path = inside(self.folder, Paths.CONFIG)
        return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}

    @cached_property
    def wanted(self) -> set[Key] | None:
        """Targets of the configuration, to recognise leftovers of earlier ones; None if unknown."""
        if not self.config:
            return None
        study = parse_study(self.config)
        every = [*study.targets(), *study.head_targets()]
        return {(t.model, t.layer, t.readout, t.mode, t.band) for t in every}

    @cached_property
    def _evaluation(self) -> list[dict[str, Any]]:
        path = inside(self.folder, Paths.MANIFEST)
        rows = pq.read_table(path).to_pylist() if path.is_file() else []
        return [row for row in rows if row["split"] == "eval"]

    @cached_property
    def images(self) -> list[tuple[Any, ...]]:
        """Evaluation images in their order: file and crop, then label and class of each."""
        names = (*IMAGE, "label", "class_name")
        return [tuple(row[name] for name in names) for row in self._evaluation]

    def positions(self, outcomes: Path) -> list[int]:
        """Positions within `images` of the images of an outcome store: a head has only some."""
        row = {image["sample"]: at for at, image in enumerate(self._evaluation)}
        return [row.get(sample, -1) for sample in Store(outcomes).read("sample").tolist()]

    def edges(self, band: str) -> tuple[float, float, str] | None:
        """Lower and upper edge of a band and their unit; None if the configuration is unknown."""
        bands = self.config.get("bands")
        if not bands or band not in bands["names"]:
            return None
        partition = Bands.from_spec(bands)
        return *partition.interval(partition.position(band)), partition.unit or NYQUIST

    def outcomes(self, key: Key) -> Path:
        """The store of the outcomes of a target."""
        model, layer, readout, mode, _ = key
        names = {"model": model, "layer": layer, "readout": readout, "mode": mode}
        return inside(self.folder, Paths.OUTCOMES, **names)


def find_results(path: Path) -> FinishedStudy:
    """The results of a data set, from its folder or from that of a study with a single data set.

    Raises
    ------
    StoreError
        If there are no targets, or several data sets.
    """
    root = Path(Paths.CONFIG).parents[1]
    for folder in (path, path / root):
        if top(folder, Paths.TARGET).is_dir():
            return FinishedStudy(folder)
        datasets = [p for p in sorted(folder.glob("*")) if top(p, Paths.TARGET).is_dir()]
        if len(datasets) > 1:
            names = ", ".join(map(str, datasets))
            raise StoreError(f"{path} contains several data sets", expected=f"one of {names}")
        if datasets:
            return FinishedStudy(datasets[0])
    raise StoreError(
        f"{path} contains no targets",
        expected=f"{root}/DATASET of a study that has run, or the folder of the study",
        hint="run it first: snakemake --cores all --configfile study.yaml",
    )
