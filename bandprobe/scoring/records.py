"""From stored outcomes to the record of each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.fields import CONTROL_NAMES, CONTROLLED, EFFECTS, SCORES, control_fields
from bandprobe.scoring.fit_flags import PENALTY_AT_END
from bandprobe.scoring.flags import (
    ABOVE_SOURCE,
    BELOW_ROUNDING,
    BLIND,
    CONTROL_IS_BAND,
    DISAGREE,
    EMPTY_BAND,
    NO_BETTER_THAN_CHANCE,
    NOT_DEFINED,
    TOP5_FORCED,
)
from bandprobe.scoring.forced import disagreements, structural_by_rule
from bandprobe.scoring.head_flags import READOUTS
from bandprobe.scoring.intervals import Bootstrap, group_sign_test, mcnemar
from bandprobe.scoring.outcomes import ModeOutcomes, Outcomes

HEAD_READOUTS = tuple(READOUTS.values())


def _scores(outcomes: Outcomes) -> dict[str, FloatArray]:
    """Scores by image, each of the shape of the outcomes without draws."""
    by_draw = {
        "top1": outcomes.correct.astype(np.float64),
        "top5": outcomes.top5.astype(np.float64),
        "rank": outcomes.rank.astype(np.float64),
        "margin": outcomes.margin.astype(np.float64),
    }
    return {name: v.mean(-2) if v.ndim > 1 else v for name, v in by_draw.items()}


def _effects(clean: dict[str, FloatArray], changed: dict[str, FloatArray]) -> dict[str, FloatArray]:
    return {
        "top1_drop": clean["top1"] - changed["top1"],
        "top5_drop": clean["top5"] - changed["top5"],
        "rank_degradation": changed["rank"] - clean["rank"],
        "margin_drop": clean["margin"] - changed["margin"],
    }


def image_effects(outcomes: ModeOutcomes) -> dict[str, FloatArray]:
    """Each effect by band and image, (n_bands, n_samples), averaged over draws."""
    return _effects(_scores(outcomes.clean), _scores(outcomes.changed))


def score_mode(
    outcomes: ModeOutcomes,
    names: Sequence[str],
    readout: str,
    mode: Mode,
    bootstrap: Bootstrap,
) -> list[dict[str, Any]]:
    """The scores of every band of one mode, as the fields of its target files.

    Parameters
    ----------
    outcomes : ModeOutcomes
    names : sequence of str
        Names of the bands.
    readout : str
    mode : Mode
    bootstrap : Bootstrap

    Returns
    -------
    list of dict
        A number that does not exist is None, and `flags` says why.
    """
    clean, changed = _scores(outcomes.clean), _scores(outcomes.changed)
    effects = _effects(clean, changed)
    cells = dict(effects)
    for kind, control in outcomes.controls.items():
        controlled = _effects(clean, _scores(control))
        for effect in CONTROLLED:
            name = f"{CONTROL_NAMES[kind]}_{effect}"
            cells[name] = controlled[effect]
            cells[f"{name}_excess"] = effects[effect] - controlled[effect]
    stacked = np.concatenate([*cells.values(), clean["top1"][None]])
    intervals = bootstrap.intervals(stacked, outcomes.group)
    general = _general(outcomes, clean, intervals[-1])
    tests = {
        "p_value": group_sign_test(effects["top1_drop"], outcomes.group),
        "mcnemar_p": mcnemar(clean["top1"], outcomes.changed.correct.astype(np.float64)),
    }
    reasons = _flags(outcomes, readout, mode, general)
    records = []
    for band, name in enumerate(names):
        record = {"band": name, "bins": int(outcomes.bins[band]), **general}
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
    outcomes: ModeOutcomes, clean: dict[str, FloatArray], interval: list[float] | None
) -> dict[str, Any]:
    """Fields that are the same for all bands of a mode."""
    return {
        "n_samples": len(outcomes.label),
        "n_groups": len(np.unique(outcomes.group)),
        "n_classes": outcomes.n_classes,
        "chance": 1.0 / outcomes.n_classes,
        "clean_top1": float(clean["top1"].mean()),
        "clean_top1_ci": interval,
        "clean_top5": float(clean["top5"].mean()),
        "clean_rank": float(clean["rank"].mean()),
        "clean_margin": float(clean["margin"].mean()),
    }


def undefined_records(
    outcomes: ModeOutcomes, names: Sequence[str], bootstrap: Bootstrap
) -> list[dict[str, Any]]:
    """Records of a mode without results for a readout, from outcomes of another mode."""
    clean = _scores(outcomes.clean)
    (interval,) = bootstrap.intervals(clean["top1"][None], outcomes.group)
    general = _general(outcomes, clean, interval)
    fields = [*SCORES, "p_value", "mcnemar_p"]
    for effect in [*EFFECTS, *control_fields()]:
        fields += [effect, f"{effect}_ci"]
    records = []
    for band, name in enumerate(names):
        flags = [NOT_DEFINED] + ([EMPTY_BAND] if not outcomes.bins[band] else [])
        flags += [*outcomes.flags, *([NO_BETTER_THAN_CHANCE] if _at_chance(general) else [])]
        facts = {"band": name, "bins": int(outcomes.bins[band]), **general}
        records.append(facts | dict.fromkeys(fields) | {"flags": flags})
    return records


def _at_chance(general: dict[str, Any]) -> bool:
    return bool(general["clean_top1_ci"][0] <= general["chance"])


def _flags(
    outcomes: ModeOutcomes, readout: str, mode: Mode, general: dict[str, Any]
) -> list[list[str]]:
    """Flags of each band by rule, and a flag where the numbers contradict the rule."""
    if readout in HEAD_READOUTS:
        # What the rest of a network sees was determined by rule and by number when it ran.
        blind = (outcomes.bins > 0) & ~outcomes.sees
        rules: list[str | None] = [BLIND if unseen else None for unseen in blind]
        differ = [False] * len(rules)
    else:
        rules = structural_by_rule(readout, mode, outcomes.bins, outcomes.turnable)
        differ = disagreements(outcomes, rules, mode, readout)
    rows = []
    for band, rule in enumerate(rules):
        flags = list(outcomes.flags) if outcomes.bins[band] else [EMPTY_BAND]
        if rule is not None:
            flags.insert(0, rule)
        if differ[band]:
            flags.append(DISAGREE)
        if outcomes.bins[band] and any(same[band] for same in outcomes.alike.values()):
            flags.append(CONTROL_IS_BAND)
        if outcomes.at_end is not None and outcomes.at_end[band]:
            flags.append(PENALTY_AT_END)
        if outcomes.rounding[band]:
            flags.append(BELOW_ROUNDING)
        if outcomes.above_source is not None and outcomes.above_source[band]:
            flags.append(ABOVE_SOURCE)
        if outcomes.bins[band] and outcomes.n_classes <= 5:
            flags.append(TOP5_FORCED)
        if _at_chance(general):
            flags.append(NO_BETTER_THAN_CHANCE)
        rows.append(flags)
    return rows


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
