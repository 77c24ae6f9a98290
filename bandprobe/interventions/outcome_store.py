"""Stored band logits and stored outcomes, as they are read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.errors import StoreError
from bandprobe.fourier.random_masks import KINDS as CONTROL_KINDS
from bandprobe.interventions.outside_store import (
    control_name,
    read_outside,
    read_outside_of_mode,
)
from bandprobe.scoring.changed_outcomes import Axes
from bandprobe.scoring.outcomes import ModeOutcomes, Outcomes, outcomes
from bandprobe.scoring.randomisation import MaskScores
from bandprobe.store.provenance import inherited
from bandprobe.store.zarr_store import Store

ALL = slice(None)


@dataclass(frozen=True)
class MaskLogits:
    """The logits of random masks that stand for the bands.

    Attributes
    ----------
    logits : array of shape (n_draws, n_bands, n_samples, n_classes)
    zero, mean : arrays of shape (n_draws, n_bands, n_classes)
    """

    logits: MapArray
    zero: FloatArray
    mean: FloatArray


@dataclass(frozen=True)
class BandLogits:
    """The band logits of a clean map and of what may fill a gap.

    Attributes
    ----------
    logits : array of shape (n_bands, n_samples, n_classes)
    zero, mean : arrays of shape (n_bands, n_classes)
    intercept : array of shape (n_classes,)
    axes : Axes
    inherited : mapping
        Attributes that results keep: weights and flags of the backbone.
    seen : array of shape (n_bands,)
        Bins that the readout has weight in.
    controls : mapping of str to MaskLogits
        By the kind of control.
    overlap : mapping of str to arrays of shape (n_draws, n_bands, n_bands)
        By the kind of control: bins that the readout sees, in the mask of each band and in each
        band.
    changed : mapping of (str, str) to arrays of shape (n_draws, n_bands, n_samples, n_classes)
        By the kind of control and the mode, KIND/FILL: logits of maps whose masks were changed, of
        a readout whose logits are no sums over masks.
    undefined : bool array of shape (n_bands,), optional
        Bands with bins for which the readout has no result.
    outside : mapping of str to mappings of str to MaskScores
        By the mode, KIND/FILL, and the kind of control: scores after masks outside each band were
        changed.
    """

    logits: FloatArray
    zero: FloatArray
    mean: FloatArray
    intercept: FloatArray
    axes: Axes
    inherited: Mapping[str, str]
    seen: NDArray[np.int64]
    controls: Mapping[str, MaskLogits] = field(default_factory=dict)
    overlap: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    changed: Mapping[tuple[str, str], MapArray] = field(default_factory=dict)
    undefined: NDArray[np.bool_] | None = None
    outside: Mapping[str, Mapping[str, MaskScores]] = field(default_factory=dict)

    def fill(self, kind: str) -> FloatArray:
        """Band logits of what stands in a gap, for `fill: zero` or `fill: mean`."""
        return self.zero if kind == "zero" else self.mean


def _read_axes(store: Store) -> Axes:
    return Axes(
        names=store.labels("band"),
        bins=store.read("bins"),
        sees=store.read("sees"),
        sample=store.read("sample"),
        label=store.read("label"),
        group=store.read("group"),
        turnable=store.read("turnable") if "turnable" in store else None,
    )


def read_band_logits(path: Path) -> BandLogits:
    """Band logits of one readout."""
    store = Store(path)
    return BandLogits(
        logits=store.read("band_logits"),
        zero=store.read("zero_logits"),
        mean=store.read("mean_logits"),
        intercept=store.read("intercept"),
        axes=_read_axes(store),
        inherited=inherited(store.attrs),
        seen=store.read("seen_bins"),
        controls=_read_controls(store),
        overlap=_by_control(store, "control_overlap"),
        changed={
            (kind, change): of_kind[:, column]
            for kind, of_kind in _by_control(store, "control_changed_logits").items()
            for column, change in enumerate(store.labels("change"))
        },
        undefined=store.read("undefined") if "undefined" in store else None,
        outside=read_outside(store),
    )


def _by_control(store: Store, name: str) -> dict[str, NDArray[Any]]:
    """An array by the kind of control, its first axis; empty if the store does not have it."""
    if name not in store:
        return {}
    return dict(zip(store.labels("control"), store.read(name), strict=True))


def _read_controls(store: Store) -> dict[str, MaskLogits]:
    if "control_logits" not in store:
        return {}
    names = ("control_logits", "control_zero_logits", "control_mean_logits")
    arrays = [store.read(name) for name in names]
    return {
        kind: MaskLogits(*(array[row] for array in arrays))
        for row, kind in enumerate(store.labels("control"))
    }


@dataclass(frozen=True)
class RefitLogits:
    """Logits of readouts that were fitted again for each set of kept bands.

    Attributes
    ----------
    logits : array of shape (n_subsets, n_samples, n_classes)
    kept : bool array of shape (n_subsets, n_bands)
        The first keeps all: the untouched map.
    at_end : bool array of shape (n_subsets,)
        Whether the penalty is at an end of the list.
    axes : Axes
    inherited : mapping
        Attributes that results keep: weights and flags of the backbone.
    """

    logits: FloatArray
    kept: NDArray[np.bool_]
    at_end: NDArray[np.bool_]
    axes: Axes
    inherited: Mapping[str, str]

    def under(self, kept: NDArray[np.bool_], part: slice = ALL) -> FloatArray:
        """Logits of some samples for rows of kept bands, one per band.

        Returns
        -------
        array of shape (n_bands, n_samples, n_classes)
            NaN for interventions on empty bands, and for those that leave no band.

        Raises
        ------
        StoreError
            If a set of bands was not fitted.
        """
        logits = self.logits[:, part]
        result = np.full((len(kept), *logits.shape[1:]), np.nan)
        for cell, subset in self.subsets(kept).items():
            result[cell] = logits[subset]
        return result

    def subsets(self, kept: NDArray[np.bool_]) -> dict[int, int]:
        """Position of the subset of each row of kept bands that has one; errors as of `under`."""
        position = {tuple(row): at for at, row in enumerate(self.kept.tolist())}
        full = self.axes.bins > 0
        found = {}
        for cell in np.flatnonzero(full):
            bands = tuple((kept[cell] & full).tolist())
            if not any(bands):
                continue
            if bands not in position:
                raise StoreError("the readout was not refitted for these bands", found=bands)
            found[int(cell)] = position[bands]
        return found


def read_refit_logits(path: Path) -> RefitLogits:
    """Logits of the refitted readouts of one layer."""
    store = Store(path)
    return RefitLogits(
        logits=store.read("logits"),
        kept=store.read("kept"),
        at_end=store.read("penalty_at_end"),
        axes=_read_axes(store),
        inherited=inherited(store.attrs),
    )


def read_untouched(path: Path) -> tuple[ModeOutcomes, tuple[str, ...], dict[str, Any]]:
    """As `read_outcomes`, of the untouched maps alone, from the store of the refitted readouts.

    For a study without a mode that they were refitted for, and so without stored outcomes.
    """
    store = Store(path)
    logits, axes = store.read("logits")[0], _read_axes(store)
    missing = np.full((len(axes.names), 1, len(axes.label)), np.float32(np.nan))
    untouched = ModeOutcomes(
        changed=Outcomes(missing, missing, missing, missing),
        clean=outcomes(logits, axes.label),
        label=axes.label,
        group=axes.group,
        bins=axes.bins,
        sees=axes.sees,
        n_classes=logits.shape[-1],
        flags=_flags_of(store),
    )
    return untouched, axes.names, store.attrs


def _flags_of(store: Store) -> tuple[str, ...]:
    """Flags that all bands share."""
    return tuple(json.loads(store.attrs.get("flags", "[]")))


def read_outcomes(path: Path) -> tuple[ModeOutcomes, tuple[str, ...], dict[str, Any]]:
    """Outcomes of one mode, the names of its bands, and the store's attributes."""
    store = Store(path)
    fields = Outcomes._fields
    mode_outcomes = ModeOutcomes(
        changed=Outcomes(*(store.read(name) for name in fields)),
        clean=Outcomes(*(store.read(f"clean_{name}") for name in fields)),
        label=store.read("label"),
        group=store.read("group"),
        bins=store.read("bins"),
        sees=store.read("sees"),
        n_classes=int(store.attrs["n_classes"]),
        controls={
            kind: Outcomes(*(store.read(control_name(kind, name)) for name in fields))
            for kind in CONTROL_KINDS
            if control_name(kind, "rank") in store
        },
        flags=_flags_of(store),
        turnable=store.read("turnable") if "turnable" in store else None,
        at_end=store.read("penalty_at_end") if "penalty_at_end" in store else None,
        alike={
            kind: store.read(control_name(kind, "is_band"))
            for kind in CONTROL_KINDS
            if control_name(kind, "is_band") in store
        },
        outside=read_outside_of_mode(store),
    )
    return mode_outcomes, store.labels("band"), store.attrs
