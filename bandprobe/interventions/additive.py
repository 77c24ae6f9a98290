"""Modes that are linear in the map, their controls and Shapley values, from band logits alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.interventions.control_bins import alike
from bandprobe.interventions.outcome_store import (
    BandLogits,
    MaskLogits,
    read_refit_logits,
    write_outcomes,
)
from bandprobe.interventions.part_store import DcParts, axes_of_parts, part_variables
from bandprobe.linear import compose
from bandprobe.scoring.changed_logits import ChangedLogits
from bandprobe.store.provenance import provenance, stated


def write_additive(
    outputs: Sequence[Path],
    split: BandLogits,
    modes: Sequence[Mode],
    dc: DcParts | None = None,
    *,
    code: str,
) -> None:
    """Write the outcomes of one readout under modes that are linear in the map.

    Parameters
    ----------
    outputs : sequence of Path
        One store per mode.
    split : BandLogits
    modes : sequence of Mode
    dc : DcParts, optional
        What DC alone brings to the logits, if that can be told.
    code : str
        Digest of the code, for the provenance.
    """
    for path, mode in zip(outputs, modes, strict=True):
        changed, controls = with_controls(split, mode)
        same = alike(split, mode, controls)
        logits = ChangedLogits(
            split.axes,
            untouched(split),
            changed,
            controls,
            undefined=split.undefined,
            alike=same,
            outside=split.outside.get(f"{mode.kind}/{mode.fill}", {}),
        )
        attrs = provenance(code, stated(mode), **split.inherited)
        more = None
        if dc is not None and mode.kind == "remove":
            more = part_variables(without_parts(split, dc, mode))
        write_outcomes(path, logits, attrs, more)


def without_parts(split: BandLogits, dc: DcParts, mode: Mode) -> ChangedLogits:
    """Logits without DC, and without all but DC, in the place of the bands."""
    fill = dc.split(split.fill(mode.fill), mode.fill)
    logits = dc.split(split.logits)
    undefined = None
    if split.undefined is not None and split.undefined.any():
        undefined = np.ones(len(logits), bool)
    changed = compose.change(mode, logits, fill, split.intercept)[:, None]
    axes = axes_of_parts(split.axes)
    return ChangedLogits(axes, untouched(split), changed, undefined=undefined)


def write_refitted(
    outputs: Mapping[str, Path], refit: Path, modes: Sequence[Mode], *, code: str
) -> None:
    """Write the outcomes of the refitted readouts.

    Parameters
    ----------
    outputs : mapping of str to Path
        The store of each mode that the readouts were refitted for.
    refit : Path
        The store of the refitted readouts.
    modes : sequence of Mode
        These, and perhaps others.
    code : str
        Digest of the code, for the provenance.
    """
    stored = read_refit_logits(refit)
    for mode in modes:
        if mode.name in outputs:
            kept = kept_bands(mode.kind, len(stored.axes.names))
            filled: NDArray[np.bool_] = kept & (stored.axes.bins > 0)
            changed = stored.under(kept)[:, None]
            nothing_left = np.equal(filled.sum(1), 0)
            at_end = np.zeros(len(kept), bool)
            for cell, subset in stored.subsets(kept).items():
                at_end[cell] = stored.at_end[subset]
            logits = ChangedLogits(
                stored.axes,
                stored.logits[0],
                changed,
                undefined=nothing_left,
                at_end=at_end,
            )
            attrs = provenance(code, stated(mode), **stored.inherited)
            write_outcomes(outputs[mode.name], logits, attrs)


def untouched(split: BandLogits) -> FloatArray:
    """Logits of the clean maps, (n_samples, n_classes)."""
    return compose.clean(split.logits, split.intercept)


def with_controls(split: BandLogits, mode: Mode) -> tuple[FloatArray, dict[str, FloatArray]]:
    """Logits of changed maps, and of maps of which random masks were changed instead.

    Returns
    -------
    changed : array of shape (n_bands, n_draws, n_samples, n_classes)
    controls : dict of arrays of shape (n_bands, n_control_draws, n_samples, n_classes)
        By the kind of control; those that the mode can have.
    """
    changed = np.stack([_changed(split, mode, draw) for draw in range(mode.draws)], axis=1)
    controls = {}
    for kind, masks in split.controls.items():
        if kind not in mode.controls:
            continue
        draws = range(len(masks.logits))
        if kind == "equal-bins":
            rows = [_changed(_as_bands(split, masks, draw), mode, draw) for draw in draws]
        else:
            rows = [_masked(split, masks, mode, draw) for draw in draws]
        controls[kind] = np.stack(rows, axis=1)
    for (kind, change), values in split.changed.items():
        if kind in mode.controls and change == f"{mode.kind}/{mode.fill}":
            controls[kind] = values.swapaxes(0, 1).astype(np.float64)
    return changed, controls


def _as_bands(split: BandLogits, masks: MaskLogits, draw: int) -> BandLogits:
    """A random partition in the place of the bands."""
    return BandLogits(
        masks.logits[draw].astype(np.float64),
        masks.zero[draw],
        masks.mean[draw],
        split.intercept,
        split.axes,
        split.inherited,
        split.seen,
    )


def _partner(split: BandLogits, mode: Mode, draw: int) -> NDArray[np.intp] | None:
    """For each sample the position of the one that it takes a band from, if the mode takes any."""
    if mode.kind != "resample":
        return None
    return compose.partners(split.axes.label, mode.seed, draw)


def _changed(split: BandLogits, mode: Mode, draw: int) -> FloatArray:
    fill, partner = split.fill(mode.fill), _partner(split, mode, draw)
    return compose.change(mode, split.logits, fill, split.intercept, partner)


def _masked(split: BandLogits, masks: MaskLogits, mode: Mode, draw: int) -> FloatArray:
    logits = masks.logits[draw].astype(np.float64)
    fill = masks.zero[draw] if mode.fill == "zero" else masks.mean[draw]
    whole_fill = split.fill(mode.fill).sum(0) + split.intercept
    partner = _partner(split, mode, draw)
    return compose.change_masks(mode, logits, fill, untouched(split), whole_fill, partner)
