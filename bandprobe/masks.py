"""Random masks of one layer as they are stored, with how well they match their bands."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.bands import BandPartition
from bandprobe.controls import KINDS, equal_bins, equal_energy
from bandprobe.fourier import multiplicity, power
from bandprobe.store import Variable, write_store

FloatArray = NDArray[np.float64]


class MeanPower:
    """Mean power of each bin over samples and channels, added up block by block."""

    def __init__(self, height: int, width: int) -> None:
        self._height, self._width = height, width
        self._total = np.zeros((height, width // 2 + 1))
        self._count = 0

    def add(self, maps: NDArray[np.float32]) -> None:
        """Add maps of shape (n_samples, n_channels, height, width)."""
        self._total += power(maps).sum((0, 1), dtype=np.float64)
        self._count += maps.shape[0] * maps.shape[1]

    def full_plane(self) -> FloatArray:
        """Power of every bin of the full plane, (height, width), in squared feature units."""
        half = self._total / multiplicity(self._height, self._width) / max(1, self._count)
        full = np.empty((self._height, self._width))
        columns = half.shape[1]
        full[:, :columns] = half
        rest = np.arange(columns, self._width)
        full[:, rest] = half[
            (-np.arange(self._height) % self._height)[:, None], -rest % self._width
        ]
        return full


def write_masks(
    path: Path,
    partition: BandPartition,
    power_by_bin: FloatArray,
    draws: int,
    seed: int,
    attrs: Mapping[str, Any],
) -> None:
    """Draw and write the control masks of one layer.

    Parameters
    ----------
    path : Path
    partition : BandPartition
    power_by_bin : array of shape (height, width)
        Mean power, which masks of equal energy are matched on.
    draws, seed : int
    attrs : mapping
        Provenance.
    """
    n_bands = len(partition.bands)
    bands = np.arange(n_bands)[:, None, None]
    masks = np.stack(
        [
            [np.equal(equal_bins(partition, seed, draw), bands) for draw in range(draws)],
            [equal_energy(partition, power_by_bin, seed, draw) for draw in range(draws)],
        ]
    )
    dims = ("control", "control_draw", "band")
    own = np.array([power_by_bin[partition.mask(band)].sum() for band in range(n_bands)])
    energy = np.einsum("cdbyx,yx->cdb", masks, power_by_bin)
    share = np.divide(energy, own, out=np.full_like(energy, np.nan), where=own > 0)
    write_store(
        path,
        {
            "mask": Variable(
                (*dims, "y", "x"), masks, {"long_name": "bins of the full plane, DC at [0, 0]"}
            ),
            "mask_bins": Variable(dims, masks.sum((-2, -1)), {"units": "1"}),
            "mask_energy": Variable(
                dims, share, {"units": "1", "long_name": "mean energy relative to the band's"}
            ),
            "bins": Variable(("band",), partition.counts, {"units": "1"}),
        },
        {
            "band": Variable(("band",), np.array(partition.bands.names)),
            "control": Variable(("control",), np.array(KINDS)),
        },
        attrs,
    )
