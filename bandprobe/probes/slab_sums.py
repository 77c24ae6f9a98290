"""What one slab of channels brings to a fit, as a job of its own stores it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.base.progress import tracked
from bandprobe.features.blocks import channel_slabs, slab_channels
from bandprobe.features.shards import slab_slice
from bandprobe.fourier.bands import BandPartition
from bandprobe.linear.band_grams import BandGrams, BandRows
from bandprobe.linear.map_sums import MapSums
from bandprobe.store.zarr_store import Store, Variable, store_name, write_store

SPLITS = ("train", "eval")
MAPS = ("channel", "y", "x")


def write_sums(path: Path, sums: MapSums, attrs: Mapping[str, Any]) -> None:
    """Write what was added up over a slab."""
    variables = {
        "mean": Variable(("channel",), np.concatenate(sums.mean)),
        "scale": Variable(("channel",), np.concatenate(sums.scale)),
        "mean_map": Variable(MAPS, np.concatenate(sums.mean_map)),
    }
    for split, means in zip(SPLITS, sums.spatial_means, strict=True):
        values = np.concatenate(means, axis=1)[..., 0, 0]
        variables[f"spatial_mean_{split}"] = Variable((split, "channel"), values)
    if sums.direct:
        for split, rows in zip(SPLITS, sums.rows, strict=True):
            values = np.concatenate(rows, axis=1)
            variables[f"rows_{split}"] = Variable((split, "dimension"), values)
    elif sums.partition is None:
        variables["gram"] = Variable(("train", "other"), np.asarray(sums.gram))
        variables["kernel"] = Variable(("eval", "train"), np.asarray(sums.kernel))
    variables |= _of_bands(sums)
    write_store(path, variables, {}, dict(attrs) | {"direct": sums.direct})


def _of_bands(sums: MapSums) -> dict[str, Variable]:
    found: dict[str, Variable] = {}
    if isinstance(sums.grams, BandGrams):
        found["gram"] = Variable(("band", "train", "other"), np.stack(sums.grams.gram))
        found["kernel"] = Variable(("band", "eval", "train"), np.stack(sums.grams.kernel))
    elif sums.grams is not None:
        both = (sums.grams.train, sums.grams.evaluation)
        for split, bands in zip(SPLITS, both, strict=True):
            for band, rows in enumerate(bands):
                values = np.concatenate(rows, axis=1)
                dims = (split, f"coefficient_{band}")
                found[f"band_rows_{split}_{band}"] = Variable(dims, values)
    if sums.energies is not None:
        train, evaluation, mean_map = sums.energies.gathered()
        found["energy_train"] = Variable(("train", "channel", "energy_band"), train)
        found["energy_eval"] = Variable(("eval", "channel", "energy_band"), evaluation)
        found["energy_mean_map"] = Variable(("channel", "energy_band"), mean_map)
    return found


def read_sums(paths: Sequence[Path], partition: BandPartition | None) -> MapSums:
    """What several slabs bring together, in the order of their channels."""
    stores = [Store(path) for path in paths]
    sums = MapSums(bool(stores[0].attrs["direct"]), partition)
    for store in stores:
        _merge(sums, store)
    return sums


def _merge(sums: MapSums, store: Store) -> None:
    sums.mean.append(store.read("mean"))
    sums.scale.append(store.read("scale"))
    sums.mean_map.append(store.read("mean_map"))
    for split, means in zip(SPLITS, sums.spatial_means, strict=True):
        means.append(store.read(f"spatial_mean_{split}")[..., None, None])
    if sums.direct:
        for split, rows in zip(SPLITS, sums.rows, strict=True):
            rows.append(store.read(f"rows_{split}"))
    elif sums.partition is None:
        sums.gram = sums.gram + store.read("gram")
        sums.kernel = sums.kernel + store.read("kernel")
    _merge_bands(sums, store)


def _merge_bands(sums: MapSums, store: Store) -> None:
    if sums.partition is None:
        return
    n_bands = len(sums.partition.bands)
    if isinstance(sums.grams, BandGrams):
        sums.grams.gram = _added(sums.grams.gram, store.read("gram"))
        sums.grams.kernel = _added(sums.grams.kernel, store.read("kernel"))
    elif isinstance(sums.grams, BandRows):
        both = (
            [store.read(f"band_rows_{split}_{band}") for band in range(n_bands)] for split in SPLITS
        )
        sums.grams.add(*both)
    if sums.energies is not None:
        sums.energies.train.append(store.read("energy_train"))
        sums.energies.evaluation.append(store.read("energy_eval"))
        sums.energies.mean_map.append(store.read("energy_mean_map"))


def _added(total: list[FloatArray], more: FloatArray) -> list[FloatArray]:
    return [one + other for one, other in zip(total, more, strict=True)] if total else list(more)


def sum_slabs(
    train: Store,
    evaluation: Store,
    layer: str,
    partition: BandPartition | None,
    slab: tuple[int, int] = (0, 1),
    device: str = "cpu",
) -> MapSums:
    """What the readouts of the maps are fitted from, read some channels at a time.

    Parameters
    ----------
    train, evaluation : Store
        Feature maps of both splits.
    layer : str
    partition : BandPartition or None
    slab : pair of int
        Number and count, where several jobs share the channels.
    device : str
        Where transforms and inner products are computed.
    """
    n_train, n_channels, height, width = train.array(layer).shape
    sums = MapSums(n_channels * height * width <= n_train, partition, device=device)
    channels = slab_slice(n_channels, slab[1], slab[0])
    step = slab_channels(layer, train, evaluation)
    both = [channel_slabs(store, layer, step, channels)() for store in (train, evaluation)]
    pairs, total = zip(*both, strict=True), len(range(n_channels)[channels])
    what = f"{store_name(train.path)} {layer}"
    for one in tracked(pairs, total, "channels", what, lambda pair: pair[0].shape[1]):
        sums.add(*one)
    return sums
