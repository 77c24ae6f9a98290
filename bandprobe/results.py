"""From stored outcomes to the record of each target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from bandprobe.head_settings import NO_PREFIX_TOKENS, PREFIX_BYPASS
from bandprobe.scores import ModeOutcomes
from bandprobe.stats import group_bootstrap, group_resamples

EMPTY_BAND = "empty-band"
BLIND = "structural:readout-blind"
NO_BETTER_THAN_CHANCE = "clean-not-above-chance"
FLAG_MEANINGS = {
    EMPTY_BAND: "no frequency bin of this grid lies in the band: N/A, which is not 'no drop'",
    BLIND: "the readout has no weight in the band, so its value is forced by construction",
    PREFIX_BYPASS: "prefix tokens (CLS, registers) were kept, and what the band held can reach the "
    f"head through them: the loss is a lower bound; with {BLIND} the bypass is total, as no logit "
    "of any image moves",
    NO_PREFIX_TOKENS: "the layer has no prefix tokens to ablate: the same numbers as readout head",
    NO_BETTER_THAN_CHANCE: "the interval of the clean accuracy holds chance or lies below it",
}


def score_mode(
    found: ModeOutcomes, names: Sequence[str], resamples: int, level: float, seed: int
) -> list[dict[str, Any]]:
    """The scores of every band of one mode, as the fields of its target files.

    Parameters
    ----------
    found : ModeOutcomes
    names : sequence of str
        Names of the bands.
    resamples, level, seed
        Of the paired bootstrap over groups.

    Returns
    -------
    list of dict
        Numbers are None where they do not exist, and `flags` says why.
    """
    n_bands = len(names)
    top1 = found.changed.correct.mean(1, dtype=np.float64)
    rank = found.changed.rank.mean(1, dtype=np.float64)
    clean_top1 = found.clean.correct.astype(np.float64)
    clean_rank = found.clean.rank.astype(np.float64)
    cells = np.concatenate([clean_top1 - top1, rank - clean_rank, clean_top1[None]])
    weights = group_resamples(len(np.unique(found.group)), resamples, seed)
    low, high = group_bootstrap(cells, found.group, weights, level)
    chance = 1.0 / found.n_classes
    general = {
        "n_samples": len(found.label),
        "n_groups": len(np.unique(found.group)),
        "n_classes": found.n_classes,
        "chance": chance,
        "clean_top1": float(clean_top1.mean()),
        "clean_top1_ci": [float(low[-1]), float(high[-1])],
        "clean_rank": float(clean_rank.mean()),
        "clean_margin": float(found.clean.margin.mean()),
    }
    margin = found.changed.margin.mean((1, 2), dtype=np.float64)
    records = []
    for band, name in enumerate(names):
        rank_cell = n_bands + band
        records.append(
            {
                "band": name,
                "bins": int(found.bins[band]),
                **general,
                "top1": _number(top1[band].mean()),
                "top1_drop": _number(cells[band].mean()),
                "top1_drop_ci": _interval(low[band], high[band]),
                "rank": _number(rank[band].mean()),
                "rank_degradation": _number(cells[rank_cell].mean()),
                "rank_degradation_ci": _interval(low[rank_cell], high[rank_cell]),
                "margin": _number(margin[band]),
                "flags": _flags(found, band, bool(low[-1] <= chance)),
            }
        )
    return records


def _flags(found: ModeOutcomes, band: int, at_chance: bool) -> list[str]:
    flags = []
    if found.bins[band] == 0:
        flags.append(EMPTY_BAND)
    elif not found.sees[band]:
        flags.append(BLIND)
    if found.bins[band]:
        flags += found.flags
    if at_chance:
        flags.append(NO_BETTER_THAN_CHANCE)
    return flags


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _interval(low: float, high: float) -> list[float] | None:
    return [float(low), float(high)] if np.isfinite(low) and np.isfinite(high) else None
