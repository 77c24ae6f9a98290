"""What counts as nothing: energy that is only rounding."""

from __future__ import annotations

import numpy as np

from bandprobe.base.arrays import FloatArray, MaskArray

# A transform of N values in single precision has a relative error of about eps * sqrt(log2 N); its
# square, 2e-14 for the largest maps, is all that a band without energy can seem to hold.
ROUNDING_SHARE = 1e-13


def is_rounding(energy: FloatArray, rounding: FloatArray) -> MaskArray:
    """Whether bands hold hardly more than rounding, shape (n_bands,).

    Parameters
    ----------
    energy : array of shape (n_bands,)
        Of the stored maps.
    rounding : array of shape (n_bands,)
        What their number format leads to expect (`bandprobe.fourier.spectra.rounding_energy`).

    Returns
    -------
    bool array of shape (n_bands,)
        True where it is at least half of the energy, or where the energy is no more than what a
        transform in single precision leaves, which a finer format cannot undo.
    """
    floor = np.maximum(2 * rounding, ROUNDING_SHARE * energy.sum())
    below: MaskArray = np.less_equal(energy, floor)
    return below
