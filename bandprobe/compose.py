"""Logits of changed maps, by addition of band logits.

A readout that is linear in the map needs no map for this: `bandprobe.decompose` has split its
logits into bands, ``logits(x) = sum_b L_b + intercept``.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LogitArray = NDArray[np.float64]


def clean(logits: LogitArray, intercept: NDArray[np.float64]) -> LogitArray:
    """Logits of the untouched map, (n_samples, n_classes), from its band logits."""
    total: LogitArray = logits.sum(0) + intercept
    return total


def remove(logits: LogitArray, fill: LogitArray, intercept: NDArray[np.float64]) -> LogitArray:
    """Logits after each band in turn is replaced by the fill's.

    Parameters
    ----------
    logits : array of shape (n_bands, n_samples, n_classes)
    fill : array of shape (n_bands, n_classes)
        Band logits of what stands in the gap: a map of zeros, or the training mean.
    intercept : array of shape (n_classes,)

    Returns
    -------
    array of the shape of `logits`
    """
    return replace(logits, np.broadcast_to(fill[:, None], logits.shape), intercept)


def isolate(logits: LogitArray, fill: LogitArray, intercept: NDArray[np.float64]) -> LogitArray:
    """Logits when each band in turn is kept and all others hold the fill's; as for `remove`."""
    others = fill.sum(0) - fill
    changed: LogitArray = logits + others[:, None] + intercept
    return changed


def replace(logits: LogitArray, other: LogitArray, intercept: NDArray[np.float64]) -> LogitArray:
    """Logits after each band in turn takes the band logits of another map.

    `other` has the shape of `logits`; so has the result. Where a band's logits are equal in both
    the result is exactly the clean one.
    """
    return clean(logits, intercept) + (other - logits)
