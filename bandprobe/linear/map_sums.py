"""What readouts of a layer's maps are fitted from, added up slab by slab.

A slab has some channels of all samples. Gram matrices are sums over slabs, so a layer never has
to fit in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from bandprobe.base.arrays import MapArray
from bandprobe.base.devices import put
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.rounding import ROUNDING_SHARE
from bandprobe.fourier.transform import without_mean
from bandprobe.linear.band_grams import BandSums
from bandprobe.linear.inner_products import (
    ProductMatrix,
    add_gram,
    add_kernel,
    complete,
    row_blocks,
    sum_type,
)
from bandprobe.linear.standardise import centre_channels, scaled, standardise

# Of the channels of a slab in single precision that are worked on at once.
PART_BYTES = 64_000_000


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
    without_dc : bool
        Whether the spatial mean of each map is taken off, as for the readout `pattern`.
    pattern : MapSums, optional
        The same channels without their spatial means, if these are added up too.
    mean, scale : lists of arrays of shape (n_channels,)
    mean_map : list of arrays of shape (n_channels, height, width)
    spatial_means : pair of lists of arrays of shape (n_samples, n_channels, 1, 1)
        Of the training and the evaluation maps, as all pairs here; empty for `pattern`.
    rows : pair of lists of arrays of shape (n_samples, n_dimensions)
    gram, kernel : arrays of shape (n_train, n_train) and (n_eval, n_train)
        As of `bandprobe.linear.inner_products`; None as long as nothing was added.
    constant_energy : float
        Energy of the training maps in channels whose maps are constant, in the same units.
    """

    direct: bool
    by_band: BandSums | None = None
    device: str = "cpu"
    without_dc: bool = False
    pattern: MapSums | None = None
    mean: list[MapArray] = field(default_factory=list)
    scale: list[MapArray] = field(default_factory=list)
    mean_map: list[MapArray] = field(default_factory=list)
    spatial_means: tuple[list[MapArray], list[MapArray]] = field(default_factory=lambda: ([], []))
    rows: tuple[list[MapArray], list[MapArray]] = field(default_factory=lambda: ([], []))
    gram: ProductMatrix | None = None
    kernel: ProductMatrix | None = None
    constant_energy: float = 0.0

    @classmethod
    def empty(
        cls,
        *,
        direct: bool,
        partition: BandPartition | None = None,
        device: str = "cpu",
        pattern: bool = False,
        pattern_by_band: bool = False,
    ) -> MapSums:
        """Nothing yet.

        With a partition everything will be added up band by band; with `pattern` the maps without
        their spatial means will be added up too, band by band only with `pattern_by_band`.
        """
        by_band = None if partition is None else BandSums.empty(partition, direct=direct)
        own = None
        if pattern:
            own = cls(direct, device=device, without_dc=True)
            if pattern_by_band and partition is not None:
                own.by_band = BandSums.empty(partition, direct=direct)
        return cls(direct, by_band, device, pattern=own)

    def add_slab(self, train: MapArray, evaluation: MapArray) -> None:
        """Add the same channels of both splits, arrays (n_samples, n_channels, height, width)."""
        for part in channel_parts(train.shape, evaluation.shape):
            self._add(train[:, part], evaluation[:, part])

    def _add(self, train: MapArray, evaluation: MapArray) -> None:
        if self.pattern is not None:
            self.pattern._add(train, evaluation)
        mean_map = train.mean(0)
        if self.without_dc:
            centred, mean, scale, constant_energy = centre_maps(train)
            self.constant_energy += constant_energy
            evaluation = standardise_maps(evaluation, scale)
        else:
            for means, maps in zip(self.spatial_means, (train, evaluation), strict=True):
                means.append(spatial_mean(maps))
            centred, mean, scale = centre_channels(train)
            evaluation = standardise(evaluation, mean, scale)
        train = scaled(centred, scale)
        if self.direct:
            for rows, maps in zip(self.rows, (train, evaluation), strict=True):
                rows.append(maps.reshape(len(maps), -1))
        if self.by_band is not None:
            on_device = put(train, self.device), put(evaluation, self.device)
            self.by_band.add_slab(*on_device, (mean, scale))
        elif not self.direct:
            flat = (maps.reshape(len(maps), -1) for maps in (train, evaluation))
            rows, columns = (put(maps, self.device) for maps in flat)
            self.gram = add_gram(self.gram, rows)
            self.kernel = add_kernel(self.kernel, columns, rows)
        self.mean.append(mean)
        self.scale.append(scale)
        self.mean_map.append(mean_map)

    def complete(self) -> None:
        """Complete the Gram matrices after the last slab."""
        if self.pattern is not None:
            self.pattern.complete()
        if self.by_band is not None:
            self.by_band.products.complete()
        if self.gram is not None:
            complete(self.gram)


