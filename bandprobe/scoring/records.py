"""From stored outcomes to the record of each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.fields import CONTROL_NAMES, CONTROLLED, EFFECTS, SCORES, control_fields
from bandprobe.scoring.flags import (
    BLIND,
    CONTROL_IS_BAND,
    DISAGREE,
    EMPTY_BAND,
    NO_BETTER_THAN_CHANCE,
    NOT_DEFINED,
)
from bandprobe.scoring.forced import disagreements, structural_by_rule
from bandprobe.scoring.head_flags import READOUTS
from bandprobe.scoring.intervals import Bootstrap, group_sign_test, mcnemar
from bandprobe.scoring.outcomes import ModeOutcomes, Outcomes

HEAD_READOUTS = tuple(READOUTS.values())


def _scores(found: Outcomes) -> dict[str, FloatArray]:
    """By image, each of the shape of the outcomes without draws."""
    by_draw = {
        "top1": found.correct.astype(np.float64),
        "top5": np.where(np.isnan(found.rank), np.nan, found.rank <= 5),
        "rank": found.rank.astype(np.float64),
        "margin": found.margin.astype(np.float64),
    }
    return {name: v.mean(-2) if v.ndim > 1 else v for name, v in by_draw.items()}


def _effects(clean: dict[str, FloatArray], changed: dict[str, FloatArray]) -> dict[str, FloatArray]:
    return {
        "top1_drop": clean["top1"] - changed["top1"],
        "top5_drop": clean["top5"] - changed["top5"],
        "rank_degradation": changed["rank"] - clean["rank"],
        "margin_drop": clean["margin"] - changed["margin"],
    }


def image_effects(found: ModeOutcomes) -> dict[str, FloatArray]:
    """Each effect by band and image, (n_bands, n_samples), averaged over draws."""
    return _effects(_scores(found.clean), _scores(found.changed))


def score_mode(
    found: ModeOutcomes,
    names: Sequence[str],
    readout: str,
    mode: Mode,
    bootstrap: Bootstrap,
) -> list[dict[str, Any]]:
    """The scores of every band of one mode, as the fields of its target files.

    Parameters
    ----------
    found : ModeOutcomes
    names : sequence of str
        Names of the bands.
    readout : str
    mode : Mode
    bootstrap : Bootstrap

    Returns
    -------
    list of dict
        Numbers are None where they do not exist, and `flags` says why.
    """
    clean, changed = _scores(found.clean), _scores(found.changed)
    effects = _effects(clean, changed)
    cells = dict(effects)
    for kind, one in found.controls.items():
        controlled = _effects(clean, _scores(one))
        for effect in CONTROLLED:
            name = f"{CONTROL_NAMES[kind]}_{effect}"
            cells[name] = controlled[effect]
            cells[f"{name}_excess"] = effects[effect] - controlled[effect]
    stacked = np.concatenate([*cells.values(), clean["top1"][None]])
    intervals = bootstrap.intervals(stacked, found.group)
    general = _general(found, clean, intervals[-1])
    tests = {
        "p_value": group_sign_test(effects["top1_drop"], found.group),
        "mcnemar_p": mcnemar(clean["top1"], found.changed.correct.astype(np.float64)),
    }
    reasons = _flags(found, readout, mode, general)
    records = []
    for band, name in enumerate(names):
        record = {"band": name, "bins": int(found.bins[band]), **general}
        record |= {score: _number(changed[score][band].mean()) for score in SCORES}
        for effect in [*EFFECTS, *control_fields()]:
            record[effect] = record[f"{effect}_ci"] = None
        for row, (effect, values) in enumerate(cells.items()):
            record[effect] = _number(values[band].mean())
            record[f"{effect}_ci"] = intervals[row * len(names) + band]
        record |= {test: _number(values[band]) for test, values in tests.items()}
        records.append(record | {"flags": reasons[band]})
    return records


def _general(
    found: ModeOutcomes, clean: dict[str, FloatArray], interval: list[float] | None
) -> dict[str, Any]:
    """What all bands of a mode have in common."""
    return {
        "n_samples": len(found.label),
        "n_groups": len(np.unique(found.group)),
        "n_classes": found.n_classes,
        "chance": 1.0 / found.n_classes,
        "clean_top1": float(clean["top1"].mean()),
        "clean_top1_ci": interval,
        "clean_top5": float(clean["top5"].mean()),
        "clean_rank": float(clean["rank"].mean()),
        "clean_margin": float(clean["margin"].mean()),
    }


def undefined_records(
    found: ModeOutcomes, names: Sequence[str], bootstrap: Bootstrap
) -> list[dict[str, Any]]:
    """Records of a mode that a readout has no result under; `found` is of another of its modes."""
    clean = _scores(found.clean)
    (interval,) = bootstrap.intervals(clean["top1"][None], found.group)
    general = _general(found, clean, interval)
    fields = [*SCORES, "p_value", "mcnemar_p"]
    for effect in [*EFFECTS, *control_fields()]:
        fields += [effect, f"{effect}_ci"]
    records = []
    for band, name in enumerate(names):
        flags = [NOT_DEFINED] + ([EMPTY_BAND] if not found.bins[band] else [])
        flags += [NO_BETTER_THAN_CHANCE] if _at_chance(general) else []
        facts = {"band": name, "bins": int(found.bins[band]), **general}
        records.append(facts | dict.fromkeys(fields) | {"flags": flags})
    return records


def _at_chance(general: dict[str, Any]) -> bool:
    return bool(general["clean_top1_ci"][0] <= general["chance"])


def _flags(
    found: ModeOutcomes, readout: str, mode: Mode, general: dict[str, Any]
) -> list[list[str]]:
    """Reasons for each band, by rule; where the numbers say otherwise, that too."""
    if readout in HEAD_READOUTS:
        # What the rest of a network sees was found, by rule and numerically, when it ran.
        blind = (found.bins > 0) & ~found.sees
        rules: list[str | None] = [BLIND if one else None for one in blind]
        differ = [False] * len(rules)
    else:
        rules = structural_by_rule(readout, mode, found.bins)
        differ = disagreements(found, rules)
    rows = []
    for band, rule in enumerate(rules):
        flags = list(found.flags) if found.bins[band] else [EMPTY_BAND]
        if rule is not None:
            flags.insert(0, rule)
        if differ[band]:
            flags.append(DISAGREE)
        if found.bins[band] == 1 and band == 0 and "equal-bins" in found.controls:
            flags.append(CONTROL_IS_BAND)
        if _at_chance(general):
            flags.append(NO_BETTER_THAN_CHANCE)
        rows.append(flags)
    return rows


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
