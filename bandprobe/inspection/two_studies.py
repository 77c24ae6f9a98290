"""Two finished studies compared: which targets can be compared, and which differ."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.progress import tracked
from bandprobe.errors import StoreError
from bandprobe.inspection.finished import IMAGE, FinishedStudy, Key
from bandprobe.interventions.outcome_store import read_outcomes
from bandprobe.scoring.cluster_interval import DROP, EXCESS
from bandprobe.scoring.corrections import corrected
from bandprobe.scoring.differences import Difference, paired, unpaired
from bandprobe.scoring.flags import DISAGREE, MISSING, NO_BETTER_THAN_CHANCE, STRUCTURAL
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.scoring.records import SCALES, image_effects

# What a mode does; draws and seed say only how often and with which random numbers.
MEANING = ("kind", "fill", "strength")


@dataclass(frozen=True)
class Compared:
    """One target in two studies.

    Attributes
    ----------
    key : tuple of str
    first, second : dict or None
        Records of the target.
    difference : Difference or None
        None if it is not compared.
    paired : bool
    reason : str
        Why it is not compared; empty if it is.
    notes : tuple of str
    """

    key: Key
    first: Mapping[str, Any] | None
    second: Mapping[str, Any] | None
    difference: Difference | None = None
    paired: bool = False
    reason: str = ""
    notes: tuple[str, ...] = ()
    p_holm: float = float("nan")


@dataclass(frozen=True)
class Comparison:
    """All targets of two studies.

    Attributes
    ----------
    cells : tuple of Compared
    level : float
        Of the intervals.
    same_images, shared_images : bool, int
        Whether both scored the same evaluation images, and how many are in both.
    configuration : dict of str to (first, second)
        Keys of the configurations that differ.
    """

    cells: tuple[Compared, ...]
    level: float
    same_images: bool
    shared_images: int
    configuration: Mapping[str, tuple[Any, Any]]

    @property
    def counted(self) -> list[Compared]:
        """Targets that were compared, the largest differences first."""
        cells = [cell for cell in self.cells if cell.difference is not None]
        return sorted(cells, key=lambda cell: -cell.difference.strength)  # type: ignore[union-attr]

    @property
    def reasons(self) -> Counter[str]:
        """How many targets were not compared, by reason."""
        return Counter(cell.reason for cell in self.cells if cell.reason)


def compare(first: FinishedStudy, second: FinishedStudy, score: str) -> Comparison:
    """Compare an effect of every target of two studies.

    Parameters
    ----------
    first, second : FinishedStudy
    score : {"top1_drop", "top5_drop", "rank_degradation", "margin_drop"}

    Raises
    ------
    StoreError
        If no target has the same names in both, or their intervals have different levels.
    """
    keys = list(dict.fromkeys([*first.records, *second.records]))
    both = [key for key in keys if key in first.records and key in second.records]
    if not both:
        models = [", ".join(sorted({key[0] for key in study.records})) for study in (first, second)]
        raise StoreError(
            "the studies have no target in common",
            expected="the same names of model, layer, readout, mode and band in both",
            found=f"models {models[0] or 'none'} in A, {models[1] or 'none'} in B",
        )
    level = _level(first, second, both)
    same = bool(first.images) and first.images == second.images
    sets = [{row[: len(IMAGE)] for row in study.images} for study in (first, second)]
    shared = len(sets[0] & sets[1])
    cells = [_cell(key, first, second, score) for key in keys]
    if same:
        cells = list(_with_pairs(cells, first, second, score))
    return Comparison(tuple(_holm(cells)), level, same, shared, _changes(first, second))


def _level(first: FinishedStudy, second: FinishedStudy, keys: Sequence[Key]) -> float:
    levels = [
        {json.loads(study.records[key]["provenance"]["config"])["level"] for key in keys}
        for study in (first, second)
    ]
    if len(levels[0] | levels[1]) > 1:
        raise StoreError(
            "intervals of different levels cannot be compared",
            expected="the same statistics.level in both studies",
            found=f"{sorted(levels[0])} and {sorted(levels[1])}",
        )
    return float(levels[0].pop())


def _cell(key: Key, first: FinishedStudy, second: FinishedStudy, score: str) -> Compared:
    record_a, record_b = first.records.get(key), second.records.get(key)
    if record_a is None or record_b is None:
        only = "B" if record_a is None else "A"
        return Compared(key, record_a, record_b, reason=f"only in {only}")
    reason = _obstacle(key, first, second)
    if reason:
        return Compared(key, record_a, record_b, reason=reason)
    ends = [tuple(record[f"{score}_ci"]) for record in (record_a, record_b)]
    notes = [
        f"clean accuracy of {name} at chance"
        for name, record in (("A", record_a), ("B", record_b))
        if NO_BETTER_THAN_CHANCE in record["flags"]
    ]
    difference = unpaired(record_a[score], ends[0], record_b[score], ends[1])
    return Compared(key, record_a, record_b, difference, notes=tuple(notes))


def _obstacle(key: Key, first: FinishedStudy, second: FinishedStudy) -> str:
    """Why a target of both studies cannot be compared; empty if it can."""
    if any(study.wanted is not None and key not in study.wanted for study in (first, second)):
        return "left over from an earlier configuration of one or both"
    records = [first.records[key], second.records[key]]
    flags = {flag for record in records for flag in record["flags"]}
    if flags & set(MISSING):
        return "N/A: no result in one or both"
    if flags & set(STRUCTURAL):
        return "forced by construction in one or both"
    if DISAGREE in flags:
        return "flagged: rule and numbers disagree"
    if min(record["n_groups"] for record in records) < 2:
        return "a single group of images has no interval"
    if records[0]["n_classes"] != records[1]["n_classes"]:
        return "different number of classes"
    modes = [json.loads(record["provenance"]["mode"]) for record in records]
    if any(modes[0].get(name) != modes[1].get(name) for name in MEANING):
        return "the mode does something different"
    edges = [first.edges(key[4]), second.edges(key[4])]
    known = None not in edges
    if edges[0] != edges[1] if known else records[0]["bins"] != records[1]["bins"]:
        return "the band has different edges"
    return ""


def _with_pairs(
    cells: Sequence[Compared], first: FinishedStudy, second: FinishedStudy, score: str
) -> Iterator[Compared]:
    """Paired differences where both studies have the outcomes of the same images."""
    modes = [list(group) for _, group in groupby(cells, key=lambda cell: cell.key[:4])]
    for mode in tracked(modes, len(modes), "modes", "comparing"):
        able = [cell for cell in mode if cell.difference is not None]
        pairs = _pairs(able[0].key, first, second, score) if able else {}
        for cell in mode:
            difference = pairs.get(cell.key[4]) if cell.difference else None
            if difference is None:
                yield cell
            else:
                yield replace(cell, difference=difference, paired=True)


def _pairs(
    key: Key, first: FinishedStudy, second: FinishedStudy, score: str
) -> dict[str, Difference]:
    """Paired differences of every band of one mode; empty if outcomes are missing."""
    paths = [first.outcomes(key), second.outcomes(key)]
    if not all((path / "zarr.json").is_file() for path in paths):
        return {}
    (outcomes_a, bands_a, _), (outcomes_b, bands_b, _) = (read_outcomes(path) for path in paths)
    positions = [study.positions(path) for study, path in zip((first, second), paths, strict=True)]
    alike = positions[0] == positions[1] and _same_parts(outcomes_a.group, outcomes_b.group)
    common = [band for band in bands_a if band in bands_b]
    if not alike or not common:
        return {}
    effects = [
        image_effects(outcomes)[score][[bands.index(band) for band in common]]
        for outcomes, bands in ((outcomes_a, bands_a), (outcomes_b, bands_b))
    ]
    settings = IntervalSettings(**json.loads(first.records[key]["provenance"]["config"]))
    units = settings.units(outcomes_a.label, outcomes_a.group)
    scale = EXCESS if SCALES[score] is DROP else SCALES[score]
    differences = paired(effects[0], effects[1], units, settings, scale)
    return dict(zip(common, differences, strict=True))


def _same_parts(first: NDArray[np.integer], second: NDArray[np.integer]) -> bool:
    """Whether two numberings divide the images into the same groups."""
    pairs = len(np.unique(np.stack([first, second]), axis=1).T)
    return pairs == len(np.unique(first)) == len(np.unique(second))


def _holm(cells: Sequence[Compared]) -> list[Compared]:
    """The exact tests of the pairs, corrected over all of them."""
    p_values = np.array([cell.difference.p_value if cell.difference else np.nan for cell in cells])
    if not np.isfinite(p_values).any():
        return list(cells)
    return [
        replace(cell, p_holm=float(value))
        for cell, value in zip(cells, corrected(p_values, "holm"), strict=True)
    ]


def _changes(first: FinishedStudy, second: FinishedStudy) -> dict[str, tuple[Any, Any]]:
    """Keys of the configurations that differ, nested ones with dots."""
    flat = [dict(_flat(study.config)) for study in (first, second)]
    names = dict.fromkeys([*flat[0], *flat[1]])
    return {
        name: (flat[0].get(name), flat[1].get(name))
        for name in names
        if flat[0].get(name) != flat[1].get(name)
    }


def _flat(config: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value
