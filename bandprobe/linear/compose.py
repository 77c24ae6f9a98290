"""Logits of changed maps, by addition of band logits.

A readout that is a sum over bands needs no map for this: `bandprobe.linear.decompose` has split its
logits into bands, ``logits(x) = sum_b L_b + intercept``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.modes import Mode, kept_bands

ALL = slice(None)


@dataclass(frozen=True)
class DcParts:
    """What DC alone brings to a readout's logits, and to those of what may fill a gap.

    Attributes
    ----------
    logits : array of shape (n_samples, n_classes)
    zero, mean : arrays of shape (n_classes,)
    """

    logits: FloatArray
    zero: FloatArray
    mean: FloatArray

    def split(self, of_bands: FloatArray, which: str = "logits") -> FloatArray:
        """Both parts of what is a sum over bands, the first axis."""
        of_dc: FloatArray = getattr(self, which)
        return np.stack([of_dc, of_bands.sum(0) - of_dc])


def clean(logits: FloatArray, intercept: FloatArray) -> FloatArray:
    """Logits of the untouched map, (n_samples, n_classes), from its band logits."""
    total: FloatArray = logits.sum(0) + intercept
    return total


def change(
    mode: Mode,
    logits: FloatArray,
    fill: FloatArray,
    intercept: FloatArray,
    partner: NDArray[np.intp] | None = None,
    part: slice = ALL,
) -> FloatArray:
    """Logits after a mode that is linear in the map, on each band in turn.

    Parameters
    ----------
    mode : Mode
    logits : array of shape (n_bands, n_samples, n_classes)
    fill : array of shape (n_bands, n_classes)
        Band logits of the mode's fill.
    intercept : array of shape (n_classes,)
    partner : int array of shape (n_samples,), optional
        As of `partners`; needed by ``resample``.
    part : slice, optional
        Samples that are changed; their partners may be any.

    Returns
    -------
    array of shape (n_bands, n_samples, n_classes)
        In double precision.

    Raises
    ------
    ValueError
        If the mode is not linear in the map, or the partners that it needs are missing.
    """
    if not mode.is_linear:
        raise ValueError(f"mode of kind {mode.kind!r} is not linear in the map")
    own = _of_samples(logits, part)
    if mode.kind == "resample":
        return replace(own, _of_samples(logits, _needed(partner)[part]), intercept)
    return keep(own, fill, intercept, kept_bands(mode.kind, len(logits)))


def change_masks(
    mode: Mode,
    masked: FloatArray,
    fill: FloatArray,
    whole: FloatArray,
    whole_fill: FloatArray,
    partner: NDArray[np.intp] | None = None,
    part: slice = ALL,
) -> FloatArray:
    """As `change`, on masks that need not be a partition: one mask at a time.

    Parameters
    ----------
    mode : Mode
    masked, fill, whole, whole_fill : arrays
        As of `keep_masks`.
    partner : int array of shape (n_samples,), optional
        As of `partners`; needed by ``resample``.
    part : slice, optional
        Samples that are changed; their partners may be any.

    Returns
    -------
    array of shape (n_masks, n_samples, n_classes)
        In double precision.
    """
    own = _of_samples(masked, part)
    if mode.kind == "resample":
        replaced: FloatArray = whole[part] + (_of_samples(masked, _needed(partner)[part]) - own)
        return replaced
    return keep_masks(mode.kind, own, fill, whole[part], whole_fill)


def _of_samples(logits: NDArray[np.floating], samples: slice | NDArray[np.intp]) -> FloatArray:
    """Logits of some samples, in double precision."""
    return logits[:, samples].astype(np.float64, copy=False)


def _needed(partner: NDArray[np.intp] | None) -> NDArray[np.intp]:
    if partner is None:
        raise ValueError("mode of kind 'resample' needs partners")
    return partner


def keep(
    logits: FloatArray, fill: FloatArray, intercept: FloatArray, kept: NDArray[np.bool_]
) -> FloatArray:
    """Logits if some bands are kept and the fill takes the place of the others.

    Parameters
    ----------
    logits : array of shape (n_bands, n_samples, n_classes)
    fill : array of shape (n_bands, n_classes)
        Band logits of what stands in the gap: a map of zeros, or the training mean.
    intercept : array of shape (n_classes,)
    kept : array of shape (n_cells, n_bands)
        As of `bandprobe.fourier.modes.kept_bands`.

    Returns
    -------
    array of shape (n_cells, n_samples, n_classes)
        Exactly the clean logits where what is taken out equals the fill.
    """
    change = fill[:, None] - logits
    gone = (~kept).astype(np.float64)
    changed: FloatArray = np.tensordot(gone, change, axes=1) + clean(logits, intercept)
    return changed


def replace(logits: FloatArray, other: FloatArray, intercept: FloatArray) -> FloatArray:
    """Logits after each band in turn takes the band logits of another map.

    `other` has the shape of `logits`; so has the result. Where a band's logits are equal in both
    the result is exactly the clean one.
    """
    return clean(logits, intercept) + (other - logits)


def keep_masks(
    kind: str,
    masked: FloatArray,
    fill: FloatArray,
    whole: FloatArray,
    whole_fill: FloatArray,
) -> FloatArray:
    """Logits after ``remove`` or ``isolate`` of masks that need not be a partition.

    Parameters
    ----------
    kind : {"remove", "isolate"}
    masked : array of shape (n_masks, n_samples, n_classes)
        Part of the logits that comes from each mask.
    fill : array of shape (n_masks, n_classes)
        The same of what stands in the gap.
    whole, whole_fill : arrays of shape (n_samples, n_classes) and (n_classes,)
        Logits of the untouched map and of the fill's map, intercept included.

    Returns
    -------
    array of shape (n_masks, n_samples, n_classes)
    """
    change = fill[:, None] - masked
    return whole + change if kind == "remove" else whole_fill - change


def partners(labels: NDArray[np.integer], seed: int, draw: int) -> NDArray[np.intp]:
    """For each sample the position of a random sample of another class.

    Parameters
    ----------
    labels : array of shape (n_samples,)
        Of at least two classes.
    seed, draw : int

    Raises
    ------
    ValueError
        If all samples are of one class.
    """
    labels = np.asarray(labels)
    order = np.argsort(labels, kind="stable")
    classes, start, count = np.unique(labels[order], return_index=True, return_counts=True)
    if len(classes) < 2:
        raise ValueError("resampling needs samples of two or more classes")
    generator = np.random.default_rng([seed, draw])
    position = np.searchsorted(classes, labels)
    others = len(labels) - count[position]
    # Samples of other classes are all positions in the sorted order but the class's own run.
    pick = generator.integers(0, others)
    pick += np.where(pick >= start[position], count[position], 0)
    chosen: NDArray[np.intp] = order[pick]
    return chosen
