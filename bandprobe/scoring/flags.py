"""Why a number is missing, or forced: by rule, and as the numbers show it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import KEEPING, Mode, kept_bands
from bandprobe.scoring.head_flags import NO_PREFIX_TOKENS, PREFIX_BYPASS
from bandprobe.scoring.outcomes import ModeOutcomes

EMPTY_BAND = "empty-band"
NOT_DEFINED = "not-defined"
BLIND = "structural:readout-blind"
NOTHING_LEFT = "structural:nothing-left"
NOTHING_CHANGED = "structural:nothing-changed"
NO_BETTER_THAN_CHANCE = "clean-not-above-chance"
CONTROL_IS_BAND = "control-is-the-band"
DISAGREE = "rule-and-numbers-disagree"
FLAG_MEANINGS = {
    EMPTY_BAND: "no frequency bin of this grid lies in the band: N/A, which is not 'no drop'",
    NOT_DEFINED: "the readout has no result under this mode: N/A",
    BLIND: "the readout has no weight in what is changed, so nothing changes by construction",
    NOTHING_LEFT: "the readout has no weight in what is left: all images get the same logits",
    NOTHING_CHANGED: "the mode changes nothing here: no band is taken out, or no phase can turn",
    PREFIX_BYPASS: "prefix tokens (CLS, registers) were kept, and what the band held can reach the "
    f"head through them: the loss is a lower bound; with {BLIND} the bypass is total, as no logit "
    "of any image moves",
    NO_PREFIX_TOKENS: "the layer has no prefix tokens to ablate: the same numbers as readout head",
    NO_BETTER_THAN_CHANCE: "the interval of the clean accuracy holds chance or lies below it",
    CONTROL_IS_BAND: "a random set of as many bins has no choice but the band itself",
    DISAGREE: "the rule says that the value is forced and the numbers do not, or the reverse",
}
STRUCTURAL = (BLIND, NOTHING_LEFT, NOTHING_CHANGED)
# In these a cell has no value.
MISSING = (EMPTY_BAND, NOT_DEFINED)
# Margins are the same if they differ by less than these shares of their spread: where a rule says
# that they are, what single precision does to a logit, or to the logarithm of an energy, is
# rounding; where none does, only what is equal to its last digits is more than a coincidence.
FORCED = 1e-3
FREE = 1e-6


def seen_by_rule(readout: str, bins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Bands that a readout can have weight in, shape (n_bands,), by what it is.

    The spatial mean is the zero frequency, which the lowest band holds.
    """
    seen: NDArray[np.bool_] = bins > 0
    if readout == "pooled":
        seen = seen & (np.arange(len(bins)) == 0)
    return seen


def structural_by_rule(readout: str, mode: Mode, bins: NDArray[np.int64]) -> list[str | None]:
    """The structural flag of each band under a mode, or None.

    Parameters
    ----------
    readout : str
    mode : Mode
    bins : array of shape (n_bands,)

    Notes
    -----
    What the rest of a network sees is no rule of this kind; the job that runs it finds out.
    """
    kept = kept_bands(mode.kind, len(bins)) & (bins > 0)
    changed = ~kept_bands(mode.kind, len(bins)) & (bins > 0)
    seen = seen_by_rule(readout, bins)
    flags: list[str | None] = []
    for band in range(len(bins)):
        if not bins[band]:
            flags.append(None)
        elif not changed[band].any() or _cannot_turn(mode, band, bins):
            flags.append(NOTHING_CHANGED)
        elif not (changed[band] & seen).any() or (readout == "energy" and mode.kind == "phase"):
            flags.append(BLIND)
        elif mode.kind in KEEPING and not (kept[band] & seen).any():
            flags.append(NOTHING_LEFT)
        else:
            flags.append(None)
    return flags


def _cannot_turn(mode: Mode, band: int, bins: NDArray[np.int64]) -> bool:
    """DC has no phase but its sign, which turns by all or nothing."""
    return mode.kind == "phase" and mode.strength < 1 and band == 0 and bins[band] == 1


def structural_by_numbers(found: ModeOutcomes, same: float) -> list[str | None]:
    """What the outcomes show of each band: nothing changes, or all images are alike, or None.

    Parameters
    ----------
    found : ModeOutcomes
    same : float
        Margins that differ by less than this share of their spread are the same.

    Returns
    -------
    list
        `BLIND` where no margin differs from the clean one, `NOTHING_LEFT` where margins depend on
        the class alone and this can be seen: some class has two images or more.
    """
    clean = found.clean.margin.astype(np.float64)
    spread = max(float(clean.std()), 1e-30)
    _, code, count = np.unique(found.label, return_inverse=True, return_counts=True)
    flags: list[str | None] = []
    for band, margin in enumerate(found.changed.margin.astype(np.float64)):
        if not found.bins[band]:
            flags.append(None)
        elif np.abs(margin - clean).max() <= same * spread:
            flags.append(BLIND)
        elif count.max() > 1 and _within_classes(margin, code, count) <= same * spread:
            flags.append(NOTHING_LEFT)
        else:
            flags.append(None)
    return flags


def _within_classes(margin: FloatArray, code: NDArray[np.intp], count: NDArray[np.intp]) -> float:
    """Largest distance of a margin from the mean of its class, over all draws."""
    means = np.stack([np.bincount(code, row) / count for row in margin])
    return float(np.abs(margin - means[:, code]).max())


def disagreements(found: ModeOutcomes, rules: Sequence[str | None]) -> list[bool]:
    """Whether the numbers of each band contradict what the rules say of it."""
    loose, strict = (structural_by_numbers(found, same) for same in (FORCED, FREE))
    return [
        not agree(rule, one if rule else other)
        for rule, one, other in zip(rules, loose, strict, strict=True)
    ]


def agree(rule: str | None, numbers: str | None) -> bool:
    """Whether a rule and the numbers say the same of a cell."""
    nothing_happens = (BLIND, NOTHING_CHANGED)
    return rule == numbers or (rule in nothing_happens and numbers in nothing_happens)
