"""What the script by hand has to find: out of a finished study, or by bandprobe's fast route."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import xarray as xr

from bandprobe.base.arrays import MapArray
from bandprobe.fourier.intervene import white_noise
from bandprobe.fourier.modes import Mode, kept_bands
from bandprobe.fourier.transform import map_fft
from bandprobe.linear import compose
from bandprobe.linear.basis import Basis, basis_from_gram, basis_from_maps
from bandprobe.linear.decompose import band_logits, centre, pack_weights, turn_phases
from bandprobe.linear.probe import fit_probe
from bandprobe.linear.standardise import centre_channels, channel_moments
from bandprobe.scoring.outcomes import outcomes
from bandprobe.study.paths import Paths
from bandprobe.study.study import Study
from benchmarks.by_hand import CLEAN, Cell, Scores
from benchmarks.by_hand_fit import Array

READOUTS = ("map", "pooled")
# By how much mean margins may differ, as a share of the logits' deviation.
MARGIN = 1e-4


def stored(study: Study, dataset: str, model: str, layer: str) -> dict[str, Scores]:
    """Penalty and accuracies of a layer out of the summaries of a finished study."""
    path = Path(Paths.SUMMARY.format(dataset=dataset, table="interventions"))
    where = {"model": model, "layer": layer}
    cells = xr.load_dataset(path).sel(where)
    probes = xr.load_dataset(path.with_stem("probes")).sel(where)
    found = {}
    for readout in READOUTS:
        own = cells.sel(readout=readout)
        penalty = float(probes.penalty_chosen.sel(readout=readout))
        top1, margin = (
            {CLEAN: float(own[f"clean_{score}"])}
            | {
                (mode, band): float(own[score].sel(mode=mode, band=name))
                for mode in study.modes
                for band, name in enumerate(study.bands.names)
            }
            for score in ("top1", "margin")
        )
        exist = [cell for cell, value in top1.items() if np.isfinite(value)]
        found[readout] = Scores(
            penalty, {cell: top1[cell] for cell in exist}, {cell: margin[cell] for cell in exist}
        )
    return found


def computed(
    study: Study,
    maps: tuple[Array, Array],
    labels: tuple[Array, Array],
    folds: Array,
    samples: Array,
) -> dict[str, Scores]:
    """The same of any maps of both splits, by the fast route: one product a bin, then addition.

    Parameters
    ----------
    study : Study
    maps, labels : pairs of arrays
        Of training and evaluation images.
    folds : array of shape (n_train,)
    samples : array of shape (n_eval,)
        Rows in the manifest of the evaluation images.
    """
    train, evaluation = (one.astype(np.float32) for one in maps)
    height, width = train.shape[2:]
    centred, mean, scale = centre_channels(train)
    standardised = centred / scale[:, None, None]
    flat = standardised.reshape(len(train), -1)
    gram = basis_from_gram((flat @ flat.T).astype(np.float64))
    pooled = train.mean((2, 3), keepdims=True)
    pooled_mean, pooled_scale = channel_moments(pooled)
    narrow = basis_from_maps(((pooled[..., 0, 0] - pooled_mean) / pooled_scale).astype(np.float64))
    bases = {"map": (gram, mean, scale), "pooled": (narrow, pooled_mean, pooled_scale)}
    found = {}
    for readout, (basis, own_mean, own_scale) in bases.items():
        penalty, weights, intercept = _fit(basis, labels[0], folds, study)
        if readout == "map":
            spatial = (weights.T @ flat).reshape(-1, *train.shape[1:])
        else:
            spatial = np.repeat(weights.T[..., None], height * width, 2) / (height * width)
            spatial = spatial.reshape(-1, *train.shape[1:])
        raw = (spatial / own_scale[:, None, None]).astype(np.float32)
        scores = _scores(
            study, evaluation, train.mean(0), raw, own_mean, intercept, labels[1], samples
        )
        top1, margin = ({cell: one[i] for cell, one in scores.items()} for i in (0, 1))
        found[readout] = Scores(penalty, top1, margin)
    return found


def _fit(basis: Basis, labels: Array, folds: Array, study: Study) -> tuple[float, Array, Array]:
    penalties = np.asarray(study.probe.penalties)
    probe = fit_probe(basis, labels, folds, int(labels.max()) + 1, penalties)
    return float(penalties[probe.chosen]), probe.weights(basis), probe.intercept(basis)


def _scores(
    study: Study,
    maps: MapArray,
    mean_map: MapArray,
    weights: MapArray,
    mean: MapArray,
    intercept: Array,
    labels: Array,
    samples: Array,
) -> dict[Cell, tuple[float, float]]:
    """Accuracy and margin of the untouched maps and of each mode and band with bins."""
    partition = study.bands.on_grid(*maps.shape[2:])
    packed = pack_weights(weights, partition)
    offset = mean[:, None, None]
    logits = band_logits(maps - offset, packed)
    fills = {
        "zero": band_logits(np.broadcast_to(-offset, mean_map.shape)[None], packed)[:, 0],
        "mean": band_logits(mean_map[None] - offset, packed)[:, 0],
    }
    scores = {CLEAN: _mean_scores([compose.clean(logits, intercept)], labels)}
    for name, mode in study.modes.items():
        if mode.is_linear:
            kept = kept_bands(mode.kind, len(logits))
            draws = [compose.keep(logits, fills[mode.fill], intercept, kept)]
        else:
            turned = (_turned(mode, draw, maps, mean, samples) for draw in range(mode.draws))
            draws = [compose.replace(logits, packed.logits(one), intercept) for one in turned]
        for band in np.flatnonzero(partition.counts):
            scores[name, int(band)] = _mean_scores([one[band] for one in draws], labels)
    return scores


def _turned(mode: Mode, draw: int, maps: MapArray, mean: MapArray, samples: Array) -> Array:
    noise = white_noise(mode.seed, draw, samples.tolist(), maps.shape[1:])
    turned = turn_phases(map_fft(maps), noise, mode.strength)
    return centre(turned, mean, maps.shape[-1])


def _mean_scores(draws: Sequence[Array], labels: Array) -> tuple[float, float]:
    found = [outcomes(one, labels) for one in draws]
    correct, margin = ([one.correct for one in found], [one.margin for one in found])
    return float(np.mean(correct)), float(np.mean(margin, dtype=np.float64))


def compare(
    found: Mapping[str, Scores], wanted: Mapping[str, Scores], n_samples: int, where: str
) -> Counter[str]:
    """How many `targets` there are, how many `differ` at all, and how many are `level`.

    The level ones have the same logits for every image and class, as where nothing is left that a
    readout sees; their accuracy is a matter of rounding on either side and their margin is zero.

    Raises
    ------
    AssertionError
        If a readout has another penalty, if other targets exist, if a mean margin differs by more
        than `MARGIN` of the logits' deviation, or an accuracy by more than one image, which
        rounding can decide at a close call.
    """
    counts: Counter[str] = Counter()
    for readout, own in found.items():
        other, name = wanted[readout], f"{where} {readout}"
        assert own.penalty == other.penalty, (
            f"{name}: by hand the penalty is {own.penalty}, expected {other.penalty}"
        )
        assert own.top1.keys() == other.top1.keys(), f"{name}: other targets than expected"
        for cell, top1 in own.top1.items():
            images = abs(top1 - other.top1[cell]) * n_samples
            apart = abs(own.margin[cell] - other.margin[cell]) / own.spread
            assert apart < MARGIN, (
                f"{name} {cell}: by hand the margin is {own.margin[cell]:.5g}, "
                f"expected {other.margin[cell]:.5g}, logits deviate by {own.spread:.5g}"
            )
            level = cell in own.level
            assert level or images < 1 + 1e-3, (
                f"{name} {cell}: by hand top-1 is {top1:.4f}, expected {other.top1[cell]:.4f}"
            )
            if cell != CLEAN:
                counts["targets"] += 1
                counts["level"] += level
                counts["differ"] += images > 1e-3 and not level
    return counts
