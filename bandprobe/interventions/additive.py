"""Modes that are linear in the map, their controls and Shapley values, from band logits alone."""

from __future__ import annotations

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.interventions.outcome_store import BandLogits, MaskLogits, RefitLogits
from bandprobe.linear import compose


def untouched(split: BandLogits) -> FloatArray:
    """Logits of the clean maps, (n_samples, n_classes)."""
    return compose.clean(split.logits, split.intercept)


def with_controls(split: BandLogits, mode: Mode) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Logits of changed maps, and of maps of which random masks were changed instead.

    Returns
    -------
    changed : array of shape (n_bands, n_draws, n_samples, n_classes)
    controls : dict of arrays of shape (n_bands, n_control_draws, n_samples, n_classes)
        By the kind of control. Masks of equal energy are no partition, so what keeps several of
        them, as ``lowpass``, has no such control.
    """
    changed = np.stack([_changed(split, mode, draw) for draw in range(mode.draws)], axis=1)
    controls = {}
    for kind, masks in split.controls.items():
        if kind == "equal-bins":
            rows = [
                _changed(_as_bands(split, masks, draw), mode, draw)
                for draw in range(len(masks.logits))
            ]
        elif mode.kind in ("remove", "isolate", "resample"):
            rows = [_masked(split, masks, mode, draw) for draw in range(len(masks.logits))]
        else:
            continue
        controls[kind] = np.stack(rows, axis=1)
    return changed, controls


def _as_bands(split: BandLogits, masks: MaskLogits, draw: int) -> BandLogits:
    """A random partition in the place of the bands."""
    return BandLogits(
        masks.logits[draw].astype(np.float64),
        masks.zero[draw],
        masks.mean[draw],
        split.intercept,
        split.axes,
        split.weights_sha256,
    )


def _changed(split: BandLogits, mode: Mode, draw: int) -> FloatArray:
    if mode.kind == "resample":
        partner = compose.partners(split.axes.label, mode.seed, draw)
        return compose.replace(split.logits, split.logits[:, partner], split.intercept)
    kept = kept_bands(mode.kind, len(split.logits))
    return compose.keep(split.logits, split.fill(mode.fill), split.intercept, kept)


def _masked(split: BandLogits, masks: MaskLogits, mode: Mode, draw: int) -> FloatArray:
    logits = masks.logits[draw].astype(np.float64)
    if mode.kind == "resample":
        partner = compose.partners(split.axes.label, mode.seed, draw)
        replaced: FloatArray = untouched(split) + (logits[:, partner] - logits)
        return replaced
    fill = masks.zero[draw] if mode.fill == "zero" else masks.mean[draw]
    whole_fill = split.fill(mode.fill).sum(0) + split.intercept
    return compose.keep_masks(mode.kind, logits, fill, untouched(split), whole_fill)


def refitted(fitted: RefitLogits, mode: Mode) -> FloatArray:
    """Logits of readouts refitted for a mode, (n_bands, 1, n_samples, n_classes)."""
    kept = kept_bands(mode.kind, len(fitted.axes.names))
    return fitted.under(kept)[:, None]
