"""A layer of a study as a plan sees it: its shape, the number of its samples, and their bytes."""

from __future__ import annotations

from dataclasses import dataclass

from bandprobe.features.blocks import channels_within
from bandprobe.planning.counts import Counts
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.store.zarr_store import feature_chunks

# Bytes of a number in single and in double precision.
SINGLE, DOUBLE = 4, 8


@dataclass(frozen=True)
class Layer:
    """A layer of a model in a study, with the samples that are stored of it."""

    model: str
    shape: LayerShape
    counts: Counts
    itemsize: int

    @property
    def direct(self) -> bool:
        """Whether maps have no more dimensions than there are training images."""
        return self.shape.dimensions <= self.counts.train

    @property
    def gram(self) -> int:
        """Bytes of the N x N matrix of training images; 0 if none is made."""
        return 0 if self.direct else DOUBLE * self.counts.train**2

    @property
    def weights(self) -> int:
        """Bytes of the weights W of one readout."""
        return SINGLE * self.counts.classes * self.shape.dimensions

    @property
    def slab(self) -> int:
        """Bytes of one slab of channels of the larger split, in single precision."""
        most = max(self.counts.train, self.counts.eval)
        shape = (most, self.shape.channels, self.shape.height, self.shape.width)
        chunk = feature_chunks(shape, self.itemsize)[1]
        channel = SINGLE * most * self.shape.height * self.shape.width
        channels = channels_within(channel, chunk)
        return channel * min(channels, self.shape.channels)
