"""What an intervention does, in words that are the same wherever two modes do the same."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from bandprobe.fourier.modes import KEEPING, Mode, kept_bands


def interventions(
    readout: str, mode: Mode, names: Sequence[str], bins: NDArray[np.int64]
) -> list[str]:
    """What a mode does to each band; equal texts are one intervention.

    The low-pass that keeps the lowest band alone isolates it, and the high-pass that takes it alone
    out removes it. Bands without bins make no difference, nor does the fill to `refit`, which is
    fitted on what is left.

    Parameters
    ----------
    readout : str
    mode : Mode
    names : sequence of str
        Names of the bands.
    bins : array of shape (n_bands,)
    """
    if mode.kind not in KEEPING:
        return [f"{mode.name} {name}" for name in names]
    fill = "" if readout == "refit" else f", fill {mode.fill}"
    removed = ~kept_bands(mode.kind, len(names)) & (bins > 0)
    return [f"without {' + '.join(np.array(names)[row]) or 'nothing'}{fill}" for row in removed]
