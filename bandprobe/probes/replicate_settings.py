"""How often a layer's readouts are fitted to other images of a study, as a job is told."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReplicateSettings:
    """How splits are drawn anew and training groups left out.

    Attributes
    ----------
    count : int
        Splits that are drawn anew.
    jackknife : bool
        Whether training groups are left out in turn.
    seed : int
        Of both.
    penalties : tuple of float
        As of `bandprobe.probes.settings.FitSettings`, for splits that are drawn anew.
    folds, fold_seed : int
        Of their cross-validation.
    """

    count: int
    jackknife: bool
    seed: int
    penalties: tuple[float, ...]
    folds: int
    fold_seed: int
