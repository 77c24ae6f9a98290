"""Fitting a readout from slabs of channels, so that no layer need be in memory.

A slab holds some channels of all samples. The Gram matrix is a sum over slabs, and a slab of the
weight map needs no other slab.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.probe import (
    Coordinates,
    FittedProbe,
    centre_channels,
    coordinates_from_gram,
)

FloatArray = NDArray[np.float64]
MapArray = NDArray[np.float32]
Slabs = Callable[[], Iterable[MapArray]]


@dataclass(frozen=True)
class StandardisedMaps:
    """Moments of the training maps, and all maps in coordinates of the training maps.

    Attributes
    ----------
    mean, scale : arrays of shape (n_channels,)
    mean_map : array of shape (n_channels, height, width)
        Mean over samples of the raw training maps.
    train : Coordinates
    evaluation : array of shape (n_eval, n_coordinates)
    """

    mean: MapArray
    scale: MapArray
    mean_map: MapArray
    train: Coordinates
    evaluation: FloatArray


def pooled(slabs: Slabs) -> Slabs:
    """Slabs of spatial means, shape (n_samples, n_channels, 1, 1): what the pooled readout sees."""
    means = [slab.mean((2, 3), keepdims=True) for slab in slabs()]
    return lambda: means


def recorded(slabs: Slabs) -> tuple[Slabs, Slabs]:
    """The same slabs, and what `pooled` gives, noted while the slabs are gone through."""
    means: list[MapArray] = []

    def iterate() -> Iterator[MapArray]:
        means.clear()
        for slab in slabs():
            means.append(slab.mean((2, 3), keepdims=True))
            yield slab

    return iterate, lambda: means


def standardise(slab: MapArray, mean: MapArray, scale: MapArray) -> MapArray:
    """Flat standardised maps, shape (n_samples, n_channels * height * width)."""
    return scaled(slab - mean[:, None, None], scale)


def scaled(centred: MapArray, scale: MapArray) -> MapArray:
    """Flat standardised maps from centred ones, which are overwritten."""
    centred *= (1 / scale)[:, None, None]
    return centred.reshape(len(centred), -1)


def standardise_maps(train_slabs: Slabs, eval_slabs: Slabs, n_dimensions: int) -> StandardisedMaps:
    """Moments and coordinates, from one pass over both splits.

    Parameters
    ----------
    train_slabs, eval_slabs : callables
        Give slabs of the same channels, in the order of the channels.
    n_dimensions : int
        Of one map: channels times height times width. The coordinates have no more.
    """
    means, scales, mean_maps, trained, evaluated = [], [], [], [], []
    gram: FloatArray | float = 0.0
    kernel: FloatArray | float = 0.0
    direct = False
    for train, evaluation in zip(train_slabs(), eval_slabs(), strict=True):
        centred, mean, scale = centre_channels(train)
        flat, other = scaled(centred, scale), standardise(evaluation, mean, scale)
        direct = n_dimensions <= len(flat)
        if direct:
            trained.append(flat.astype(np.float64))
            evaluated.append(other.astype(np.float64))
        else:
            gram = gram + (flat @ flat.T).astype(np.float64)
            kernel = kernel + (other @ flat.T).astype(np.float64)
        means.append(mean)
        scales.append(scale)
        mean_maps.append(train.mean(0))
    if direct:
        coordinates = Coordinates(np.concatenate(trained, axis=1), None)
        projected = np.concatenate(evaluated, axis=1)
    else:
        coordinates = coordinates_from_gram(np.asarray(gram))
        projected = np.asarray(kernel) @ coordinates.dual
    return StandardisedMaps(
        np.concatenate(means),
        np.concatenate(scales),
        np.concatenate(mean_maps),
        coordinates,
        projected,
    )


def weight_slabs(maps: StandardisedMaps, probe: FittedProbe, slabs: Slabs) -> Iterator[MapArray]:
    """The readout's weights, slab by slab, each (n_classes, n_channels, height, width)."""
    coefficients = probe.path.coefficients[probe.chosen]
    if maps.train.dual is None:
        yield coefficients.T.reshape(-1, *maps.mean_map.shape).astype(np.float32)
        return
    on_maps = (maps.train.dual @ coefficients).T.astype(np.float32)
    start = 0
    for slab in slabs():
        part = slice(start, start + slab.shape[1])
        weights = on_maps @ standardise(slab, maps.mean[part], maps.scale[part])
        yield weights.reshape(-1, *slab.shape[1:])
        start += slab.shape[1]
