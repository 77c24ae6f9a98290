"""A layer's readouts on its evaluation maps, split into bands and into random masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MaskArray
from bandprobe.base.devices import put, put_like
from bandprobe.features.blocks import sample_blocks
from bandprobe.linear.decompose import BandWeights, blank_logits, transform
from bandprobe.probes.masks import Masks
from bandprobe.probes.read import Readout, StoredEnergies
from bandprobe.store.zarr_store import Store, Variable

# Logits that differ between images by less than this share of their spread do not differ.
ROUNDING = 1e-9


@dataclass(frozen=True)
class SplitLogits:
    """Logits of one readout for all masks in the order of `Masks.stacked`.

    Attributes
    ----------
    logits : array of shape (n_masks, n_samples, n_classes)
    zero, mean : arrays of shape (n_masks, n_classes)
        Of a raw map of zeros and of the mean training map.
    intercept : array of shape (n_classes,)
    """

    logits: FloatArray
    zero: FloatArray
    mean: FloatArray
    intercept: FloatArray


def split_linear(
    features: Store, layer: str, readouts: Sequence[Readout], masks: Masks, device: str = "cpu"
) -> list[SplitLogits]:
    """Linear readouts of a layer, all from one transform of the evaluation maps on a device."""
    stacked = masks.stacked
    weights = [readout.by_band(masks.partition) for readout in readouts]
    mean = readouts[0].channel_mean
    parts: list[list[FloatArray]] = [[] for _ in readouts]
    for _, block in sample_blocks(features, layer):
        maps = put(block, device)
        maps -= put_like(mean[:, None, None], maps)
        coefficients = transform(maps, weights)
        for found, readout, by_band in zip(parts, readouts, weights, strict=True):
            found.append(by_band.logits(coefficients, mean - readout.channel_mean, stacked))
    return [
        _with_fills(np.concatenate(found, axis=1), readout, by_band, stacked)
        for found, readout, by_band in zip(parts, readouts, weights, strict=True)
    ]


def _with_fills(
    logits: FloatArray, readout: Readout, weights: BandWeights, stacked: MaskArray
) -> SplitLogits:
    centred = (readout.mean_map - readout.channel_mean[:, None, None])[None]
    return SplitLogits(
        logits,
        blank_logits(readout.channel_mean, weights, stacked),
        weights.logits(transform(centred, [weights]), None, stacked)[:, 0],
        readout.intercept,
    )


def split_energy(stored: StoredEnergies) -> SplitLogits:
    """An energy readout, whose features are bands; random masks have no logits of their own."""
    readout = stored.readout
    return SplitLogits(
        readout.band_logits(stored.evaluation),
        readout.band_logits(np.zeros((1, *stored.mean_map.shape)))[:, 0],
        readout.band_logits(stored.mean_map[None])[:, 0],
        readout.intercept,
    )


def varies(logits: FloatArray) -> NDArray[np.bool_]:
    """Whether a band's logits differ between images at all, (n_bands,)."""
    spread = float(logits.sum(0).std())
    found: NDArray[np.bool_] = np.greater(np.ptp(logits, axis=1).max(-1), ROUNDING * spread)
    return found


def logit_variables(split: SplitLogits, masks: Masks) -> dict[str, Variable]:
    """The arrays of one readout's store."""
    unit = {"units": "logits"}
    dims = {"logits": ("band", "sample", "class"), "zero": ("band", "class")}
    dims["mean"] = dims["zero"]
    names = {
        "logits": ("band_logits", "part of the logits that comes from a band"),
        "zero": ("zero_logits", "band logits of a raw map of zeros"),
        "mean": ("mean_logits", "band logits of the mean training map"),
    }
    variables: dict[str, Variable] = {}
    has_controls = len(split.logits) > len(masks.partition.bands)
    for field, (name, text) in names.items():
        own, controls = masks.parted(getattr(split, field))
        variables[name] = Variable(dims[field], own, unit | {"long_name": text})
        if has_controls:
            values = np.stack(list(controls.values())).astype(np.float32)
            facts = unit | {"long_name": f"of random masks: {text}"}
            name = f"control_{name.removeprefix('band_')}"
            variables[name] = Variable(("control", "control_draw", *dims[field]), values, facts)
    sees = varies(variables["band_logits"].values)
    facts = {"long_name": "what the readout makes of the band differs between images"}
    return variables | {
        "intercept": Variable(("class",), split.intercept, unit),
        "bins": Variable(("band",), masks.partition.counts, {"units": "1"}),
        "sees": Variable(("band",), sees, facts),
    }
