"""Results of a study that was never run: real shapes, flags and names, made-up numbers.

For the report's tests and its benchmark. Which cells are forced or missing follows from the rules
of `bandprobe.scoring.flags`; effects fall with frequency and grow with depth, so that there is
something to see.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import xarray as xr
import yaml

from bandprobe.data.manifest import write_table
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode
from bandprobe.report.context import Facts, Results
from bandprobe.scoring.fields import EFFECTS, SHARES, control_fields, mask_fields
from bandprobe.scoring.flags import (
    CONTROL_IS_BAND,
    EMPTY_BAND,
    NO_BETTER_THAN_CHANCE,
    NOT_DEFINED,
    NOTHING_LEFT,
)
from bandprobe.scoring.forced import structural_by_rule
from bandprobe.store.digests import write_digest
from bandprobe.store.provenance import provenance
from bandprobe.summary.interventions import flag_table, interventions_dataset
from bandprobe.summary.spectra import FIXED, MEANS, WITHOUT_DC, spectra_dataset, write_curves
from bandprobe.summary.tables import layer_order, write_summary

BANDS = Bands(
    ("ultra-low", "very-low", "low", "mid", "high", "very-high", "ultra-high"),
    (0.05, 0.15, 0.3, 0.5, 0.7, 0.9),
)
MODES: Mapping[str, Mapping[str, Any]] = {
    "remove": {"kind": "remove", "fill": "zero"},
    "remove-mean": {"kind": "remove", "fill": "mean"},
    "isolate-mean": {"kind": "isolate", "fill": "mean"},
    "lowpass": {"kind": "lowpass", "fill": "mean"},
    "resample": {"kind": "resample", "draws": 2},
    "perturb": {"kind": "phase", "draws": 2},
    "noise": {"kind": "noise"},
}
DEFAULTS = {"fill": "zero", "draws": 1, "seed": 0, "strength": 1.0}
READOUTS = ("map", "pooled", "energy", "refit")
REFIT_MODES = ("remove-mean", "isolate-mean")
CHANCE = 0.05
SUFFIXES = ("", "_low", "_high")


@dataclass(frozen=True)
class Shape:
    """Layers of each model with the height of their square grids, and what else there is."""

    models: Mapping[str, Mapping[str, int]]
    dataset: str = "made-up"
    class_names: Sequence[str] = ("cat", "dog")
    effect: float = 0.6
    seed: int = 0


def study_results(shape: Shape) -> Results:
    """Everything that a report is made of."""
    generator = np.random.default_rng(shape.seed)
    layers = {model: list(found) for model, found in shape.models.items()}
    axes = {
        "layers": layers,
        "readouts": READOUTS,
        "modes": list(MODES),
        "bands": BANDS.names,
        "networks": [model for model in layers if model != "pixels"],
    }
    records = study_records(shape, generator)
    facts = provenance("made up", axes)
    return Results(
        dataset=shape.dataset,
        interventions=interventions_dataset(records, axes).assign_attrs(facts),
        spectra=spectra_dataset(
            {
                (model, layer): _spectrum(size, generator)
                for model, found in shape.models.items()
                for layer, size in found.items()
            }
        ).assign_attrs(facts),
        probes=_probes(layers).assign_attrs(facts),
        shapley=_shapley(shape, layers, generator).assign_attrs(facts),
        flags=flag_table(records),
        config=_config(shape, layers),
        figures=[f"{score}_{readout}" for score in ("top1_drop",) for readout in READOUTS],
        facts=Facts(
            splits=[{"split": "eval", "samples": 48, "images": 48, "groups": 12, "classes": 2}],
            class_names=shape.class_names,
            digests={"manifest.parquet": "0" * 64},
            weights=dict.fromkeys(layers, "1" * 64),
            scored={(m, r): _general(0.5) for m in layers for r in READOUTS},
        ),
    )


def study_records(shape: Shape, generator: np.random.Generator) -> list[dict[str, Any]]:
    """One record a target, as in its file."""
    records = []
    for model, layers in shape.models.items():
        for depth, (layer, size) in enumerate(layers.items()):
            bins = BANDS.on_grid(size, size).counts
            for readout in READOUTS:
                # The first layer of the first model is no better than chance with pooled values.
                weak = readout == "pooled" and depth == 0 and len(layers) > 1
                clean = CHANCE if weak else 0.5 + 0.4 * (depth + 1) / len(layers)
                for name, spec in MODES.items():
                    mode = Mode.from_spec({"name": name, **spec})
                    where = {"dataset": shape.dataset, "model": model, "layer": layer}
                    where |= {"readout": readout, "mode": name}
                    rules = structural_by_rule(readout, mode, bins)
                    for band, rule in enumerate(rules):
                        own = _record(readout, name, bins, band, rule, clean, shape, generator)
                        records.append(where | own)
    return records


def _general(clean: float) -> dict[str, Any]:
    return {
        "n_samples": 48,
        "n_groups": 12,
        "unit": "group",
        "n_units": 12,
        "n_units_effective": 12.0,
        "degrees_of_freedom": 11.0,
        "level": 0.95,
        "p_smallest": 2 * 0.5**12,
        "n_classes": 20,
        "chance": CHANCE,
        "clean_top1": clean,
        "clean_top1_ci": [max(0.0, clean - 0.08), clean + 0.08],
        "clean_top5": min(1.0, clean + 0.1),
        "clean_rank": 3.0,
        "clean_margin": 0.5,
    }


def _record(
    readout: str,
    mode: str,
    bins: np.ndarray,
    band: int,
    rule: str | None,
    clean: float,
    shape: Shape,
    generator: np.random.Generator,
) -> dict[str, Any]:
    undefined = readout == "refit" and mode not in REFIT_MODES
    flags = [rule] if rule and not undefined else []
    flags += [EMPTY_BAND] if not bins[band] else []
    flags += [NOT_DEFINED] if undefined else []
    flags += [CONTROL_IS_BAND] if band == 0 and bins[0] == 1 and not undefined else []
    flags += [NO_BETTER_THAN_CHANCE] if clean <= CHANCE else []
    record = {"band": BANDS.names[band], "bins": int(bins[band]), **_general(clean), "flags": flags}
    record["top1_drop_error"] = 0.02
    record["intervention"] = f"{mode} {BANDS.names[band]}"
    fields = [*EFFECTS, *control_fields(), "p_value", "mcnemar_p", "top1", "top5", "rank", "margin"]
    named = (*SHARES, *EFFECTS, *control_fields())
    record |= dict.fromkeys([*fields, *mask_fields()]) | {f"{name}_ci": None for name in named}
    if undefined or not bins[band]:
        return record
    drop = shape.effect * clean * np.exp(-band) * generator.uniform(0.5, 1.2)
    drop = float(clean - CHANCE if rule == NOTHING_LEFT else 0.0 if rule else drop)
    width = 0.0 if rule else float(generator.uniform(0.02, 0.08))
    noise = 0.0 if rule else float(generator.normal(0, 0.02))
    for effect, scale in zip(EFFECTS, (1, 0.5, 12, 0.8), strict=True):
        record[effect] = scale * (drop + noise)
        record[f"{effect}_ci"] = [scale * (drop + noise - width), scale * (drop + noise + width)]
    if readout in ("map", "pooled") and mode not in ("perturb", "noise"):
        for field in control_fields():
            value = 0.1 * drop if field.endswith("_excess") else 0.9 * drop
            record[field], record[f"{field}_ci"] = value, [value - width, value + width]
    shown = abs(drop + noise) > width
    record |= {"top1": clean - record["top1_drop"], "top5": 0.6, "rank": 3 + 12 * drop}
    for name in SHARES:
        ends = record[name] + np.array([-0.1, 0.1]) * (width > 0)
        record[f"{name}_ci"] = ends.clip(0, 1).tolist()
    return record | {"margin": 0.5 - drop, "p_value": 1e-7 if shown else 0.4, "mcnemar_p": 0.5}


def _spectrum(size: int, generator: np.random.Generator) -> xr.Dataset:
    counts = BANDS.on_grid(size, size).counts
    sizes = {"band": len(BANDS), "radius": size // 2 + 1, "diagonal": max(1, size // 2)}
    fixed = {
        "bins": counts.astype(float),
        "bins_without_dc": counts - np.eye(1, len(BANDS))[0],
        "frequency": np.linspace(0, 1, sizes["radius"]),
        "cycles_per_image": np.linspace(0, size / 2, sizes["radius"]),
        "diagonal_frequency": np.linspace(0, 0.95, sizes["diagonal"]),
    }
    share = np.where(counts > 0, np.exp(-np.arange(len(BANDS)) * generator.uniform(0.3, 1)), 0)
    share /= share.sum()
    variables: dict[str, xr.Variable] = {}
    names = [*MEANS, *(f"{name}{WITHOUT_DC}" for name in MEANS if "band" in MEANS[name][0])]
    names += [f"centroid{WITHOUT_DC}", f"centroid_cycles_per_image{WITHOUT_DC}"]
    for name in names:
        dims, _, units = MEANS[name.removesuffix(WITHOUT_DC)]
        if dims == ("band",):
            values: Any = share
        elif name == "delta_log_amplitude":
            values = -3 * fixed["diagonal_frequency"]
        elif dims:
            values = 100 / (1 + 50 * fixed["frequency"] ** 2)
        else:
            values = float(generator.uniform(0.1, 0.5))
        for end, factor in zip(SUFFIXES, (1, 0.9, 1.1), strict=True):
            variables[name + end] = xr.Variable(dims, np.asarray(values) * factor, {"units": units})
    for name, (dims, _, units) in FIXED.items():
        variables[name] = xr.Variable(dims, fixed[name], {"units": units})
    attrs = {"note": "", "window": "none", "unit": "group"}
    return xr.Dataset(variables, {"band": list(BANDS.names)}, attrs)


def _probes(layers: Mapping[str, list[str]]) -> xr.Dataset:
    labels = {
        "model": list(layers),
        "layer": list(dict.fromkeys(layer for found in layers.values() for layer in found)),
        "readout": ["map", "pooled", "energy"],
    }
    shape = tuple(map(len, labels.values()))
    values = {"permuted_accuracy": 0.051, "permuted_highest": 0.11, "penalty_chosen": 1.0}
    variables = {name: (tuple(labels), np.full(shape, value)) for name, value in values.items()}
    return xr.Dataset(variables, labels, layer_order(layers) | {"chance": CHANCE})


def _shapley(
    shape: Shape, layers: Mapping[str, list[str]], generator: np.random.Generator
) -> xr.Dataset:
    labels = {
        "model": list(layers),
        "layer": list(dict.fromkeys(layer for found in layers.values() for layer in found)),
        "readout": ["map", "pooled", "energy"],
        "band": list(BANDS.names),
    }
    dims, size = tuple(labels), tuple(map(len, labels.values()))
    values = generator.normal(0.05, 0.08, size)
    bins = np.full(size, np.nan)
    for model, found in shape.models.items():
        for layer, height in found.items():
            at = labels["model"].index(model), labels["layer"].index(layer)
            bins[at] = BANDS.on_grid(height, height).counts
    blind = np.zeros(size)
    blind[:, :, 1, 1:] = 1
    variables = {
        f"{score}{end}": (dims, values + shift)
        for score in ("accuracy", "margin")
        for end, shift in zip(SUFFIXES, (0.0, -0.04, 0.04), strict=True)
    }
    variables |= {"bins": (dims, bins), "structural": (dims, blind * (bins > 0))}
    return xr.Dataset(variables, labels, layer_order(layers))


def _config(shape: Shape, layers: Mapping[str, list[str]]) -> dict[str, Any]:
    return {
        "datasets": {shape.dataset: {"kind": "imagefolder", "root": "images"}},
        "models": {
            model: {
                "architecture": model if model == "pixels" else f"timm/{model}",
                "weights": "random",
                "layers": [found],
            }
            for model, found in layers.items()
        },
        "bands": {"names": list(BANDS.names), "edges": list(BANDS.edges)},
        "modes": {name: {**DEFAULTS, **spec} for name, spec in MODES.items()},
        "statistics": {"resamples": 2000, "level": 0.95, "seed": 0},
    }


def write_study(folder: Path, results: Results) -> None:
    """Write the files that a report is made from, as the workflow leaves them."""
    summary = folder / "summary"
    tables = {
        "interventions": results.interventions,
        "spectra": results.spectra,
        "probes": results.probes,
        "shapley": results.shapley,
    }
    for name, table in tables.items():
        if table is not None:
            write_summary(table, summary / f"{name}.nc", summary / f"{name}.csv", {})
    write_curves(
        results.spectra, summary / "spectra_profiles.csv", summary / "spectra_diagonal.csv"
    )
    results.flags.to_csv(summary / "flags.csv", index=False)
    (folder / "config.yaml").write_text(yaml.safe_dump(dict(results.config), sort_keys=False))
    names = list(results.facts.class_names)
    columns = {"image": [f"{name}.png" for name in names], "label": [*range(len(names))]}
    columns |= {"class_name": names, "group": [*range(len(names))], "split": ["eval"] * len(names)}
    write_table(folder / "manifest.parquet", pa.table(columns))
    record = _general(0.5) | {"provenance": {"weights_sha256": "1" * 64}}
    for model, layers in results.layers.items():
        for layer in layers:
            write_digest_of(folder / "features" / model / "pass-0" / "eval.zarr")
            for readout in READOUTS:
                path = folder / "targets" / model / layer / readout / "remove" / "ultra-low.json"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(json.dumps(record))


def write_digest_of(path: Path) -> None:
    """Write a digest for a store that does not exist."""
    path.mkdir(parents=True, exist_ok=True)
    write_digest(path)
