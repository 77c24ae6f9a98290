"""The words and tables of the report, as plain data made from the summaries."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr

from bandprobe.base.glossary import GLOSSARY
from bandprobe.fourier.bands import Bands
from bandprobe.report.findings import (
    Tally,
    cell_table,
    flags_by_cell,
    mode_counts,
    model_lines,
    number,
    passing,
    span,
)
from bandprobe.report.parts import part_table
from bandprobe.report.replicates import replicate_table
from bandprobe.scoring.flags import (
    DISAGREE,
    FLAG_MEANINGS,
    MISSING,
    NO_BETTER_THAN_CHANCE,
    STRUCTURAL,
)
from bandprobe.summary.names import CONTROLS, PLURALS, POPULATIONS
from bandprobe.summary.verdict import removal_mode

FORCED, ABSENT, CAUTION = "forced", "no number", "caution"


@dataclass(frozen=True)
class Facts:
    """What is not in the summaries: images, and digests of what was read.

    Attributes
    ----------
    splits : sequence of mapping
        `split`, `samples`, `images`, `groups`, `classes`.
    class_names : sequence of str
    digests : mapping
        SHA-256 of each file or store.
    weights : mapping
        SHA-256 of each model's weights, or the word in its place if there are none.
    scored : mapping
        For each (model, readout): `n_samples`, `n_groups`, `n_units`, `n_units_effective`,
        `n_classes`, `chance`.
    map_checks : sequence of mapping
        As of `bandprobe.report.map_checks.map_check_rows`.
    """

    splits: Sequence[Mapping[str, Any]] = ()
    class_names: Sequence[str] = ()
    digests: Mapping[str, str] = field(default_factory=dict)
    weights: Mapping[str, str] = field(default_factory=dict)
    scored: Mapping[tuple[str, str], Mapping[str, float]] = field(default_factory=dict)
    map_checks: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Results:
    """What a page is made of; `figures` are the names of the figures stored beside it."""

    dataset: str
    interventions: xr.Dataset
    spectra: xr.Dataset
    probes: xr.Dataset | None
    shapley: xr.Dataset | None
    flags: pd.DataFrame
    config: Mapping[str, Any]
    figures: Sequence[str]
    facts: Facts
    parts: xr.Dataset | None = None
    replicates: xr.Dataset | None = None

    @property
    def level(self) -> float:
        """Level of all intervals."""
        return float(self.config["statistics"]["level"])

    @property
    def unit(self) -> str:
        """What counts as independent in intervals and tests."""
        return str(self.interventions.attrs["unit"])

    @property
    def layers(self) -> dict[str, list[str]]:
        """Layers of each model, in the order of the study."""
        layers: dict[str, list[str]] = json.loads(self.interventions.attrs["layers"])
        return layers


def page_context(results: Results) -> dict[str, Any]:
    """Everything that the page shows without a script."""
    cells = cell_table(results.interventions)
    findings = passing(
        results.interventions,
        results.flags,
        results.config["modes"],
        level=results.level,
        figures=results.figures,
    )
    lowest = str(results.interventions["band"].to_numpy()[0])
    return {
        "dataset": results.dataset,
        "level": f"{100 * results.level:g} %",
        "resamples": results.config["statistics"]["resamples"],
        "units": PLURALS[results.unit],
        "population": POPULATIONS[results.unit],
        "models": model_rows(results),
        "networks": [
            name
            for name in results.layers
            if results.config["models"].get(name, {}).get("architecture") != "pixels"
        ],
        "map_checks": results.facts.map_checks,
        "bands": band_rows(results.config["bands"]),
        "task": task_sentence(results),
        "in_cycles": Bands.from_spec(results.config["bands"]).in_cycles,
        "modes": [{"name": name, **spec} for name, spec in results.config["modes"].items()],
        "readouts": readout_rows(cells, results.facts.scored, results.layers),
        "splits": results.facts.splits,
        "class_names": results.facts.class_names,
        "digests": results.facts.digests,
        "versions": versions(results.interventions),
        "codes": code_digests(results),
        "flags": flag_groups(results.flags),
        "unflagged": len(cells) - len(flags_by_cell(results.flags)),
        "n_targets": len(cells),
        "counts": mode_counts(
            results.interventions, results.flags, results.config["modes"], results.level
        ),
        "findings": findings,
        "lines": model_lines(findings, results.layers, lowest),
        "controls": {name: label for name, (label, _) in CONTROLS.items()},
        "checks": checks(results, cells),
        "has_probes": results.probes is not None,
        "has_shapley": results.shapley is not None,
        "parts": part_table(results.parts),
        "replicates": replicate_table(
            results.replicates, results.flags, removal_mode(results.config["modes"])
        ),
        "figures": list(results.figures),
        "glossary": GLOSSARY,
    }


def model_rows(results: Results) -> list[dict[str, Any]]:
    """Each model with its weights and layers; a layer with the size of its grid."""
    bins = results.interventions["bins"].sum("band")
    rows = []
    for model, layers in results.layers.items():
        spec = results.config["models"].get(model, {})
        size = spec.get("preprocess", {}).get("size")
        rows.append(
            {
                "name": model,
                "architecture": spec.get("architecture", ""),
                "weights": "random" if spec.get("untrained") else spec.get("weights", "none"),
                "weights_sha256": results.facts.weights.get(model, ""),
                "size": " x ".join(map(str, size)) if size else "the network's own",
                "layers": [
                    {"name": layer, "bins": int(bins.sel(model=model, layer=layer))}
                    for layer in layers
                ],
            }
        )
    return rows


def task_sentence(results: Results) -> str:
    """What the readouts tell apart, of how many images, what chance is, and what the bands are."""
    counts = {row["split"]: row["samples"] for row in results.facts.splits}
    chances = {facts["chance"] for facts in results.facts.scored.values() if "chance" in facts}
    text = ""
    if results.facts.class_names and {"train", "eval"} <= counts.keys():
        classes = len(results.facts.class_names)
        chance = f" (chance: {number(chances.pop())})" if len(chances) == 1 else ""
        text = (
            f"Readouts tell {classes} classes apart{chance}; they are trained on {counts['train']} "
            f"images and scored on {counts['eval']} others. "
        )
    bands = Bands.from_spec(results.config["bands"])
    rows = band_rows(results.config["bands"])
    edges = ", ".join(f"{row['name']} to {row['high']}" for row in rows[:-1])
    edges = f"{edges}, {rows[-1]['name']} above" if edges else rows[-1]["name"]
    if bands.in_cycles:
        return f"{text}Bands, in cycles per image: {edges}."
    return (
        f"{text}Bands, by radial frequency with Nyquist = 1 on each axis: {edges}. In layers of "
        "different resolution the same band is a different number of cycles per image."
    )


def band_rows(bands: Mapping[str, Any]) -> list[dict[str, str]]:
    """Each band with its edges, in their unit."""
    partition = Bands.from_spec(bands)
    intervals = [partition.interval(number) for number in range(len(partition))]
    return [
        {"name": name, "low": f"{low:g}", "high": "" if high == inf else f"{high:.4g}"}
        for name, (low, high) in zip(partition.names, intervals, strict=True)
    ]


def readout_rows(
    cells: pd.DataFrame,
    scored: Mapping[tuple[str, str], Mapping[str, float]],
    layers: Mapping[str, Sequence[str]],
) -> list[dict[str, Any]]:
    """Each readout's clean accuracy at each layer, in their order, with interval and chance."""
    axes = ["model", "layer", "readout"]
    # A table of several models has the layers of all of them, in an order that need not be theirs.
    order = [(model, layer) for model, names in layers.items() for layer in names]
    places = {pair: place for place, pair in enumerate(order)}
    found = cells.drop_duplicates(axes).to_dict("records")
    rows = []
    for row in sorted(found, key=lambda one: places[str(one["model"]), str(one["layer"])]):
        facts = scored.get((str(row["model"]), str(row["readout"])), {})
        chance = facts.get("chance")
        rows.append(
            {
                **{axis: str(row[axis]) for axis in axes},
                "clean": number(row["clean_top1"]),
                "interval": span(row["clean_top1_low"], row["clean_top1_high"]),
                "images": facts.get("n_samples"),
                "groups": facts.get("n_groups"),
                "units": units_text(facts),
                "chance": number(chance) if chance is not None else "",
            }
        )
    return rows


