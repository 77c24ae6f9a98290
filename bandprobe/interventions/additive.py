"""Modes that are linear in the map, their controls and Shapley values, from band logits alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.base.blocks import sized
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.interventions.control_bins import alike
from bandprobe.interventions.outcome_store import BandLogits, MaskLogits, read_refit_logits
from bandprobe.interventions.outcome_writer import write_outcomes
from bandprobe.interventions.part_store import axes_of_parts, part_variables
from bandprobe.linear import compose
from bandprobe.scoring.changed_outcomes import ChangedOutcomes
from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.store.provenance import provenance, stated

# Images are scored as many at a time as have band logits of this size, of which there are a few
# copies.
SCORED_BYTES = 32_000_000


def write_additive(
    outputs: Sequence[Path],
    split: BandLogits,
    modes: Sequence[Mode],
    dc: compose.DcParts | None = None,
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
    clean = untouched(split)
    for path, mode in zip(outputs, modes, strict=True):
        changed, controls = with_controls(split, mode, clean)
        outcomes = ChangedOutcomes(
            split.axes,
            clean,
            changed,
            controls,
            undefined=split.undefined,
            alike=alike(split, mode, controls),
            outside=split.outside.get(f"{mode.kind}/{mode.fill}", {}),
        )
        attrs = provenance(code, stated(mode), **split.inherited)
        more = None
        if dc is not None and mode.kind == "remove":
            more = part_variables(without_parts(split, dc, mode, clean))
        write_outcomes(path, outcomes, attrs, more)


def without_parts(
    split: BandLogits, dc: compose.DcParts, mode: Mode, clean: FloatArray
) -> ChangedOutcomes:
    """Outcomes without DC, and without all but DC, in the place of the bands."""
    fill = dc.split(split.fill(mode.fill), mode.fill)
    logits = dc.split(split.logits)
    undefined = None
    if split.undefined is not None and split.undefined.any():
        undefined = np.ones(len(logits), bool)
    axes = axes_of_parts(split.axes)
    changed = compose.change(mode, logits, fill, split.intercept)[:, None]
    tally = OutcomeTally.of(clean, axes.label, changed)
    return ChangedOutcomes(axes, clean, tally, undefined=undefined)


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
            clean = stored.logits[0]
            changed = OutcomeTally(clean, stored.axes.label, (len(kept), 1))
            for part in image_blocks(len(kept), *clean.shape):
                changed.add(part, stored.under(kept, part)[:, None])
            nothing_left = np.equal(filled.sum(1), 0)
            at_end = np.zeros(len(kept), bool)
            for cell, subset in stored.subsets(kept).items():
                at_end[cell] = stored.at_end[subset]
            outcomes = ChangedOutcomes(
                stored.axes,
                clean,
                changed,
                undefined=nothing_left,
                at_end=at_end,
            )
            attrs = provenance(code, stated(mode), **stored.inherited)
            write_outcomes(outputs[mode.name], outcomes, attrs)


def image_blocks(n_bands: int, n_samples: int, n_classes: int) -> Iterator[slice]:
    """Images whose band logits are about `SCORED_BYTES`, one block after the other."""
    step = max(1, sized(SCORED_BYTES) // (8 * n_bands * n_classes))
    for start in range(0, n_samples, step):
        yield slice(start, min(start + step, n_samples))


def untouched(split: BandLogits) -> FloatArray:
    """Logits of the clean maps, (n_samples, n_classes)."""
    return compose.clean(split.logits, split.intercept)


def with_controls(
    split: BandLogits, mode: Mode, clean: FloatArray
) -> tuple[OutcomeTally, dict[str, OutcomeTally]]:
    """Outcomes of changed maps, and of maps of which random masks were changed instead.

    Parameters
    ----------
    split : BandLogits
    mode : Mode
    clean : array of shape (n_samples, n_classes)
        As of `untouched`.

    Returns
    -------
    changed : OutcomeTally
        Of cells (n_bands, n_draws).
    controls : dict of OutcomeTally
        Of cells (n_bands, n_control_draws), by the kind of control; those that the mode can have.
    """
    n_bands, label = len(split.logits), split.axes.label
    masks = {kind: of for kind, of in split.controls.items() if kind in mode.controls}
    own = {
        kind: values
        for (kind, change), values in split.changed.items()
        if kind in mode.controls and change == f"{mode.kind}/{mode.fill}"
    }
    n_draws = {kind: len(of.logits) for kind, of in masks.items()}
    n_draws |= {kind: len(values) for kind, values in own.items()}
    changed = OutcomeTally(clean, label, (n_bands, mode.draws))
    controls = {kind: OutcomeTally(clean, label, (n_bands, n)) for kind, n in n_draws.items()}
    most = max([mode.draws, *n_draws.values()])
    partners = [_partner(split, mode, draw) for draw in range(most)]
    of_masks = {
        kind: [_as_bands(split, of, draw) for draw in range(n_draws[kind])]
        for kind, of in masks.items()
    }
    for part in image_blocks(*split.logits.shape):
        for draw in range(mode.draws):
            logits = _changed(split, mode, partners[draw], part)
            changed.add(part, logits, (slice(None), draw))
        for kind, draws in of_masks.items():
            for draw, of_draw in enumerate(draws):
                if kind == "equal-bins":
                    logits = _changed(of_draw, mode, partners[draw], part)
                else:
                    logits = _masked(split, of_draw, mode, clean, partners[draw], part)
                controls[kind].add(part, logits, (slice(None), draw))
        for kind, values in own.items():
            controls[kind].add(part, values[:, :, part].swapaxes(0, 1).astype(np.float64))
    return changed, controls


def _as_bands(split: BandLogits, masks: MaskLogits, draw: int) -> BandLogits:
    """Random masks of a draw in the place of the bands."""
    return BandLogits(
        masks.logits[draw],
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


def _changed(
    split: BandLogits, mode: Mode, partner: NDArray[np.intp] | None, part: slice
) -> FloatArray:
    fill = split.fill(mode.fill)
    return compose.change(mode, split.logits, fill, split.intercept, partner, part)


def _masked(
    split: BandLogits,
    masks: BandLogits,
    mode: Mode,
    clean: FloatArray,
    partner: NDArray[np.intp] | None,
    part: slice,
) -> FloatArray:
    whole_fill = split.fill(mode.fill).sum(0) + split.intercept
    fill = masks.fill(mode.fill)
    return compose.change_masks(mode, masks.logits, fill, clean, whole_fill, partner, part)
