"""Fitted readouts as they are stored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.linear.decompose import BandWeights, pack_slabs
from bandprobe.linear.energy import EnergyReadout, EnergyScale
from bandprobe.store.chunks import StoredArray
from bandprobe.store.zarr_store import Store


@dataclass(frozen=True)
class Readout:
    """A fitted linear readout; `bandprobe.linear.standardise.readout_logits` defines its logits.

    Attributes
    ----------
    weights : array of shape (n_classes, n_channels, height, width)
        In memory, or in a store that it is read from some channels at a time.
    intercept : array of shape (n_classes,)
    channel_mean, channel_scale : arrays of shape (n_channels,)
    mean_map : array of shape (n_channels, height, width)
        What `fill: mean` puts into a gap.
    without_dc : bool
        Whether it takes the spatial mean off each map first, as `pattern` does.
    """

    weights: MapArray | StoredArray
    intercept: FloatArray
    channel_mean: MapArray
    channel_scale: MapArray
    mean_map: MapArray
    without_dc: bool = False

    def by_band(self, partition: BandPartition) -> BandWeights:
        """Its weights on centred raw maps, split into bins."""
        return pack_slabs(
            self._scaled_slabs(), len(self.channel_mean), partition, without_dc=self.without_dc
        )

    def _scaled_slabs(self) -> Iterator[MapArray]:
        """Weights of centred raw maps, a chunk of channels at a time."""
        weights, n_channels = self.weights, len(self.channel_mean)
        step = weights.chunks[1] if isinstance(weights, StoredArray) else n_channels
        for start in range(0, n_channels, step):
            part = slice(start, start + step)
            yield np.divide(
                weights[:, part], self.channel_scale[part, None, None], dtype=np.float32
            )


def read_readout(path: Path) -> Readout:
    """The linear readout of a probe store."""
    store = Store(path)
    return Readout(
        weights=store.array("W"),
        intercept=store.read("intercept"),
        channel_mean=store.read("channel_mean"),
        channel_scale=store.read("channel_scale"),
        mean_map=store.read("mean_map"),
        without_dc=bool(store.attrs.get("without_dc")),
    )


@dataclass(frozen=True)
class StoredEnergies:
    """A fitted energy readout with the energies that it scores.

    Attributes
    ----------
    readout : EnergyReadout
    evaluation : array of shape (n_samples, n_channels, n_bands)
        Of the raw evaluation maps.
    """

    readout: EnergyReadout
    evaluation: FloatArray


def read_energies(path: Path) -> StoredEnergies:
    """The energy readout of a probe store."""
    store = Store(path)
    scale = EnergyScale(*(store.read(f"log_energy_{name}") for name in ("floor", "mean", "scale")))
    readout = EnergyReadout(store.read("W"), store.read("intercept"), scale)
    return StoredEnergies(readout, store.read("eval_energy"))