def units_text(facts: Mapping[str, float]) -> str:
    """How many independent units there are, and how many of equal size they are worth."""
    if not facts:
        return ""
    count, worth = facts["n_units"], facts["n_units_effective"]
    return f"{count}" if worth > count - 0.05 else f"{count}, worth {worth:.1f}"


def versions(interventions: xr.Dataset) -> dict[str, str]:
    """Versions of the libraries that made the summary."""
    libraries: dict[str, str] = json.loads(interventions.attrs.get("versions", "{}"))
    return {"bandprobe": interventions.attrs.get("bandprobe_version", "unknown"), **libraries}


def code_digests(results: Results) -> dict[str, str]:
    """Digests of the code that made each summary."""
    tables = {
        "interventions": results.interventions,
        "spectra": results.spectra,
        "probes": results.probes,
        "shapley": results.shapley,
        "parts": results.parts,
        "replicates": results.replicates,
    }
    return {
        name: str(table.attrs.get("code_digest", ""))
        for name, table in tables.items()
        if table is not None
    }


def kind_of(flag: str) -> str:
    """What a flag says of a value: that it is forced, that it is missing, or to take care."""
    return FORCED if flag in STRUCTURAL else ABSENT if flag in MISSING else CAUTION


def flag_groups(flags: pd.DataFrame) -> list[dict[str, Any]]:
    """Each flag with its meaning, and where it occurs, by readout and mode."""
    groups = []
    for flag, rows in flags.groupby("flag", sort=False):
        where = [
            {
                "readout": readout,
                "mode": mode,
                "count": len(part),
                "bands": ", ".join(dict.fromkeys(part["band"].astype(str))),
                "layers": len(part[["model", "layer"]].drop_duplicates()),
            }
            for (readout, mode), part in rows.groupby(["readout", "mode"], sort=False)
        ]
        name = str(flag)
        groups.append(
            {
                "flag": name,
                "kind": kind_of(name),
                "meaning": FLAG_MEANINGS.get(name, ""),
                "count": len(rows),
                "where": where,
            }
        )
    order = {FORCED: 0, ABSENT: 1, CAUTION: 2}
    return sorted(groups, key=lambda group: (order[group["kind"]], -group["count"]))


