"""Sums over one slab of a layer's channels, which a job of its own adds up and stores."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from bandprobe.base.devices import open_device
from bandprobe.fourier.bands import Bands
from bandprobe.linear.band_grams import BandGrams, BandSums
from bandprobe.linear.map_sums import MapSums
from bandprobe.probes.sums import SPLITS, sum_channels
from bandprobe.store.provenance import provenance, stated
from bandprobe.store.zarr_store import Store, Variable, write_store

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
    pattern: bool = False,
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
    pattern : bool
        Whether the maps without their spatial means are added up too.
    """
    stores = Store(train), Store(evaluation)
    height, width = stores[0].array(layer).shape[-2:]
    partition = None if bands is None else bands.on_grid(height, width)
    on_device = open_device(device)
    sums = sum_channels(*stores, layer, partition, slab, on_device, pattern=pattern)
    stage = {"layer": layer, "bands": None if bands is None else stated(bands)}
    write_sums(output, sums, provenance(code, stage | {"slab": slab}))


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
    if sums.by_band is not None:
        variables |= _band_variables(sums.by_band)
    variables |= _product_variables(sums, "")
    facts: dict[str, Any] = {"direct": sums.direct}
    if sums.pattern is not None:
        scale = np.concatenate(sums.pattern.scale)
        variables["pattern_scale"] = Variable(("channel",), scale)
        variables |= _product_variables(sums.pattern, "pattern_")
        facts["pattern_constant_energy"] = sums.pattern.constant_energy
    write_store(path, variables, {}, dict(attrs) | facts)


def _product_variables(sums: MapSums, prefix: str) -> dict[str, Variable]:
    """The maps, or their inner products if these are not stored by band."""
    if sums.direct:
        return {
            f"{prefix}rows_{split}": Variable(
                (split, "dimension"), np.concatenate(sums.rows[number], axis=1)
            )
            for number, split in enumerate(SPLITS)
        }
    if sums.by_band is not None:
        return {}
    return {
        f"{prefix}gram": Variable(("train", "other"), np.asarray(sums.gram)),
        f"{prefix}kernel": Variable(("eval", "train"), np.asarray(sums.kernel)),
    }


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
    train, evaluation = sums.energies.gathered()
    return variables | {
        "energy_train": Variable(("train", "channel", "energy_band"), train),
        "energy_eval": Variable(("eval", "channel", "energy_band"), evaluation),
    }
