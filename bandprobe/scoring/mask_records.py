"""What masks outside the bands say about a mode: the fields of its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.scoring.cluster_interval import DROP, EXCESS, RANKS, Scale
from bandprobe.scoring.fields import CONTROL_NAMES, CONTROLLED, RANDOMISED
from bandprobe.scoring.intervals import IntervalSettings, number
from bandprobe.scoring.randomisation import MaskScores, randomisation_test, spread, with_spread

# Name of a score of masks, sign of the effect, and scales of the effect and of its excess.
SCORES: Mapping[str, tuple[str, int, Scale, Scale]] = {
    "top1_drop": ("correct", -1, DROP, EXCESS),
    "rank_degradation": ("rank", 1, RANKS, RANKS),
    "margin_drop": ("margin", -1, Scale(), Scale()),
}


@dataclass(frozen=True)
class MaskEffects:
    """Effects of the masks of one kind.

    Attributes
    ----------
    by_mask : array of shape (n_bands, n_masks)
        Mean over images.
    by_sample : array of shape (n_bands, n_samples)
        Mean over masks.
    """

    by_mask: FloatArray
    by_sample: FloatArray


def mask_effects(scores: MaskScores, clean: Mapping[str, FloatArray], effect: str) -> MaskEffects:
    """An effect of masks; `clean` has the scores of the untouched maps, by image."""
    name, sign, _, _ = SCORES[effect]
    own = clean["top1" if name == "correct" else name]
    return MaskEffects(
        sign * (scores.by_mask[name] - own.mean()),
        sign * (scores.by_sample[name].astype(np.float64) - own),
    )


def mask_records(
    outside: Mapping[str, MaskScores],
    clean: Mapping[str, FloatArray],
    effects: Mapping[str, FloatArray],
    units: NDArray[np.integer],
    settings: IntervalSettings,
) -> list[dict[str, Any]]:
    """Fields of each band: effects of masks, the band's in excess of theirs, and tests.

    Parameters
    ----------
    outside : mapping of str to MaskScores
        By the kind of control.
    clean : mapping of str to arrays of shape (n_samples,)
        Scores of the untouched maps.
    effects : mapping of str to arrays of shape (n_bands, n_samples)
        Of the bands.
    units : array of shape (n_samples,)
    settings : IntervalSettings

    Returns
    -------
    list of dict
        None for what does not exist.
    """
    n_bands = len(next(iter(effects.values())))
    records: list[dict[str, Any]] = [{} for _ in range(n_bands)]
    for kind, scores in outside.items():
        control = CONTROL_NAMES[kind]
        count = [int(n) or None for n in scores.count]
        _put(records, f"{control}_masks", count)
        for effect, (_, _, scale, of_excess) in SCORES.items():
            masks = mask_effects(scores, clean, effect)
            own = effects[effect]
            if effect in CONTROLLED:
                name = f"{control}_{effect}"
                _put_mean(records, name, masks.by_sample, masks.by_mask, scale, units, settings)
                excess = own - masks.by_sample
                name = f"{name}_excess"
                _put_mean(records, name, excess, masks.by_mask, of_excess, units, settings)
            if effect in RANDOMISED:
                # Empty bands have neither effects nor masks.
                tests = randomisation_test(own.mean(1), masks.by_mask, scores.share)
                _put(records, f"{control}_{effect}_spread", _numbers(spread(masks.by_mask)))
                for end, p_values in zip(("greater", "less"), tests, strict=True):
                    _put(records, f"{control}_{effect}_p_{end}", _numbers(p_values))
    return records


def _put_mean(
    records: list[dict[str, Any]],
    name: str,
    values: FloatArray,
    by_mask: FloatArray,
    scale: Scale,
    units: NDArray[np.integer],
    settings: IntervalSettings,
) -> None:
    """A mean over images and masks with its interval."""
    mean = values.mean(1)
    low, high = with_spread(mean, *settings.bounds(values, units, scale), by_mask, settings.level)
    bounds = zip(
        _numbers(np.maximum(low, scale.low)), _numbers(np.minimum(high, scale.high)), strict=True
    )
    _put(records, name, _numbers(mean))
    _put(records, f"{name}_ci", [None if None in both else list(both) for both in bounds])


def _put(records: list[dict[str, Any]], name: str, values: list[Any]) -> None:
    for record, value in zip(records, values, strict=True):
        record[name] = value


def _numbers(values: FloatArray) -> list[float | None]:
    return [number(value) for value in values]
