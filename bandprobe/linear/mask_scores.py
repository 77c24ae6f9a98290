"""A linear readout's scores after random masks were changed, hundreds of them, from one transform.

The products of each bin serve every mask: its logits are their sum over its bins. The scores are
added up as the images pass by, as the logits of all masks would not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import ComplexArray, FloatArray, MapArray, MaskArray
from bandprobe.base.blocks import sized
from bandprobe.base.devices import fetch, put_like
from bandprobe.linear.decompose import BandWeights

# Logits of as many masks are in memory, and as many are scored at a time: in the cache.
# A thousand masks of 64 images and 1000 classes take one pass over the bins.
LOGIT_BYTES = 300_000_000
SCORED_BYTES = 400_000
# Sums of so many units are in memory at a time.
UNIT_BYTES = 32_000_000
SCORES = ("correct", "rank", "margin")


@dataclass(frozen=True)
class Untouched:
    """What the logits of changed maps are made of beside those of the masks.

    Attributes
    ----------
    clean : array of shape (n_samples, n_classes)
        Logits of the untouched maps.
    fills : mapping of str to arrays of shape (n_classes,)
        For each fill the logits of its map, intercept included.
    """

    clean: FloatArray
    fills: Mapping[str, FloatArray]


@dataclass
class MaskTally:
    """Scores under each change of each mask, added up.

    Parameters
    ----------
    weights : BandWeights
    masks : bool array of shape (n_masks, n_half_bins)
        Without DC.
    units : int array of shape (n_sets, n_half_bins)
        Of each set of masks the unit that a bin belongs to, -1 where it is in none of them.
    changes : sequence of str
        Modes, as KIND/FILL, of the kinds ``remove`` and ``isolate``.
    mean : array of shape (1, n_channels, height, width // 2 + 1)
        Real FFT of the centred mean training map.
    owner : int array of shape (n_masks,)
        Number of the set that a mask belongs to, in order; means over masks are those of a set.
    n_samples : int

    Attributes
    ----------
    by_mask : dict of str to arrays of shape (n_changes, n_masks)
        Sums over samples of each of `SCORES`.
    by_sample : dict of str to arrays of shape (n_changes, n_sets, n_samples)
        Sums over the masks of a set.
    """

    weights: BandWeights
    masks: MaskArray
    units: NDArray[np.intp]
    changes: Sequence[str]
    mean: ComplexArray
    owner: NDArray[np.intp]
    n_samples: int
    by_mask: dict[str, FloatArray] = field(init=False)
    by_sample: dict[str, FloatArray] = field(init=False)

    def __post_init__(self) -> None:
        shape = (len(self.changes), len(self.units), self.n_samples)
        self.by_mask = {name: np.zeros((shape[0], len(self.masks))) for name in SCORES}
        self.by_sample = {name: np.zeros(shape) for name in SCORES}

    def add(
        self,
        coefficients: ComplexArray,
        untouched: Untouched,
        labels: NDArray[np.integer],
        part: slice,
    ) -> None:
        """Score some samples.

        Parameters
        ----------
        coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
            Real FFT of the maps; a shift of their mean changes nothing.
        untouched : Untouched
        labels : array of shape (n_samples,)
        part : slice
            Their positions among all samples.
        """
        row_bytes = 4 * len(labels) * untouched.clean.shape[1]
        step = max(1, sized(LOGIT_BYTES) // row_bytes)
        scored = max(1, SCORED_BYTES // row_bytes)
        for start in range(0, len(self.masks), step):
            rows = slice(start, min(start + step, len(self.masks)))
            logits = self._logits(coefficients, rows)
            fill = self._of_mean[rows]
            for first in range(0, len(logits), scored):
                few = slice(first, first + scored)
                where = slice(start + first, start + first + len(logits[few]))
                self._score(logits[few], fill[few], untouched, labels, where, part)

    def _logits(self, coefficients: ComplexArray, rows: slice) -> MapArray:
        """Logits of some masks, by the sums of their units where these are fewer than bins."""
        masks, owner = self.masks[rows], self.owner[rows]
        few = 2 * (self.units.max(initial=0) + 1) <= self.units.shape[1]
        if not few or not isinstance(coefficients, np.ndarray):
            return mask_logits(self.weights, coefficients, masks)
        n_classes = self.weights.spatial_sum.shape[1]
        logits = np.empty((len(masks), n_classes, len(coefficients)), np.float32)
        for number in np.unique(owner):
            of_set = np.equal(owner, number)
            units = self.units[number]
            logits[of_set] = unit_logits(self.weights, coefficients, masks[of_set], units)
        return logits

    @cached_property
    def _of_mean(self) -> MapArray:
        """Logits of all masks of the mean training map, (n_masks, n_classes, 1)."""
        return self._logits(self.mean, slice(None))

    def _score(
        self,
        logits: MapArray,
        mean: MapArray,
        untouched: Untouched,
        labels: NDArray[np.integer],
        rows: slice,
        part: slice,
    ) -> None:
        """Score a few masks, whose logits have the shape (n_masks, n_classes, n_samples)."""
        owner = self.owner[rows]
        sets = np.unique(owner)
        member = np.equal(owner, sets[:, None]).astype(np.float32)
        clean = relative(untouched.clean.T.astype(np.float32), labels)
        for fill in dict.fromkeys(change.split("/")[1] for change in self.changes):
            more = relative(logits if fill == "zero" else logits - mean, labels)
            whole = untouched.fills[fill].astype(np.float32)
            alone = whole[:, None] - whole[labels]
            for kind, base in (("remove", clean), ("isolate", alone)):
                if f"{kind}/{fill}" not in self.changes:
                    continue
                number = self.changes.index(f"{kind}/{fill}")
                ahead = base - more if kind == "remove" else base + more
                for name, values in scores(ahead, labels).items():
                    self.by_mask[name][number, rows] += values.sum(1, dtype=np.float64)
                    self.by_sample[name][number, sets, part] += member @ values


def relative(logits: MapArray, labels: NDArray[np.integer]) -> MapArray:
    """Logits (..., n_classes, n_samples) minus that of each sample's own class."""
    own = logits[..., labels, np.arange(len(labels))]
    ahead: MapArray = logits - own[..., None, :]
    return ahead


def scores(ahead: MapArray, labels: NDArray[np.integer]) -> dict[str, MapArray]:
    """Each of `SCORES`, (n_masks, n_samples), as of `bandprobe.scoring.outcomes.outcomes`.

    Parameters
    ----------
    ahead : array of shape (n_masks, n_classes, n_samples)
        By how much the logit of each class exceeds that of the sample's own class; changed.
    labels : array of shape (n_samples,)
    """
    # Reductions over the classes run along contiguous samples.
    ahead[:, labels, np.arange(len(labels))] = -np.inf
    highest = ahead.max(1)
    rank = 1 + _count(ahead > 0)
    rank += _count(ahead == 0) / 2
    return {"correct": (highest < 0).astype(np.float32), "rank": rank, "margin": -highest}


def _count(true: MaskArray) -> MapArray:
    """How many classes there are, (n_masks, n_samples), of (n_masks, n_classes, n_samples)."""
    # Sums of bytes are many times as fast as others.
    kind = np.uint8 if true.shape[1] < 256 else np.uint32
    count: MapArray = true.view(np.uint8).sum(1, dtype=kind).astype(np.float32)
    return count


def mask_logits(weights: BandWeights, coefficients: ComplexArray, masks: MaskArray) -> MapArray:
    """Logits of each mask, shape (n_masks, n_classes, n_samples), in single precision.

    Parameters
    ----------
    weights : BandWeights
    coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
    masks : bool array of shape (n_masks, n_half_bins)
    """
    n_samples, n_classes = len(coefficients), weights.spatial_sum.shape[1]
    total = np.zeros((len(masks), n_classes * n_samples), np.float32)
    for part, products in _by_class(weights, coefficients):
        member = put_like(masks[:, weights.bins[part]].astype(np.float32), products)
        total += fetch(member @ products)
    return total.reshape(len(masks), n_classes, n_samples)


def unit_logits(
    weights: BandWeights, coefficients: ComplexArray, masks: MaskArray, units: NDArray[np.intp]
) -> MapArray:
    """As `mask_logits`, of masks that have all bins of a unit or none.

    The bins of a unit share one product, in which they stand side by side with their channels, so
    that the logits of single bins are never there.

    Parameters
    ----------
    weights : BandWeights
    coefficients : array of shape (n_samples, n_channels, height, width // 2 + 1)
        In the machine's memory.
    masks : bool array of shape (n_masks, n_half_bins)
    units : int array of shape (n_half_bins,)
        -1 where a bin belongs to none.
    """
    n_samples, n_classes = len(coefficients), weights.spatial_sum.shape[1]
    flat = coefficients.reshape(n_samples, coefficients.shape[1], -1)
    # Bins that the readout has weight in, in the order of their units.
    order = np.argsort(units[weights.bins], kind="stable")
    found, first = np.unique(units[weights.bins][order], return_index=True)
    where = [at for unit, at in zip(found, np.split(order, first[1:]), strict=True) if unit >= 0]
    total = np.zeros((len(masks), n_classes * n_samples), np.float32)
    step = max(1, sized(UNIT_BYTES) // (4 * n_classes * n_samples))
    for start in range(0, len(where), step):
        few = where[start : start + step]
        sums = np.empty((len(few), n_classes, n_samples), np.float32)
        for row, at in enumerate(few):
            chosen = flat[:, :, weights.bins[at]].transpose(2, 1, 0)
            packed = np.concatenate([chosen.real, chosen.imag], axis=1).reshape(-1, n_samples)
            np.matmul(weights.blocks[at].reshape(-1, n_classes).T, packed, out=sums[row])
        # A bin of each unit stands for all of it.
        member = masks[:, weights.bins[[at[0] for at in few]]].astype(np.float32)
        total += member @ sums.reshape(len(few), -1)
    return total.reshape(len(masks), n_classes, n_samples)


def _by_class(weights: BandWeights, coefficients: ComplexArray) -> Iterator[tuple[slice, MapArray]]:
    """Logits of some bins at a time, (n_bins, n_classes * n_samples)."""
    for part, products in weights.products(coefficients):
        by_class = products.swapaxes(1, 2).reshape(len(products), -1)
        yield part, cast(MapArray, by_class)
