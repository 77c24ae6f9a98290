"""Which values are forced by construction: by rule, and by what the numbers show."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import KEEPING, Mode, kept_bands
from bandprobe.scoring.flags import BLIND, NOT_DEFINED, NOTHING_CHANGED, NOTHING_LEFT
from bandprobe.scoring.outcomes import ModeOutcomes

# Two margins count as equal if they differ by less than this share of their spread. Where a rule
# says that they are equal, rounding of a logit or of the logarithm of an energy in single precision
# is allowed for; without a rule, only agreement to the last digits is more than a coincidence.
FORCED = 1e-3
FREE = 1e-6


def seen_by_rule(readout: str, bins: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Bands that a readout can have weight in by its kind, shape (n_bands,).

    The spatial mean is the zero frequency, which lies in the lowest band: all that `pooled` sees,
    and all that `pattern` does not.
    """
    has_dc = np.arange(len(bins)) == 0
    seen: NDArray[np.bool_] = bins > 0
    if readout == "pooled":
        seen = seen & has_dc
    if readout == "pattern":
        seen = bins > has_dc
    return seen


def structural_by_rule(
    readout: str, mode: Mode, bins: NDArray[np.int64], turnable: NDArray[np.int64] | None = None
) -> list[str | None]:
    """The structural flag of each band under a mode, `NOT_DEFINED`, or None.

    Parameters
    ----------
    readout : str
    mode : Mode
    bins : array of shape (n_bands,)
    turnable : array of shape (n_bands,), optional
        Bins that are not their own conjugates; only ``phase`` with a strength below 1 needs them.

    Notes
    -----
    What the rest of a network sees follows from no such rule; the job that runs it finds out.
    """
    kept = kept_bands(mode.kind, len(bins)) & (bins > 0)
    changed = ~kept_bands(mode.kind, len(bins)) & (bins > 0)
    seen = seen_by_rule(readout, bins)
    # Bins that are their own conjugates have a sign, which flips or does not: a part of the angle
    # leaves them. DC, all that `pooled` sees, is one of them.
    turns_in_part = mode.kind == "phase" and mode.strength < 1
    if turnable is None:
        turnable = bins - np.equal(np.arange(len(bins)), 0)
    sees_no_phase = mode.kind == "phase" and readout == "energy"
    sees_no_phase |= turns_in_part and readout == "pooled"
    flags: list[str | None] = []
    for band in range(len(bins)):
        if not bins[band]:
            flags.append(None)
        elif not seen.any():
            # A map of 1 x 1 has no pattern.
            flags.append(NOT_DEFINED)
        elif not changed[band].any() or (turns_in_part and turnable[band] == 0):
            flags.append(NOTHING_CHANGED)
        elif not (changed[band] & seen).any() or sees_no_phase:
            flags.append(BLIND)
        elif mode.kind in KEEPING and not (kept[band] & seen).any():
            # There is no readout of no band.
            flags.append(NOT_DEFINED if readout == "refit" else NOTHING_LEFT)
        else:
            flags.append(None)
    return flags


def structural_by_numbers(outcomes: ModeOutcomes, same: float) -> list[str | None]:
    """What the outcomes show of each band: nothing changes, or all images are alike, or None.

    Parameters
    ----------
    outcomes : ModeOutcomes
    same : float
        Margins that differ by less than this share of their spread count as equal.

    Returns
    -------
    list
        `NOT_DEFINED` where a band with bins has no margins, `BLIND` where none differs from the
        clean one, `NOTHING_LEFT` where margins depend on the class alone and this can be seen:
        some class has two images or more.
    """
    clean = outcomes.clean.margin.astype(np.float64)
    spread = max(float(clean.std()), 1e-30)
    _, code, count = np.unique(outcomes.label, return_inverse=True, return_counts=True)
    flags: list[str | None] = []
    for band, margin in enumerate(outcomes.changed.margin.astype(np.float64)):
        if not outcomes.bins[band]:
            flags.append(None)
        elif np.isnan(margin).all():
            flags.append(NOT_DEFINED)
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


def nothing_held(outcomes: ModeOutcomes, mode: Mode, readout: str) -> NDArray[np.bool_]:
    """Whether all that a mode changes, or all that it keeps, is rounding, shape (n_bands,).

    No rule foresees this: nothing changes, or nothing is left, because the maps hold nothing there,
    as far as the readout can see them.
    """
    held = seen_by_rule(readout, outcomes.bins) & ~outcomes.rounding
    kept = kept_bands(mode.kind, len(held))
    nothing: NDArray[np.bool_] = np.equal((~kept & held).sum(1), 0)
    if mode.kind in KEEPING:
        nothing |= np.equal((kept & held).sum(1), 0)
    return nothing


def disagreements(
    outcomes: ModeOutcomes,
    rules: Sequence[str | None],
    mode: Mode | None = None,
    readout: str = "map",
) -> list[bool]:
    """Whether the numbers of each band contradict what the rules say of it.

    With a mode, cells without a rule in which the maps hold nothing that the readout can see do not
    count.
    """
    loose, strict = (structural_by_numbers(outcomes, same) for same in (FORCED, FREE))
    empty = np.zeros(len(rules), bool) if mode is None else nothing_held(outcomes, mode, readout)
    return [
        not agree(rule, tolerant if rule else exact) and not (rule is None and idle)
        for rule, tolerant, exact, idle in zip(rules, loose, strict, empty, strict=True)
    ]


def agree(rule: str | None, numbers: str | None) -> bool:
    """Whether a rule and the numbers say the same of a cell."""
    nothing_happens = (BLIND, NOTHING_CHANGED)
    return rule == numbers or (rule in nothing_happens and numbers in nothing_happens)
