"""Logits of changed maps, before they become outcomes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray


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
    """

    names: tuple[str, ...]
    bins: NDArray[np.int64]
    sees: NDArray[np.bool_]
    sample: NDArray[np.int64]
    label: NDArray[np.int64]
    group: NDArray[np.int64]


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
    """

    axes: Axes
    clean: FloatArray
    changed: FloatArray
    controls: Mapping[str, FloatArray] = field(default_factory=dict)
