"""Hundreds of random masks outside each band of a layer, and a readout's scores under them."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.bands import BandPartition
from bandprobe.fourier.outside_masks import OutsideMasks, outside_masks
from bandprobe.linear.decompose import BandWeights, blank_logits, transform
from bandprobe.linear.mask_scores import MaskTally, Untouched
from bandprobe.probes.masks import BinPower
from bandprobe.probes.read import Readout
from bandprobe.probes.settings import MaskSettings
from bandprobe.scoring.fields import CONTROL_NAMES
from bandprobe.scoring.randomisation import SCORES
from bandprobe.store.zarr_store import Variable

KINDS = tuple(CONTROL_NAMES)


@dataclass
class MaskDrawer:
    """Draws the masks of one layer, those that its readouts share only once.

    Parameters
    ----------
    partition : BandPartition
    power : BinPower
    settings : MaskSettings
    layer : str
        Its name is part of the seed, so that layers have different masks.
    """

    partition: BandPartition
    power: BinPower
    settings: MaskSettings
    layer: str
    drawn: dict[tuple[str, int, bool], OutsideMasks] = field(default_factory=dict)

    def of_readout(self, readout: Readout) -> list[list[OutsideMasks]]:
        """Masks for each of `KINDS` and each band."""
        weights = {
            "equal-bins": np.ones_like(self.power.mean),
            "equal-energy": self.power.mean,
            "equal-variance": self.power.variance(readout.channel_scale),
        }
        return [self._of_kind(kind, weights[kind], readout.without_dc) for kind in KINDS]

    def _of_kind(self, kind: str, weight: FloatArray, without_dc: bool) -> list[OutsideMasks]:
        if without_dc:
            # The readout does not see it, so it is no part of the band.
            weight = weight.copy()
            weight[0, 0] = 0.0
        seed = (self.settings.seed, zlib.crc32(self.layer.encode()), KINDS.index(kind))
        masks = []
        for band in range(len(self.partition.bands)):
            key = (kind, band, without_dc and band == 0)
            # Readouts have their own scales, and so their own variances.
            if kind == "equal-variance" or key not in self.drawn:
                self.drawn[key] = outside_masks(
                    self.partition, weight, band, self.settings.masks, (*seed, band)
                )
            masks.append(self.drawn[key])
        return masks


@dataclass(frozen=True)
class OutsideScores:
    """A readout's scores after masks outside each band were changed, as the maps pass by.

    Attributes
    ----------
    masks : list of lists of OutsideMasks
        For each kind and band.
    tally : MaskTally
        Of all masks; a set is those of a kind and band.
    fills : mapping of str to arrays of shape (n_classes,)
        As of `Untouched`.
    """

    masks: Sequence[Sequence[OutsideMasks]]
    tally: MaskTally
    fills: Mapping[str, FloatArray]

    def variables(self) -> dict[str, Variable]:
        """The arrays that are stored."""
        n_kinds, n_bands = len(self.masks), len(self.masks[0])
        sets = [of_band for of_kind in self.masks for of_band in of_kind]
        count = np.array([len(one.masks) for one in sets])
        changes, n_samples = self.tally.changes, self.tally.n_samples
        column = np.concatenate([np.arange(n) for n in count])
        matched = np.full((len(sets), max(1, count.max())), np.nan)
        matched[self.tally.owner, column] = np.concatenate([one.matched for one in sets])
        share = np.array([one.share for one in sets]).reshape(n_kinds, n_bands)
        dims = ("outside", "band", "random_mask")
        variables = {
            "outside_matched": Variable(
                dims,
                matched.reshape(n_kinds, n_bands, -1),
                {"units": "1", "long_name": "what a mask has of what it matches, over the band's"},
            ),
            "outside_share": Variable(
                dims[:2],
                share,
                {"units": "1", "long_name": "share of the band in what its masks match"},
            ),
            "outside": Variable(("outside",), np.array(KINDS)),
            "outside_change": Variable(("outside_change",), np.array(changes)),
        }
        for name in SCORES:
            by_mask = np.full((len(changes), *matched.shape), np.nan)
            by_mask[:, self.tally.owner, column] = self.tally.by_mask[name] / n_samples
            by_sample = np.full((len(changes), len(sets), n_samples), np.nan)
            filled = np.flatnonzero(count)
            total = self.tally.by_sample[name]
            by_sample[:, filled] = total[:, filled] / count[filled, None]
            facts = {"units": "logits" if name == "margin" else "1"}
            shape = (len(changes), n_kinds, n_bands, -1)
            variables[f"outside_by_mask_{name}"] = Variable(
                ("outside_change", *dims),
                by_mask.reshape(shape),
                facts | {"long_name": f"masks outside the band changed: mean {name} over images"},
            )
            variables[f"outside_by_sample_{name}"] = Variable(
                ("outside_change", "outside", "band", "sample"),
                by_sample.reshape(shape).astype(np.float32),
                facts | {"long_name": f"masks outside the band changed: mean {name} over masks"},
            )
        return variables


def outside_scores(
    drawer: MaskDrawer, readout: Readout, weights: BandWeights, n_samples: int
) -> OutsideScores | None:
    """An empty tally for a readout; None for one that sees DC alone, which no mask has."""
    if weights.only_dc:
        return None
    masks = drawer.of_readout(readout)
    sets = [of_band for of_kind in masks for of_band in of_kind]
    mean = transform((readout.mean_map - readout.channel_mean[:, None, None])[None], [weights])
    fills = {
        "zero": blank_logits(readout.channel_mean, weights).sum(0) + readout.intercept,
        "mean": weights.logits(mean)[:, 0].sum(0) + readout.intercept,
    }
    tally = MaskTally(
        weights,
        np.concatenate([one.masks for one in sets]),
        np.stack([one.units for one in sets]),
        drawer.settings.changes,
        mean,
        np.repeat(np.arange(len(sets)), [len(one.masks) for one in sets]),
        n_samples,
    )
    return OutsideScores(masks, tally, fills)


def add_block(
    scores: OutsideScores,
    coefficients: np.ndarray,
    band_logits: FloatArray,
    intercept: FloatArray,
    labels: np.ndarray,
    part: slice,
) -> None:
    """Score a block of samples, from their band logits of shape (n_bands, n_samples, n_classes)."""
    untouched = Untouched(band_logits.sum(0) + intercept, scores.fills)
    scores.tally.add(coefficients, untouched, labels, part)
