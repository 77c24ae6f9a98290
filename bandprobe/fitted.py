"""A fitted readout as it is stored."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bandprobe.bands import BandPartition
from bandprobe.decompose import BandWeights, pack_weights
from bandprobe.store import Store

MapArray = NDArray[np.float32]


@dataclass(frozen=True)
class Readout:
    """A fitted readout; `bandprobe.probe.readout_logits` gives its logits by definition.

    Attributes
    ----------
    weights : array of shape (n_classes, n_channels, height, width)
    intercept : array of shape (n_classes,)
    channel_mean, channel_scale : arrays of shape (n_channels,)
    mean_map : array of shape (n_channels, height, width)
        What `fill: mean` puts into a gap.
    """

    weights: MapArray
    intercept: NDArray[np.float64]
    channel_mean: MapArray
    channel_scale: MapArray
    mean_map: MapArray

    def by_band(self, partition: BandPartition) -> BandWeights:
        """Its weights on centred raw maps, split into bands."""
        return pack_weights(self.weights / self.channel_scale[:, None, None], partition)


def read_readout(path: Path) -> Readout:
    """The readout of a probe store."""
    store = Store(path)
    names = ("W", "intercept", "channel_mean", "channel_scale", "mean_map")
    return Readout(*(store.read(name) for name in names))
