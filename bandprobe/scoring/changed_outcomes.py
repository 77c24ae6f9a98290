"""Outcomes of changed maps, before they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.scoring.outcome_tally import OutcomeTally
from bandprobe.scoring.randomisation import MaskScores


@dataclass(frozen=True)
class Axes:
    """Names and facts along the axes of outcomes.

    Attributes
    ----------
    names : tuple of str
        Of the bands.
    bins, sees : arrays of shape (n_bands,)
        Full-plane bins of a band; whether the readout has any weight in it.
    sample, label, group : arrays of shape (n_samples,)
    turnable : array of shape (n_bands,), optional
        Full-plane bins that are not their own conjugates; for readouts that see phases turned.
    """

    names: tuple[str, ...]
    bins: NDArray[np.int64]
    sees: NDArray[np.bool_]
    sample: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    turnable: NDArray[np.int64] | None = None


@dataclass(frozen=True)
class ChangedOutcomes:
    """Outcomes of one readout under one mode.

    Attributes
    ----------
    axes : Axes
    clean : array of shape (n_samples, n_classes)
        Logits of the untouched maps.
    changed : OutcomeTally
        Of bands and draws, (n_bands, n_draws).
    controls : mapping of str to OutcomeTally
        Of maps in which random masks were changed instead, (n_bands, n_control_draws), by the kind
        of control.
    undefined : bool array of shape (n_bands,), optional
        Bands with bins for which the mode leaves nothing that could be scored.
    at_end : bool array of shape (n_bands,), optional
        Bands whose result is that of a readout with a penalty at an end of the list.
    alike : mapping of str to bool arrays of shape (n_bands,)
        Bands for which a kind of control changes the very bins that the mode changes.
    outside : mapping of str to MaskScores
        By the kind of control, of masks outside each band.

    Notes
    -----
    Bands without a result are those that are empty, and those of which `undefined` is true.
    """

    axes: Axes
    clean: FloatArray
    changed: OutcomeTally
    controls: Mapping[str, OutcomeTally] = field(default_factory=dict)
    undefined: NDArray[np.bool_] | None = None
    at_end: NDArray[np.bool_] | None = None
    alike: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    outside: Mapping[str, MaskScores] = field(default_factory=dict)

    @property
    def exists(self) -> NDArray[np.bool_]:
        """Bands that have a result, shape (n_bands,)."""
        filled: NDArray[np.bool_] = self.axes.bins > 0
        return filled if self.undefined is None else filled & ~self.undefined
