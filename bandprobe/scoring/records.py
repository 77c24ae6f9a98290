"""From stored outcomes to the record of each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import Mode
from bandprobe.scoring.cluster_interval import (
    ANY,
    DROP,
    EXCESS,
    RANKS,
    SHARE,
    Scale,
    degrees_of_freedom,
    effective_groups,
    mean_and_error,
)
from bandprobe.scoring.distinct import interventions
from bandprobe.scoring.fields import (
    CONTROL_NAMES,
    CONTROLLED,
    EFFECTS,
    SCORES,
    SHARES,
    control_fields,
    mask_fields,
)
from bandprobe.scoring.fit_flags import PENALTY_AT_END
from bandprobe.scoring.flags import (
    ABOVE_SOURCE,
    BELOW_ROUNDING,
    BLIND,
    CONTROL_IS_BAND,
    CUT_BY_NYQUIST,
    DISAGREE,
    EMPTY_BAND,
    FEW_GROUPS,
    NO_BETTER_THAN_CHANCE,
    NO_MASKS,
    NOT_DEFINED,
    NOTHING_CHANGED,
    NOTHING_LEFT,
    TOP5_FORCED,
)
from bandprobe.scoring.forced import disagreements, structural_by_rule
from bandprobe.scoring.head_flags import READOUTS
from bandprobe.scoring.intervals import (
    IntervalSettings,
    group_sign_test,
    mcnemar,
    number,
    smallest_p_value,
)
from bandprobe.scoring.mask_records import mask_records
from bandprobe.scoring.outcomes import ModeOutcomes, Outcomes

HEAD_READOUTS = tuple(READOUTS.values())
SCALES = {"top1_drop": DROP, "top5_drop": DROP, "rank_degradation": RANKS, "margin_drop": ANY}
# With fewer independent units of equal size, `FEW_GROUPS`.
FEW = 5


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
    settings: IntervalSettings,
) -> list[dict[str, Any]]:
    """The scores of every band of one mode, as the fields of its target files.

    Parameters
    ----------
    outcomes : ModeOutcomes
    names : sequence of str
        Names of the bands.
    readout : str
    mode : Mode
    settings : IntervalSettings

    Returns
    -------
    list of dict
        A number that does not exist is None, and `flags` says why.
    """
    clean, changed = _scores(outcomes.clean), _scores(outcomes.changed)
    units = settings.units(outcomes.label, outcomes.group)
    rules, differ = _rules(outcomes, readout, mode)
    nothing_happens = np.array([rule in (BLIND, NOTHING_CHANGED) for rule in rules])
    nothing_left = np.array([rule == NOTHING_LEFT for rule in rules])
    top5_forced = np.full(len(names), outcomes.n_classes <= 5)
    effects = _effects(clean, changed)
    # name: values by image, their scale, and where they are fixed by construction
    cells = {name: (v, SCALES[name], nothing_happens) for name, v in effects.items()}
    cells["top5_drop"] = (effects["top5_drop"], DROP, nothing_happens | top5_forced)
    cells |= {name: (changed[name], SHARE, nothing_left) for name in SHARES}
    cells["top5"] = (changed["top5"], SHARE, nothing_left | top5_forced)
    for kind, control in outcomes.controls.items():
        # Masks outside the bands are more, and no part of what they are compared with.
        if kind in outcomes.outside:
            continue
        controlled = _effects(clean, _scores(control))
        same = nothing_happens | outcomes.alike.get(kind, False)
        for effect in CONTROLLED:
            name = f"{CONTROL_NAMES[kind]}_{effect}"
            scale = SCALES[effect]
            cells[name] = (controlled[effect], scale, nothing_happens)
            excess = effects[effect] - controlled[effect]
            cells[f"{name}_excess"] = (excess, EXCESS if scale is DROP else scale, same)
    general = _general(outcomes, clean, settings)
    tests = {
        "p_value": group_sign_test(effects["top1_drop"], units),
        "mcnemar_p": mcnemar(clean["top1"], outcomes.changed.correct.astype(np.float64)),
    }
    _, errors = mean_and_error(effects["top1_drop"], units, DROP)
    intervals = {name: _intervals(*cell, units, settings) for name, cell in cells.items()}
    reasons = _flags(outcomes, rules, differ, general)
    outside = mask_records(outcomes.outside, clean, effects, units, settings)
    records = []
    texts = interventions(readout, mode, names, outcomes.bins)
    for band, name in enumerate(names):
        record = {"band": name, "bins": int(outcomes.bins[band]), **general}
        record["intervention"] = texts[band]
        record |= {score: number(changed[score][band].mean()) for score in SCORES}
        for effect in [*EFFECTS, *control_fields()]:
            record[effect] = record[f"{effect}_ci"] = None
        for cell, (values, _, _) in cells.items():
            record[cell] = number(values[band].mean())
            record[f"{cell}_ci"] = intervals[cell][band]
        record["top1_drop_error"] = number(errors[band])
        record |= {test: number(values[band]) for test, values in tests.items()}
        record |= dict.fromkeys(mask_fields()) | outside[band]
        records.append(record | {"flags": reasons[band]})
    return records


def _intervals(
    values: FloatArray,
    scale: Scale,
    fixed: NDArray[np.bool_],
    units: NDArray[np.integer],
    settings: IntervalSettings,
) -> list[list[float] | None]:
    """Interval of each band; what is fixed by construction has one of length zero."""
    intervals = settings.intervals(values, units, scale)
    for band in np.flatnonzero(fixed):
        if np.ptp(values[band]) == 0:
            intervals[band] = [float(values[band, 0])] * 2
    return intervals


def _general(
    outcomes: ModeOutcomes, clean: dict[str, FloatArray], settings: IntervalSettings
) -> dict[str, Any]:
    """Fields that are the same for all bands of a mode."""
    units = settings.units(outcomes.label, outcomes.group)
    _, sizes = np.unique(units, return_counts=True)
    (interval,) = settings.intervals(clean["top1"][None], units, SHARE)
    return {
        "n_samples": len(outcomes.label),
        "n_groups": len(np.unique(outcomes.group)),
        "unit": settings.unit,
        "n_units": len(sizes),
        "n_units_effective": effective_groups(units),
        "degrees_of_freedom": degrees_of_freedom(sizes.astype(np.float64)),
        "level": settings.level,
        "p_smallest": smallest_p_value(clean["top1"], units),
        "n_classes": outcomes.n_classes,
        "chance": 1.0 / outcomes.n_classes,
        "clean_top1": float(clean["top1"].mean()),
        "clean_top1_ci": interval,
        "clean_top5": float(clean["top5"].mean()),
        "clean_rank": float(clean["rank"].mean()),
        "clean_margin": float(clean["margin"].mean()),
    }


def undefined_records(
    outcomes: ModeOutcomes, names: Sequence[str], settings: IntervalSettings
) -> list[dict[str, Any]]:
    """Records of a mode without results for a readout, from outcomes of another mode."""
    general = _general(outcomes, _scores(outcomes.clean), settings)
    fields = [
        *SCORES,
        "p_value",
        "mcnemar_p",
        "intervention",
        "top1_drop_error",
        *(f"{name}_ci" for name in SHARES),
        *mask_fields(),
    ]
    for effect in [*EFFECTS, *control_fields()]:
        fields += [effect, f"{effect}_ci"]
    records = []
    for band, name in enumerate(names):
        flags = [NOT_DEFINED] + ([EMPTY_BAND] if not outcomes.bins[band] else [])
        flags += [*outcomes.flags, *_of_untouched(general)]
        facts = {"band": name, "bins": int(outcomes.bins[band]), **general}
        records.append(facts | dict.fromkeys(fields) | {"flags": flags})
    return records


def _of_untouched(general: dict[str, Any]) -> list[str]:
    """Flags that all bands share, from the scores of the untouched maps."""
    flags = []
    if general["clean_top1_ci"][0] <= general["chance"]:
        flags.append(NO_BETTER_THAN_CHANCE)
    if general["n_units_effective"] < FEW:
        flags.append(FEW_GROUPS)
    return flags


def _rules(outcomes: ModeOutcomes, readout: str, mode: Mode) -> tuple[list[str | None], list[bool]]:
    """The structural flag of each band by rule, or None; and whether the numbers contradict it."""
    if readout in HEAD_READOUTS:
        # What the rest of a network sees was determined by rule and by number when it ran.
        blind = (outcomes.bins > 0) & ~outcomes.sees
        return [BLIND if unseen else None for unseen in blind], [False] * len(blind)
    rules = structural_by_rule(readout, mode, outcomes.bins, outcomes.turnable)
    return rules, disagreements(outcomes, rules, mode, readout)


def _flags(
    outcomes: ModeOutcomes,
    rules: Sequence[str | None],
    differ: Sequence[bool],
    general: dict[str, Any],
) -> list[list[str]]:
    """Flags of each band by rule, and a flag where the numbers contradict the rule."""
    rows = []
    for band, rule in enumerate(rules):
        flags = list(outcomes.flags) if outcomes.bins[band] else [EMPTY_BAND]
        if rule is not None:
            flags.insert(0, rule)
        if differ[band]:
            flags.append(DISAGREE)
        drawn = [same for kind, same in outcomes.alike.items() if kind not in outcomes.outside]
        if outcomes.bins[band] and any(same[band] for same in drawn):
            flags.append(CONTROL_IS_BAND)
        for kind, scores in outcomes.outside.items():
            if outcomes.bins[band] and rule is None and not scores.count[band]:
                flags.append(NO_MASKS[kind])
        if outcomes.at_end is not None and outcomes.at_end[band]:
            flags.append(PENALTY_AT_END)
        if outcomes.rounding[band]:
            flags.append(BELOW_ROUNDING)
        if outcomes.above_source is not None and outcomes.above_source[band]:
            flags.append(ABOVE_SOURCE)
        if outcomes.cut is not None and outcomes.cut[band]:
            flags.append(CUT_BY_NYQUIST)
        if outcomes.bins[band] and outcomes.n_classes <= 5:
            flags.append(TOP5_FORCED)
        rows.append(flags + _of_untouched(general))
    return rows
