"""What the readouts of a layer are fitted from: added up from its maps, or from stored slabs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bandprobe.features.blocks import paired_slabs
from bandprobe.features.shards import slab_slice
from bandprobe.fourier.bands import BandPartition
from bandprobe.linear.band_grams import BandRows, BandSums
from bandprobe.linear.inner_products import ProductMatrix
from bandprobe.linear.map_sums import MapSums
from bandprobe.store.zarr_store import Store

SPLITS = ("train", "eval")


def sum_channels(
    train: Store,
    evaluation: Store,
    layer: str,
    partition: BandPartition | None,
    slab: tuple[int, int] = (0, 1),
    device: str = "cpu",
    *,
    pattern: bool = False,
    pattern_by_band: bool = False,
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
    pattern : bool
        Whether the maps without their spatial means are added up too.
    pattern_by_band : bool
        Whether these are added up band by band, if there is a partition.
    """
    n_train, n_channels, height, width = train.array(layer).shape
    direct = n_channels * height * width <= n_train
    sums = MapSums.empty(
        direct=direct,
        partition=partition,
        device=device,
        pattern=pattern,
        pattern_by_band=pattern_by_band,
    )
    number, count = slab
    channels = slab_slice(n_channels, count, number)
    for train_maps, eval_maps in paired_slabs(train, evaluation, layer, channels):
        sums.add_slab(train_maps, eval_maps)
    sums.complete()
    return sums


def read_sums(paths: Sequence[Path], partition: BandPartition | None) -> MapSums:
    """What several slabs add up to; the paths are in the order of the channels."""
    stores = [Store(path) for path in paths]
    direct, pattern = bool(stores[0].attrs["direct"]), "pattern_scale" in stores[0]
    sums = MapSums.empty(direct=direct, partition=partition, pattern=pattern)
    for store in stores:
        _add_stored(sums, store)
    return sums


def _add_stored(sums: MapSums, store: Store) -> None:
    sums.mean.append(store.read("mean"))
    sums.scale.append(store.read("scale"))
    sums.mean_map.append(store.read("mean_map"))
    for split, means in zip(SPLITS, sums.spatial_means, strict=True):
        means.append(store.read(f"spatial_mean_{split}")[..., None, None])
    if sums.by_band is not None:
        _add_stored_bands(sums.by_band, store)
    _add_products(sums, store, "")
    if sums.pattern is not None:
        sums.pattern.mean.append(store.read("mean"))
        sums.pattern.scale.append(store.read("pattern_scale"))
        sums.pattern.mean_map.append(sums.mean_map[-1])
        sums.pattern.constant_energy += float(store.attrs["pattern_constant_energy"])
        _add_products(sums.pattern, store, "pattern_")


def _add_products(sums: MapSums, store: Store, prefix: str) -> None:
    """Add stored maps, or their inner products if they are not stored by band."""
    if sums.direct:
        for split, rows in zip(SPLITS, sums.rows, strict=True):
            rows.append(store.read(f"{prefix}rows_{split}"))
    elif sums.by_band is None:
        sums.gram = _sum(sums.gram, store.read(f"{prefix}gram"))
        sums.kernel = _sum(sums.kernel, store.read(f"{prefix}kernel"))


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


def _added(total: list[ProductMatrix], slab: ProductMatrix) -> list[ProductMatrix]:
    """The sums of all bands, (n_bands, n_rows, n_train), with those of another slab."""
    if not total:
        return list(slab)
    return [_sum(summed, added) for summed, added in zip(total, slab, strict=True)]


def _sum(total: ProductMatrix | None, slab: ProductMatrix) -> ProductMatrix:
    if total is None:
        return slab
    total += slab
    return total