def checks(results: Results, cells: pd.DataFrame) -> dict[str, Any]:
    """Numbers that check the results."""
    # Modes that do the same to a band are one test.
    tested = cells["distinct"] == 1
    alpha = 1 - results.level
    weak = results.flags[results.flags["flag"] == NO_BETTER_THAN_CHANCE]
    return {
        "disagree": int((results.flags["flag"] == DISAGREE).sum()),
        "at_chance": len(weak[["model", "layer", "readout"]].drop_duplicates()),
        "readouts": len(cells.drop_duplicates(["model", "layer", "readout"])),
        "tested": int(tested.sum()),
        "repeats": int((cells["distinct"] == 0).sum()),
        "levels": int((cells["p_levels"][tested] < alpha).sum()),
        "unreachable": int((cells["p_smallest"] * cells["n_tests"] >= alpha)[tested].sum()),
        "alpha": f"{alpha:.3g}",
        "raw": int((cells["p_value"][tested] < alpha).sum()),
        "holm": int((cells["p_holm"][tested] < alpha).sum()),
        "bh": int((cells["p_bh"][tested] < alpha).sum()),
        "share_error": f"{share_error(results.spectra):.1g}",
        "controls": [control_tally(cells, name, masks) for name, (_, masks) in CONTROLS.items()],
        "permuted": permuted_rows(results.probes),
    }


def share_error(spectra: xr.Dataset) -> float:
    """Largest deviation from 1 of the sum of the shares of all bands of a layer."""
    total = spectra["share"].sum("band", min_count=1).to_numpy()
    return float(np.nanmax(np.abs(total - 1), initial=0.0))


def control_tally(cells: pd.DataFrame, control: str, text: str) -> dict[str, Any]:
    """In how many cells a band's drop in accuracy differs from that of its random masks."""
    name = f"{control}_top1_drop_excess"
    rows = cells[(cells["structural"] == 0) & cells[f"{name}_low"].notna()]
    tally = Tally.of(rows[f"{name}_low"], rows[f"{name}_high"])
    return {"text": text, "cells": tally.cells, "differ": tally.away_from_zero}


def permuted_rows(probes: xr.Dataset | None) -> list[dict[str, str]]:
    """Accuracy of readouts fitted on permuted labels, expected at chance, by readout."""
    if probes is None or not bool(probes["permuted_accuracy"].notnull().any()):
        return []
    chance = float(probes.attrs["chance"])
    rows = []
    for readout in map(str, probes["readout"].to_numpy()):
        part = probes.sel(readout=readout)
        rows.append(
            {
                "readout": readout,
                "mean": number(float(part["permuted_accuracy"].mean())),
                "highest": number(float(part["permuted_highest"].max())),
                "chance": number(chance),
            }
        )
    return rows
