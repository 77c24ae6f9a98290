"""Readouts of very many maps, evaluated by their weights, without inner products of both splits.

Training maps are read twice, for the Gram matrix and for the weights; evaluation maps once, along
with the second pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.devices import put
from bandprobe.features.blocks import stored_parts
from bandprobe.linear.coordinates import Products, StandardisedMaps
from bandprobe.linear.inner_products import ProductMatrix, add_gram, complete
from bandprobe.linear.ridge_search import RidgeFit, search_ridge
from bandprobe.linear.strips import (
    Slab,
    SlabMoments,
    add_logits,
    slab_levels,
    slab_moments,
    slab_spatial_means,
    slab_weights,
    standardised_strip,
    strips,
    weights_are_cheaper,
)
from bandprobe.probes.fit import (
    FittedReadout,
    Splits,
    accuracy_of,
    is_factorised,
    permuted_sets,
)
from bandprobe.probes.write import ProbeWriter

Means = list[tuple[MapArray, MapArray]]


def is_cheaper(splits: Splits) -> bool:
    """Whether ridge readouts of a layer are fitted by `fit_by_weights`."""
    n_train, n_eval = len(splits.train_labels), len(splits.eval_labels)
    n_sets = 1 + splits.settings.permutations
    return (
        is_factorised(splits)
        and int(np.prod(splits.train.array(splits.layer).shape[1:])) > n_train
        and weights_are_cheaper(n_train, n_eval, len(splits.classes), n_sets)
    )


def fit_by_weights(
    writer: ProbeWriter, splits: Splits, wanted: Sequence[str], device: str
) -> Means | None:
    """Fit and write `map` and `pattern`, or those of them that are wanted.

    Returns
    -------
    list of pairs of arrays of shape (n_samples, n_channels, 1, 1), or None
        Spatial means of both splits by slabs; None, and nothing is written, where the maps do not
        differ or no penalty can be fitted.
    """
    sums = _add_up(splits, device, pattern="pattern" in wanted)
    labels = [splits.train_labels, *permuted_sets(splits)]
    found: dict[str, RidgeFit] = {}
    start = None
    for name in list(sums.grams):
        gram = [sums.grams.pop(name)]
        fit = search_ridge(gram, sums.constant_energy(name), splits.path(labels), start)
        if fit is None:
            return None
        start, found[name] = fit.chosen, fit
    # Each fit is dropped as its weights are put into single precision.
    readouts = {
        name: _Readout.of(splits, sums, name, found.pop(name))
        for name in list(found)
        if name in wanted
    }
    del fit
    means: list[MapArray] = []
    writer.write_streamed(
        {name: (one.maps, one.fitted) for name, one in readouts.items()},
        _second_pass(splits, list(readouts.values()), means),
        lambda: [one.scored(splits) for one in readouts.values()],
    )
    of_train = [moments.spatial_means for moments in sums.moments]
    return list(zip(of_train, means, strict=True))


@dataclass
class _Sums:
    """What the first pass adds up.

    Attributes
    ----------
    grams : dict of str to arrays of shape (n_train, n_train)
        By readout, `map` first.
    moments : list of SlabMoments
    """

    grams: dict[str, ProductMatrix] = field(default_factory=dict)
    moments: list[SlabMoments] = field(default_factory=list)

    def constant_energy(self, name: str) -> float:
        """As of `bandprobe.linear.map_sums.MapSums`."""
        return sum(one.constant_energy for one in self.moments) if name == "pattern" else 0.0

    def maps(self, name: str) -> StandardisedMaps:
        """How a readout standardises maps; what it was fitted from is not kept."""
        scales = [
            one.scale if name == "map" else np.asarray(one.pattern_scale) for one in self.moments
        ]
        return StandardisedMaps(
            np.concatenate([one.mean for one in self.moments]),
            np.concatenate(scales),
            np.concatenate([one.mean_map for one in self.moments]),
            Products((), (), self.constant_energy(name)),
            without_dc=name == "pattern",
        )


def _add_up(splits: Splits, device: str, *, pattern: bool) -> _Sums:
    sums, array = _Sums(), splits.train.array(splits.layer)
    for part in stored_parts(splits.train, splits.evaluation, splits.layer):
        slab = array[:, part]
        moments = slab_moments(slab, pattern=pattern)
        sums.moments.append(moments)
        how = {"map": (moments.mean[None, :, None, None], moments.scale)}
        if moments.pattern_scale is not None:
            how["pattern"] = slab_levels(slab), moments.pattern_scale
        for name, (shift, scale) in how.items():
            for strip in strips(slab.shape):
                rows = put(standardised_strip(slab, strip, shift, scale), device)
                sums.grams[name] = add_gram(sums.grams.get(name), rows)
    for gram in sums.grams.values():
        complete(gram)
    return sums


@dataclass(frozen=True)
class _Readout:
    """A readout on its way through the second pass.

    Attributes
    ----------
    maps : StandardisedMaps
    fitted : FittedReadout
        All but what evaluation maps tell.
    duals : array of shape (n_sets * n_classes, n_train)
        In single precision.
    intercepts : array of shape (n_sets, n_classes)
    logits : array of shape (n_eval, n_sets * n_classes)
        Without intercepts, of the slabs so far.
    """

    maps: StandardisedMaps
    fitted: FittedReadout
    duals: MapArray
    intercepts: FloatArray
    logits: FloatArray

    @classmethod
    def of(cls, splits: Splits, sums: _Sums, name: str, fit: RidgeFit) -> _Readout:
        duals = fit.duals.reshape(-1, fit.duals.shape[-1]).astype(np.float32, order="C")
        nothing = np.empty((0, len(splits.classes)))
        accuracy = np.full(len(splits.penalties), np.nan)
        fitted = FittedReadout(
            nothing, fit.intercepts[0], fit.losses, fit.chosen, nothing, accuracy, np.empty(0)
        )
        logits = np.zeros((len(splits.eval_labels), len(duals)))
        return cls(sums.maps(name), fitted, duals, fit.intercepts, logits)

    def shift(self, slab: Slab, part: slice) -> MapArray:
        """What is taken off the maps of a slab."""
        return slab_levels(slab) if self.maps.without_dc else self.maps.mean[None, part, None, None]

    def scored(self, splits: Splits) -> FittedReadout:
        """With the logits of all slabs, and the accuracies of all sets of labels."""
        by_set = np.split(self.logits, len(self.intercepts), axis=1)
        for logits, intercept in zip(by_set, self.intercepts, strict=True):
            logits += intercept
        clean, *permuted = (accuracy_of(logits, splits.eval_labels) for logits in by_set)
        accuracy = self.fitted.accuracy.copy()
        accuracy[self.fitted.chosen] = clean
        return replace(
            self.fitted,
            clean_logits=by_set[0],
            accuracy=accuracy,
            permuted_accuracy=np.array(permuted),
        )


def _second_pass(
    splits: Splits, readouts: Sequence[_Readout], means: list[MapArray]
) -> Iterator[list[MapArray]]:
    """Weights of each readout by slabs; their logits, and spatial means, are added on the way."""
    train, evaluation = (s.array(splits.layer) for s in (splits.train, splits.evaluation))
    n_classes = len(splits.classes)
    for part in stored_parts(splits.train, splits.evaluation, splits.layer):
        slab = train[:, part]
        weights = [
            slab_weights(slab, one.duals, one.shift(slab, part), one.maps.scale[part])
            for one in readouts
        ]
        # One split at a time.
        del slab
        slab = evaluation[:, part]
        for one, own in zip(readouts, weights, strict=True):
            add_logits(one.logits, slab, own, one.shift(slab, part), one.maps.scale[part])
        means.append(slab_spatial_means(slab))
        del slab
        yield [own[:n_classes] for own in weights]
