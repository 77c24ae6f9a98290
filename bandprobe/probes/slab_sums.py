"""Sums over one slab of a layer's channels, which a job of its own adds up and stores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.base.devices import open_device
from bandprobe.features.blocks import paired_slabs
from bandprobe.features.shards import slab_slice
from bandprobe.fourier.bands import BandPartition, Bands
from bandprobe.linear.band_grams import BandGrams, BandRows, BandSums
from bandprobe.linear.map_sums import MapSums
from bandprobe.store.provenance import provenance, stated
from bandprobe.store.zarr_store import Store, Variable, write_store

SPLITS = ("train", "eval")
MAPS = ("channel", "y", "x")


def sum_slab(
    output: Path,
    train: Path,
    evaluation: Path,
    layer: str,
    bands: Bands | None,
    slab: tuple[int, int],
    *,
    code: str,
    device: str = "cpu",
) -> None:
    """Add up one slab of a layer's channels, and store its sums.

    Parameters
    ----------
    output : Path
        The store of the sums.
    train, evaluation : Path
        Stores of the features of both splits.
    layer : str
    bands : Bands or None
        If given, everything is added up band by band.
    slab : pair of int
        Its number, from 0, and how many there are.
    code : str
        Digest of the code, for the provenance.
    device : str
        As of `bandprobe.base.devices.open_device`.
    """
    stores = Store(train), Store(evaluation)
    height, width = stores[0].array(layer).shape[-2:]
    partition = None if bands is None else bands.on_grid(height, width)
    sums = sum_channels(*stores, layer, partition, slab, open_device(device))
    stage = {"layer": layer, "bands": None if bands is None else stated(bands)}
    write_sums(output, sums, provenance(code, stage | {"slab": slab}))


def sum_channels(
    train: Store,
    evaluation: Store,
    layer: str,
    partition: BandPartition | None,
    slab: tuple[int, int] = (0, 1),
    device: str = "cpu",
) -> MapSums:
    """What the readouts of the maps are fitted from, added up over the channels of one slab.

    Parameters
    ----------
    train, evaluation : Store
        Feature maps of both splits.
    layer : str
    partition : BandPartition or None
        If given, everything is added up band by band.
    slab : pair of int
        Its number, from 0, and how many there are. One slab has all channels.
    device : str
        Where transforms and inner products are computed.
    """
    n_train, n_channels, height, width = train.array(layer).shape
    direct = n_channels * height * width <= n_train
    sums = MapSums.empty(direct=direct, partition=partition, device=device)
    number, count = slab
    channels = slab_slice(n_channels, count, number)
    for train_maps, eval_maps in paired_slabs(train, evaluation, layer, channels):
        sums.add_slab(train_maps, eval_maps)
    return sums


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
    if sums.by_band is not None:
        variables |= _band_variables(sums.by_band)
    elif not sums.direct:
        variables["gram"] = Variable(("train", "other"), np.asarray(sums.gram))
        variables["kernel"] = Variable(("eval", "train"), np.asarray(sums.kernel))
    write_store(path, variables, {}, dict(attrs) | {"direct": sums.direct})


def _band_variables(sums: BandSums) -> dict[str, Variable]:
    variables: dict[str, Variable] = {}
    if isinstance(sums.products, BandGrams):
        variables["gram"] = Variable(("band", "train", "other"), np.stack(sums.products.gram))
        variables["kernel"] = Variable(("band", "eval", "train"), np.stack(sums.products.kernel))
    else:
        by_split = (sums.products.train, sums.products.evaluation)
        for split, bands in zip(SPLITS, by_split, strict=True):
            for band, rows in enumerate(bands):
                values = np.concatenate(rows, axis=1)
                dims = (split, f"coefficient_{band}")
                variables[f"band_rows_{split}_{band}"] = Variable(dims, values)
    train, evaluation, mean_map = sums.energies.gathered()
    return variables | {
        "energy_train": Variable(("train", "channel", "energy_band"), train),
        "energy_eval": Variable(("eval", "channel", "energy_band"), evaluation),
        "energy_mean_map": Variable(("channel", "energy_band"), mean_map),
    }


def read_sums(paths: Sequence[Path], partition: BandPartition | None) -> MapSums:
    """What several slabs add up to; the paths are in the order of the channels."""
    stores = [Store(path) for path in paths]
    sums = MapSums.empty(direct=bool(stores[0].attrs["direct"]), partition=partition)
    for store in stores:
        _add_stored(sums, store)
    return sums


def _add_stored(sums: MapSums, store: Store) -> None:
    sums.mean.append(store.read("mean"))
    sums.scale.append(store.read("scale"))
    sums.mean_map.append(store.read("mean_map"))
    for split, means in zip(SPLITS, sums.spatial_means, strict=True):
        means.append(store.read(f"spatial_mean_{split}")[..., None, None])
    if sums.direct:
        for split, rows in zip(SPLITS, sums.rows, strict=True):
            rows.append(store.read(f"rows_{split}"))
    if sums.by_band is not None:
        _add_stored_bands(sums.by_band, store)
    elif not sums.direct:
        sums.gram = sums.gram + store.read("gram")
        sums.kernel = sums.kernel + store.read("kernel")


def _add_stored_bands(sums: BandSums, store: Store) -> None:
    products = sums.products
    if isinstance(products, BandRows):
        bands = range(len(sums.partition.bands))
        by_split = ([store.read(f"band_rows_{split}_{b}") for b in bands] for split in SPLITS)
        products.add_packed(*by_split)
    else:
        products.gram = _added(products.gram, store.read("gram"))
        products.kernel = _added(products.kernel, store.read("kernel"))
    sums.energies.train.append(store.read("energy_train"))
    sums.energies.evaluation.append(store.read("energy_eval"))
    sums.energies.mean_map.append(store.read("energy_mean_map"))


def _added(total: list[FloatArray], slab: FloatArray) -> list[FloatArray]:
    """The sums of all bands, (n_bands, n_rows, n_train), with those of another slab."""
    if not total:
        return list(slab)
    return [summed + added for summed, added in zip(total, slab, strict=True)]
