"""P-values corrected for how many there are."""

from __future__ import annotations

import numpy as np

from bandprobe.base.arrays import FloatArray


def corrected(p_values: FloatArray, method: str) -> FloatArray:
    """P-values corrected for their number; NaN are left out and stay.

    Parameters
    ----------
    p_values : array of any shape
    method : {"holm", "fdr_bh"}
        Holm's step-down procedure for the family-wise error rate, and Benjamini and Hochberg's for
        the false discovery rate, both as of statsmodels.
    """
    # Slow to import.
    from statsmodels.stats.multitest import multipletests

    result = np.full(p_values.shape, np.nan)
    exists = np.isfinite(p_values)
    if exists.any():
        result[exists] = multipletests(p_values[exists], method=method)[1]
    return result
