"""Logits of changed maps, before they become outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
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
class ChangedLogits:
    """Logits of one readout under one mode.

    Attributes
    ----------
    axes : Axes
    clean : array of shape (n_samples, n_classes)
        Of the untouched maps.
    changed : array of shape (n_bands, n_draws, n_samples, n_classes)
    controls : mapping of str to arrays of shape (n_bands, n_control_draws, n_samples, n_classes)
        Of maps in which random masks were changed instead, by the kind of control.
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
    Bands without a result have NaN: those that are empty, and those of which `undefined` is true.
    """

    axes: Axes
    clean: FloatArray
    changed: FloatArray
    controls: Mapping[str, FloatArray] = field(default_factory=dict)
    undefined: NDArray[np.bool_] | None = None
    at_end: NDArray[np.bool_] | None = None
    alike: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    outside: Mapping[str, MaskScores] = field(default_factory=dict)

    @property
    def exists(self) -> NDArray[np.bool_]:
        """Bands that have a result, shape (n_bands,)."""
        filled: NDArray[np.bool_] = self.axes.bins > 0
        return filled if self.undefined is None else filled & ~self.undefined
