"""Whether a control is the intervention: both change the same bins, as far as the readout sees."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import MaskArray
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.interventions.outcome_store import BandLogits


def alike(split: BandLogits, mode: Mode, controls: Iterable[str]) -> dict[str, MaskArray]:
    """Bands for which some kinds of control change the very bins that a mode changes."""
    changed = ~kept_bands(mode.kind, len(split.axes.names))
    return {
        kind: changes_the_same(kind, split.overlap[kind], split.seen, changed) for kind in controls
    }


def changes_the_same(
    kind: str, overlap: NDArray[np.int64], seen: NDArray[np.int64], changed: MaskArray
) -> MaskArray:
    """For each band whether all masks of a control change exactly what the mode changes.

    Parameters
    ----------
    kind : {"equal-bins", "equal-energy"}
        Sets of equal bins are a partition, and stand for all bands that a mode changes; a mask of
        equal energy stands for one band, and is what is changed, or all else is.
    overlap : array of shape (n_draws, n_bands, n_bands)
        Bins that the readout sees, in the mask of each band and in each band.
    seen : array of shape (n_bands,)
        Bins of each band that it sees.
    changed : bool array of shape (n_bands, n_bands)
        Bands that the mode changes, if applied to each band in turn.

    Returns
    -------
    bool array of shape (n_bands,)
        False where the readout sees nothing of what is changed.
    """
    own = changed if kind == "equal-bins" else np.eye(len(seen), dtype=bool)
    inside = own.astype(np.int64)
    # Bins of the masks that lie in other bands, and bins of the bands that the masks lack.
    in_both = np.einsum("cs,dsb,cb->dc", inside, overlap, inside)
    of_masks = np.einsum("cs,dsb->dc", inside, overlap)
    same = (in_both == of_masks) & (in_both == inside @ seen)
    result: MaskArray = same.all(0) & ((changed.astype(np.int64) @ seen) > 0)
    return result
