"""What readouts of a layer's maps are fitted from, added up slab by slab.

A slab has some channels of all samples. Gram matrices are sums over slabs, so a layer never has
to fit in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.devices import doubled, put
from bandprobe.fourier.bands import BandPartition
from bandprobe.linear.band_grams import BandSums
from bandprobe.linear.standardise import centre_channels, scaled, standardise


@dataclass
class MapSums:
    """What is added up over slabs of channels before a readout of the maps can be fitted.

    Attributes
    ----------
    direct : bool
        Whether maps have no more dimensions than there are training maps. Then the maps are kept,
        otherwise their inner products.
    by_band : BandSums, optional
        Present if everything is added up band by band, and energies along with it; then `gram` and
        `kernel` stay empty.
    device : str
        Where transforms and inner products are computed; sums are kept in the machine's memory.
    mean, scale : lists of arrays of shape (n_channels,)
    mean_map : list of arrays of shape (n_channels, height, width)
    spatial_means : pair of lists of arrays of shape (n_samples, n_channels, 1, 1)
        Of the training and the evaluation maps, as all pairs here.
    rows : pair of lists of arrays of shape (n_samples, n_dimensions)
    gram, kernel : arrays of shape (n_train, n_train) and (n_eval, n_train)
    """

    direct: bool
    by_band: BandSums | None = None
    device: str = "cpu"
    mean: list[MapArray] = field(default_factory=list)
    scale: list[MapArray] = field(default_factory=list)
    mean_map: list[MapArray] = field(default_factory=list)
    spatial_means: tuple[list[MapArray], list[MapArray]] = field(default_factory=lambda: ([], []))
    rows: tuple[list[MapArray], list[MapArray]] = field(default_factory=lambda: ([], []))
    gram: FloatArray | float = 0.0
    kernel: FloatArray | float = 0.0

    @classmethod
    def empty(
        cls, *, direct: bool, partition: BandPartition | None = None, device: str = "cpu"
    ) -> MapSums:
        """Nothing yet; with a partition everything will be added up band by band."""
        by_band = None if partition is None else BandSums.empty(partition, direct=direct)
        return cls(direct, by_band, device)

    def add_slab(self, train: MapArray, evaluation: MapArray) -> None:
        """Add the same channels of both splits, arrays (n_samples, n_channels, height, width)."""
        for means, maps in zip(self.spatial_means, (train, evaluation), strict=True):
            means.append(spatial_mean(maps))
        mean_map = train.mean(0)
        centred, mean, scale = centre_channels(train)
        train, evaluation = scaled(centred, scale), standardise(evaluation, mean, scale)
        if self.direct:
            for rows, maps in zip(self.rows, (train, evaluation), strict=True):
                rows.append(maps.reshape(len(maps), -1))
        if self.by_band is not None:
            on_device = put(train, self.device), put(evaluation, self.device)
            self.by_band.add_slab(*on_device, (mean, scale))
        elif not self.direct:
            flat = (maps.reshape(len(maps), -1) for maps in (train, evaluation))
            rows, columns = (put(maps, self.device) for maps in flat)
            self.gram = self.gram + doubled(rows @ rows.T)
            self.kernel = self.kernel + doubled(columns @ rows.T)
        self.mean.append(mean)
        self.scale.append(scale)
        self.mean_map.append(mean_map)


def spatial_mean(maps: MapArray) -> MapArray:
    """What the pooled readout sees of maps, shape (n_samples, n_channels, 1, 1)."""
    mean: MapArray = np.asarray(maps.mean((2, 3), keepdims=True))
    return mean
