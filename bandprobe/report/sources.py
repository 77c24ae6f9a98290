"""Read what a report is made of from the results folder of a data set."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import xarray as xr

from bandprobe.errors import StoreError
from bandprobe.report.context import Facts, Results
from bandprobe.report.map_checks import in_order, map_check_rows
from bandprobe.store.digests import digest_path, read_digest
from bandprobe.study.config import load_config
from bandprobe.study.paths import SPLITS, Paths
from bandprobe.study.within import inside, relative, top

SCORED = ("n_samples", "n_groups", "n_units", "n_units_effective", "n_classes", "chance")


def read_results(
    folder: Path, dataset: str, tables: Sequence[str], figures: Sequence[str]
) -> Results:
    """Read everything that a page shows.

    Parameters
    ----------
    folder : Path
        `results/<dataset>`.
    dataset : str
    tables : sequence of str
        Names of the summaries that the study has.
    figures : sequence of str
        Names of its figures.

    Raises
    ------
    StoreError
        If a file is missing or cannot be read.
    """
    loaded = {name: _load(inside(folder, Paths.SUMMARY, table=name)) for name in tables}
    flags = _flags(inside(folder, Paths.FLAGS))
    config = load_config(inside(folder, Paths.CONFIG))
    interventions = loaded["interventions"]
    weights, scored = _scored(top(folder, Paths.TARGET), interventions)
    facts = Facts(
        splits=_splits(inside(folder, Paths.MANIFEST)),
        class_names=_class_names(inside(folder, Paths.MANIFEST)),
        digests=_digests(folder, config),
        weights=weights,
        scored=scored,
        map_checks=list(
            in_order(map_check_rows(folder / "features"), json.loads(interventions.attrs["layers"]))
        ),
    )
    return Results(
        dataset=dataset,
        interventions=interventions,
        spectra=loaded["spectra"],
        probes=loaded.get("probes"),
        shapley=loaded.get("shapley"),
        flags=flags,
        config=config,
        figures=figures,
        facts=facts,
        parts=loaded.get("parts"),
        replicates=loaded.get("replicates"),
    )


def read_explorer(path: Path) -> dict[str, Any]:
    """Images beside maps, as `bandprobe.explorer.pictures.draw_pictures` gives them.

    Raises
    ------
    StoreError
        If the file is missing or damaged.
    """
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _missing(path, error) from error
    return found


def _load(path: Path) -> xr.Dataset:
    try:
        return xr.load_dataset(path, engine="h5netcdf")
    except (OSError, ValueError) as error:
        raise _missing(path, error) from error


def _flags(path: Path) -> pd.DataFrame:
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise _missing(path, error) from error


def _missing(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"cannot read {path}",
        found=error,
        hint="make it with the workflow: snakemake --cores all",
    )


def _scored(
    targets: Path, interventions: xr.Dataset
) -> tuple[dict[str, str], dict[tuple[str, str], Mapping[str, float]]]:
    """Weights of each model, and what each readout was scored on, from one target each."""
    weights: dict[str, str] = {}
    scored: dict[tuple[str, str], Mapping[str, float]] = {}
    for model, layers in json.loads(interventions.attrs["layers"]).items():
        for readout in map(str, interventions["readout"].to_numpy()):
            record = _one_record(targets / model / layers[0] / readout)
            if record is not None:
                scored[model, readout] = {name: record[name] for name in SCORED}
                weights[model] = str(record["provenance"].get("weights_sha256", ""))
    return weights, scored


def _one_record(folder: Path) -> dict[str, Any] | None:
    """Any target of a layer's readout; the fields that are needed are the same in all."""
    path = next(iter(sorted(folder.glob("*/*.json"))), None)
    if path is None:
        return None
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _missing(path, error) from error
    return record


def _splits(manifest: Path) -> list[dict[str, Any]]:
    table = pq.read_table(manifest, columns=["split", "image", "group", "label"]).to_pandas()
    return [
        {
            "split": str(split),
            "samples": len(rows),
            "images": rows["image"].nunique(),
            "groups": rows["group"].nunique(),
            "classes": rows["label"].nunique(),
        }
        for split, rows in table.groupby("split", sort=False)
    ]


def _class_names(manifest: Path) -> list[str]:
    table = pq.read_table(manifest, columns=["label", "class_name"]).to_pandas()
    return [str(name) for name in table.drop_duplicates("label").sort_values("label")["class_name"]]


def _digests(folder: Path, config: Mapping[str, Any]) -> dict[str, str]:
    """SHA-256 of the manifest and of every store of features, as written by their stages."""
    names = [relative(Paths.MANIFEST)]
    for model, spec in config["models"].items():
        for number, _ in enumerate(spec["layers"]):
            passname = f"pass-{number}"
            names += [
                relative(Paths.FEATURES, model=model, passname=passname, split=split)
                for split in SPLITS
            ]
    return {
        name: read_digest(folder / name) for name in names if digest_path(folder / name).is_file()
    }
