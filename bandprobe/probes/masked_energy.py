"""Logits of the `energy` readout on maps of which random masks were changed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.features.blocks import sample_blocks
from bandprobe.fourier.transform import power
from bandprobe.linear.decompose import half_masks
from bandprobe.linear.energy_masks import MaskedEnergy, bin_sets
from bandprobe.probes.masks import BinPower, Masks
from bandprobe.probes.read import StoredEnergies
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class _Sets:
    """Sets of bins, and what each mode makes of them; their energies serve all modes.

    Attributes
    ----------
    control, draw : int
    cells : slice
        Bands that they stand for.
    masks : bool array of shape (n_sets, n_half_bins)
    modes : list of (int, bool array of shape (n_cells, n_sets), array)
        Position of a mode, the sets that it keeps, and the energies that take the place of others.
    """

    control: int
    draw: int
    cells: slice
    masks: MaskArray
    modes: list[tuple[int, NDArray[np.bool_], FloatArray]]


def masked_energy_logits(
    stored: StoredEnergies,
    features: Store,
    layer: str,
    masks: Masks,
    changes: Sequence[str],
    by_bin: BinPower,
) -> MapArray:
    """Logits of an energy readout of maps whose random masks were changed.

    Parameters
    ----------
    stored : StoredEnergies
    features : Store
        Of the evaluation images.
    layer : str
    masks : Masks
    changes : sequence of str
        Modes, as KIND/FILL.
    by_bin : BinPower

    Returns
    -------
    array of shape (n_controls, n_draws, n_changes, n_bands, n_samples, n_classes)
        NaN for masks that a mode cannot have.
    """
    partition = masks.partition
    energy = MaskedEnergy(stored.readout, partition.half_index.ravel(), by_bin.by_channel)
    n_draws = len(next(iter(masks.controls.values())))
    n_classes, _, n_bands = stored.readout.weights.shape
    n_samples = len(stored.evaluation)
    shape = (len(masks.controls), n_draws, len(changes), n_bands, n_samples, n_classes)
    logits = np.full(shape, np.nan, np.float32)
    all_sets = list(_all_sets(energy, masks, changes))
    for part, maps in sample_blocks(features, layer):
        of_bins = power(maps).reshape(*maps.shape[:2], -1)
        for sets in all_sets:
            energies = energy.energies(of_bins, sets.masks)
            for number, kept, fills in sets.modes:
                logits[sets.control, sets.draw, number, sets.cells, part] = energy.logits(
                    energies, fills, kept
                )
    return logits


def _all_sets(energy: MaskedEnergy, masks: Masks, changes: Sequence[str]) -> Iterator[_Sets]:
    for row, (control, of_control) in enumerate(masks.controls.items()):
        named = [(number, *change.partition("/")[::2]) for number, change in enumerate(changes)]
        modes = [
            (number, kind, fill)
            for number, kind, fill in named
            if control == "equal-bins" or kind in ("remove", "isolate")
        ]
        for draw, drawn in enumerate(of_control):
            half = half_masks(masks.partition, drawn)
            start = 0
            # For each mode the same sets, of which each keeps others.
            for same in zip(*(bin_sets(kind, control, half) for _, kind, _ in modes), strict=True):
                cells = slice(start, start + len(same[0].kept))
                start = cells.stop
                of_modes = [
                    (number, one.kept, energy.fills(one.masks, fill))
                    for (number, _, fill), one in zip(modes, same, strict=True)
                ]
                yield _Sets(row, draw, cells, same[0].masks, of_modes)
