"""The results of a finished study as they lie in their folder."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import yaml

from bandprobe.data.manifest import CROP
from bandprobe.errors import StoreError
from bandprobe.store.zarr_store import Store
from bandprobe.study.parse import parse_study

# What tells images apart.
IMAGE = ("image_sha256", *CROP)
KEY = ("model", "layer", "readout", "mode", "band")
Key = tuple[str, str, str, str, str]


@dataclass(frozen=True)
class Results:
    """The results folder of one data set."""

    folder: Path

    @cached_property
    def records(self) -> dict[Key, dict[str, Any]]:
        """Every target by its names, in the order of their paths."""
        found: dict[Key, dict[str, Any]] = {}
        for path in sorted((self.folder / "targets").rglob("*.json")):
            record = json.loads(path.read_text(encoding="utf-8"))
            model, layer, readout, mode, band = (str(record[name]) for name in KEY)
            found[model, layer, readout, mode, band] = record
        return found

    @cached_property
    def config(self) -> dict[str, Any]:
        """The whole configuration; empty where the study did not run to its end."""
        path = self.folder / "config.yaml"
        return yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}

    @cached_property
    def wanted(self) -> set[Key] | None:
        """Targets of the configuration, which other files are left over from; None if unknown."""
        if not self.config:
            return None
        study = parse_study(self.config)
        every = [*study.targets(), *study.head_targets()]
        return {(one.model, one.layer, one.readout, one.mode, one.band) for one in every}

    @cached_property
    def _evaluation(self) -> list[dict[str, Any]]:
        path = self.folder / "manifest.parquet"
        rows = pq.read_table(path).to_pylist() if path.is_file() else []
        return [row for row in rows if row["split"] == "eval"]

    @cached_property
    def images(self) -> list[tuple[Any, ...]]:
        """Evaluation images: file and crop, then label and class of each, in their order."""
        names = (*IMAGE, "label", "class_name")
        return [tuple(row[name] for name in names) for row in self._evaluation]

    def positions(self, outcomes: Path) -> list[int]:
        """Which of `images` an outcome store holds: a head has a part of them."""
        row = {image["sample"]: at for at, image in enumerate(self._evaluation)}
        return [row.get(sample, -1) for sample in Store(outcomes).read("sample").tolist()]

    def edges(self, band: str) -> tuple[float, float] | None:
        """Lower and upper edge of a band; None where the configuration is not known."""
        bands = self.config.get("bands")
        if not bands or band not in bands["names"]:
            return None
        at, inner = bands["names"].index(band), [0.0, *bands["edges"], float(np.sqrt(2))]
        return inner[at], inner[at + 1]

    def outcomes(self, key: Key) -> Path:
        """The store of the outcomes of a target."""
        model, layer, readout, mode, _ = key
        return self.folder / "outcomes" / model / layer / readout / f"{mode}.zarr"


def find_results(path: Path) -> Results:
    """The results of a data set: its folder, or a study's folder that holds one alone.

    Raises
    ------
    StoreError
        If there are no targets, or several data sets to choose from.
    """
    for folder in (path, path / "results"):
        if (folder / "targets").is_dir():
            return Results(folder)
        found = sorted(p.parent for p in folder.glob("*/targets"))
        if len(found) > 1:
            names = ", ".join(str(one) for one in found)
            raise StoreError(f"{path} holds several data sets", expected=f"one of {names}")
        if found:
            return Results(found[0])
    raise StoreError(
        f"{path} holds no targets",
        expected="results/DATASET of a study that has run, or the folder of the study",
        hint="run it first: snakemake --cores all --configfile study.yaml",
    )
