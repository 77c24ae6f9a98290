"""Random sets of bins outside a band that match it: in bins, in energy, or in variance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MaskArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.random_masks import conjugate_pairs

# A mask that differs from its band by more than this share of it does not match; one that differs
# by less than the second is filled up no further.
TOLERANCE = 0.05
CLOSE = 1e-3
# So many times as many masks are drawn, if some do not match or were drawn before.
PATIENCE = 3
# On larger grids masks are made of units of several pairs, drawn at random for each band: their
# sums serve all of its masks.
MOST_UNITS = 2000
# With fewer distinct masks no p-value could be below .05.
FEWEST = 19


@dataclass(frozen=True)
class OutsideMasks:
    """Random masks that match a band, and hold none of its bins, nor DC.

    Attributes
    ----------
    masks : bool array of shape (n_masks, height * (width // 2 + 1))
        On the half plane that a real FFT keeps; all are different. None if not enough sets of bins
        outside the band match it.
    matched : array of shape (n_masks,)
        Weight of each mask relative to the band's.
    share : float
        Of the band in the weight of all bins that are its own or could be in a mask.
    units : int array of shape (height * (width // 2 + 1),)
        Number of the unit that a bin belongs to, -1 where it is in no mask. A mask has all bins of
        a unit or none.
    """

    masks: MaskArray
    matched: FloatArray
    share: float
    units: NDArray[np.intp]


def outside_masks(
    partition: BandPartition, weight: FloatArray, band: int, n_masks: int, seed: tuple[int, ...]
) -> OutsideMasks:
    """Random masks whose bins outside a band weigh as much as the band.

    Parameters
    ----------
    partition : BandPartition
    weight : array of shape (height, width)
        Of each bin of the full plane: one, or its energy, or its variance; alike for conjugates.
    band : int
    n_masks : int
    seed : tuple of int

    Returns
    -------
    OutsideMasks
        Each takes conjugate pairs in a random order unless the sum would exceed the band's, and
        weighs at most 5 % less. No masks where the band has more than half of the weight, or none,
        and where fewer than 19 different ones are found, as on grids of a few bins. On small grids
        there may be fewer than were asked for.
    """
    generator = np.random.default_rng(seed)
    pairs = conjugate_pairs(partition.height, partition.width)
    flat = weight.ravel()
    of_pair = flat[pairs.first] + np.where(pairs.alone, 0.0, flat[pairs.second])
    own = np.equal(partition.index.ravel()[pairs.first], band)
    wanted = float(of_pair[own].sum())
    # DC, the first pair, is like no other bin: no mask has it.
    outside = np.flatnonzero(~own & (np.arange(len(own)) > 0) & (of_pair > 0))
    available = float(of_pair[outside].sum())
    share = wanted / (wanted + available) if wanted else 0.0
    columns = partition.width // 2 + 1
    size = -(-len(outside) // MOST_UNITS) or 1
    if size > 1:
        outside = generator.permutation(outside)
    unit = np.arange(len(outside)) // size
    of_unit = np.asarray(np.bincount(unit, of_pair[outside], 1), np.float64)
    plane = np.full(flat.size, -1)
    plane[pairs.first[outside]] = plane[pairs.second[outside]] = unit
    units = plane.reshape(partition.index.shape)[:, :columns].ravel()
    found: dict[bytes, float] = {}
    if wanted and share <= 0.5:
        for _ in range(PATIENCE * n_masks):
            taken, room = fill_up(of_unit, wanted, generator)
            if room <= TOLERANCE * wanted:
                # The last place is that of bins without a unit.
                inside = np.zeros(len(of_unit) + 1, bool)
                inside[taken] = True
                found.setdefault(inside[units].tobytes(), 1 - room / wanted)
            if len(found) == n_masks:
                break
    if len(found) < min(FEWEST, n_masks):
        found = {}
    shape = (len(found), partition.height * columns)
    masks = np.frombuffer(b"".join(found), bool).reshape(shape)
    return OutsideMasks(masks, np.array(list(found.values())), share, units)


def fill_up(
    weights: FloatArray, wanted: float, generator: np.random.Generator
) -> tuple[NDArray[np.intp], float]:
    """Positions of items in a random order, each taken unless the sum would exceed what is wanted.

    Parameters
    ----------
    weights : array of shape (n,)
        Positive.
    wanted : float
    generator : numpy.random.Generator

    Returns
    -------
    taken : int array
    room : float
        What the sum of the taken lacks.
    """
    slack = 1e-9 * wanted
    order = generator.permutation(len(weights))
    left = weights[order]
    room, taken = wanted, []
    while len(order) and room > CLOSE * wanted:
        total = np.cumsum(left)
        fits = int(np.searchsorted(total, room + slack, side="right"))
        if fits:
            taken.append(order[:fits])
            room -= float(total[fits - 1])
        # What is larger than the room that is left will never fit.
        fitting = np.flatnonzero(left[fits:] <= room + slack) + fits
        order, left = order[fitting], left[fitting]
    none = np.zeros(0, np.intp)
    return np.concatenate([none, *taken]), max(room, 0.0)