def channel_parts(*shapes: tuple[int, ...]) -> Iterator[slice]:
    """Channels of a slab that are worked on at once: several copies of these are made.

    Parameters
    ----------
    shapes : tuples (n_samples, n_channels, height, width)
        Of the splits.
    """
    n_channels = shapes[0][1]
    if sum_type(max(shape[0] for shape in shapes)) is np.float64:
        # Of fewer images a slab is no burden, and sums in another order round in another way.
        return row_blocks(n_channels, n_channels)
    channel = max(4 * samples * height * width for samples, _, height, width in shapes)
    return row_blocks(n_channels, max(1, PART_BYTES // channel))


def centre_maps(maps: MapArray) -> tuple[MapArray, MapArray, MapArray, float]:
    """Maps minus their spatial means, and the moments that standardise what is left.

    Parameters
    ----------
    maps : array of shape (n_samples, n_channels, height, width)

    Returns
    -------
    centred : array of the shape of `maps`
    mean, scale : arrays of shape (n_channels,)
        The mean is that of `centre_channels`, for reference: what is left has the mean zero. The
        scale is its standard deviation; in a channel whose maps are constant up to rounding it is
        the root mean square of the raw maps, and 1 if these are zero.
    constant_energy : float
        Energy of the raw maps in channels of constant maps, in units of their scale: what would
        otherwise have rounding as its only measure.
    """
    centred, spatial = without_mean(maps)
    n_samples, n_channels, n_positions = len(maps), maps.shape[1], centred[0, 0].size
    flat = centred.reshape(n_samples, n_channels, n_positions)
    squares = np.einsum("ncp,ncp->nc", flat, flat)
    scale, constant_energy = pattern_scale(squares, spatial[..., 0, 0], n_positions)
    mean = maps.mean((2, 3)).mean(0, dtype=np.float64).astype(np.float32)
    return centred, mean, scale, constant_energy


def pattern_scale(squares: MapArray, levels: MapArray, n_positions: int) -> tuple[MapArray, float]:
    """Scale of each channel and the energy of constant maps, as of `centre_maps`.

    Parameters
    ----------
    squares : array of shape (n_samples, n_channels)
        Sums over positions of the squares of maps minus their spatial means.
    levels : array of shape (n_samples, n_channels)
        These means.
    n_positions : int
    """
    square = squares.mean(0, dtype=np.float64) / n_positions
    whole = square + np.square(levels.astype(np.float64)).mean(0)
    varies = square > ROUNDING_SHARE * whole
    variance = np.where(varies, square, np.where(whole > 0, whole, 1.0))
    constant_energy = len(squares) * n_positions * int((~varies & (whole > 0)).sum())
    return np.sqrt(variance).astype(np.float32), float(constant_energy)


def standardise_maps(maps: MapArray, scale: MapArray) -> MapArray:
    """Maps minus their spatial means, divided by the scale of their channel."""
    return scaled(without_mean(maps)[0], scale)


def spatial_mean(maps: MapArray) -> MapArray:
    """What the pooled readout sees of maps, shape (n_samples, n_channels, 1, 1)."""
    mean: MapArray = np.asarray(maps.mean((2, 3), keepdims=True))
    return mean
