"""A layer from its maps to the records of its targets, through the files of every stage."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.features.spectra import write_spectra
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import COEFFICIENTS, KEEPING, Mode
from bandprobe.interventions.linear_modes import write_linear_modes
from bandprobe.interventions.perturb import write_perturbed
from bandprobe.interventions.targets import write_targets
from bandprobe.probes.fit import Splits
from bandprobe.probes.layer import fit_layer
from bandprobe.probes.settings import FitBands, FitSettings, MaskSettings
from bandprobe.probes.split import split_layer
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.zarr_store import Store, Variable, write_store

ADDITIVE = ("map", "pattern", "pooled", "energy")
PENALTIES = (1e-4, 1e-2, 1.0, 100.0)
Records = dict[str, list[dict[str, Any]]]


def write_maps(
    path: Path,
    maps: np.ndarray,
    labels: np.ndarray,
    groups: np.ndarray | None = None,
    source: int = 224,
) -> None:
    """Features of one split, of a layer named `layer`; images had `source` x `source` pixels."""
    rows = np.arange(len(maps))
    facts = {"sample": rows, "label": labels, "group": rows if groups is None else groups}
    facts |= {f"source_{side}": np.full(len(maps), float(source)) for side in ("height", "width")}
    variables = {"layer": Variable(("sample", "channel", "y", "x"), maps)}
    coordinates = {name: Variable(("sample",), values) for name, values in facts.items()}
    write_store(path, variables, coordinates, {"weights_sha256": "abc"})


def layer_records(
    folder: Path,
    train: np.ndarray,
    evaluation: np.ndarray,
    labels: tuple[np.ndarray, np.ndarray],
    bands: Bands,
    modes: Sequence[Mode],
    readouts: Sequence[str] = (*ADDITIVE, "refit"),
    draws: int = 0,
    penalties: tuple[float, ...] = PENALTIES,
    source: int = 224,
    outside: int = 0,
) -> Records:
    """Records of every target of a layer, by `<readout>/<mode>`, in the order of the bands."""
    for name, maps, of_split in zip(("train", "eval"), (train, evaluation), labels, strict=True):
        write_maps(folder / f"{name}.zarr", maps, of_split, source=source)
    stores = (Store(folder / f"{name}.zarr") for name in ("train", "eval"))
    names = [str(label) for label in range(int(labels[0].max()) + 1)]
    folds = np.random.default_rng(1).permutation(len(train)) % 4
    splits = Splits(*stores, "layer", folds, names, FitSettings(penalties, "ridge", 0, 0))
    probes = {name: folder / "probes" / f"{name}.zarr" for name in readouts}
    kinds = tuple(dict.fromkeys(mode.kind for mode in modes if mode.kind in KEEPING))
    fit_layer(splits, probes, FitBands(bands.names, bands.edges, kinds, bands.unit), code="digest")
    additive = [name for name in readouts if name in ADDITIVE]
    logits = [folder / "logits" / f"{name}.zarr" for name in additive]
    features, masks = folder / "eval.zarr", folder / "masks.zarr"
    kept = [mode for mode in modes if mode.kind in ("remove", "isolate")]
    of_masks = tuple(dict.fromkeys(f"{mode.kind}/{mode.fill}" for mode in kept))
    settings = MaskSettings(draws, 0, outside, of_masks) if draws or outside else None
    of_probe = dict(zip([probes[name] for name in additive], logits, strict=True))
    drawn = masks if draws else None
    changes = [f"{mode.kind}/{mode.fill}" for mode in modes if mode.kind in KEEPING]
    if additive:
        split_layer(of_probe, features, "layer", bands, drawn, settings, changes, code="digest")
    linear = [mode for mode in modes if mode.kind not in COEFFICIENTS]
    outputs = [folder / "outcomes" / name / f"{m.name}.zarr" for name in additive for m in linear]
    refitted = {
        mode.name: folder / "outcomes" / "refit" / f"{mode.name}.zarr"
        for mode in modes
        if mode.kind in KEEPING and "refit" in readouts
    }
    write_linear_modes(
        outputs,
        logits,
        linear,
        refit=probes.get("refit"),
        refit_outputs=refitted,
        fill="mean",
        shapley_outputs=[folder / "shapley" / f"{name}.zarr" for name in additive],
        code="digest",
    )
    outputs += refitted.values()
    for mode in (mode for mode in modes if mode.kind in COEFFICIENTS and additive):
        changed = {path: folder / "outcomes" / path.stem / f"{mode.name}.zarr" for path in logits}
        write_perturbed(
            changed,
            features,
            "layer",
            mode,
            bands,
            probes=list(of_probe),
            masks=[masks] if draws else [],
            code="digest",
        )
        outputs += changed.values()
    axes = {"dataset": "d", "model": "m", "layer": "layer"}
    spectra, bootstrap = folder / "spectra.zarr", IntervalSettings(20, 0.9, 0)
    write_spectra(spectra, features, "layer", bands, code="digest")
    targets = folder / "targets"
    write_targets(targets, outputs, [], axes, bootstrap, spectra=spectra, code="digest")
    return {
        f"{path.parent.name}/{path.stem}": [
            json.loads(
                (folder / "targets" / path.parent.name / path.stem / f"{band}.json").read_text()
            )
            for band in bands.names
        ]
        for path in outputs
    }
