"""What the draw of the images adds to the uncertainty of drops, as labelled arrays."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from scipy.special import stdtrit

from bandprobe.base.arrays import FloatArray, LabelArray
from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.scoring.resplits import (
    LEAST_GROUPS,
    jackknife_variance,
    noise_ceiling,
    repeatability_limit,
    training_of_replicates,
)
from bandprobe.store.zarr_store import Store
from bandprobe.summary.names import AXES
from bandprobe.summary.tables import axis_labels, layer_order

LAYER, READOUT = AXES[:2], AXES[:3]
# name: (dimensions, long name); all are shares of images or numbers of groups.
QUANTITIES: Mapping[str, tuple[tuple[str, ...], str]] = {
    "top1_drop": (AXES, "drop in top-1 accuracy"),
    "training_error": (AXES, "standard error of the drop owing to the draw of training groups"),
    "evaluation_error": (AXES, "standard error of the drop owing to the draw of evaluation groups"),
    "total_error": (AXES, "standard error of the drop owing to both draws"),
    "training_share": (AXES, "share of the draw of training groups in the variance of the drop"),
    "top1_drop_low": (AXES, "drop in top-1 accuracy, over both draws, lower bound"),
    "top1_drop_high": (AXES, "drop in top-1 accuracy, over both draws, upper bound"),
    "repeatability": (AXES, "what drops of two draws of both sides differ by at most, 95 %"),
    "interval_low": (AXES, "interval of the drop for the study's own split, lower bound"),
    "interval_high": (AXES, "interval of the drop for the study's own split, upper bound"),
    "masks_error": (AXES, "standard error of the excess owing to the number of equal-bin masks"),
    "replicate_mean": (AXES, "mean drop of splits that were drawn anew"),
    "replicate_spread": (AXES, "standard deviation of the drop between splits drawn anew"),
    "replicate_low": (AXES, "quantile of the drop between splits drawn anew, lower"),
    "replicate_high": (AXES, "quantile of the drop between splits drawn anew, upper"),
    "replicate_training_error": (
        AXES,
        "standard error owing to the draw of training groups, from splits drawn anew",
    ),
    "noise_ceiling": (AXES, "share of the drop's mean square that splits drawn anew agree in"),
    "structural": (AXES, "1 where the value is fixed by construction"),
    "clean_top1": (READOUT, "top-1 accuracy on the untouched map"),
    "clean_training_error": (READOUT, "standard error of it owing to the draw of training groups"),
    "clean_evaluation_error": (READOUT, "standard error of it owing to evaluation groups"),
    "replicate_clean_mean": (READOUT, "mean accuracy of splits that were drawn anew"),
    "replicate_clean_spread": (READOUT, "its standard deviation between splits drawn anew"),
    "bins": ((*LAYER, "band"), "full-plane bins in the band"),
    "train_groups": (LAYER, "groups that train"),
    "eval_groups": (LAYER, "groups that evaluate"),
    "few_train_groups": (LAYER, "1 where too few groups train for a training part"),
    "few_eval_groups": (LAYER, "1 where too few groups evaluate for an evaluation part"),
    "shared_groups": (LAYER, "1 where groups stand on both sides, which leaves no parts"),
    "replicate_drop": ((*AXES, "replicate"), "drop in top-1 accuracy of a split drawn anew"),
    "replicate_top1": ((*READOUT, "replicate"), "top-1 accuracy of a split drawn anew"),
}


def replicates_dataset(
    folder: Path, axes: Mapping[str, Any], settings: IntervalSettings, interventions: xr.Dataset
) -> xr.Dataset:
    """Parts of the uncertainty of each drop along (model, layer, readout, mode, band).

    Parameters
    ----------
    folder : Path
        Holds `<model>/<layer>.zarr`.
    axes : mapping
        `layers` (model to its layers), `readouts`, `modes` and `bands`.
    settings : IntervalSettings
        Their level is that of intervals and quantiles.
    interventions : Dataset
        The summary of the interventions: intervals for the study's own split, and random masks.
    """
    labels: dict[str, Any] = axis_labels(axes)
    found = {
        (model, layer): layer_parts(Store(folder / model / f"{layer}.zarr"), settings)
        for model, layers in axes["layers"].items()
        for layer in layers
    }
    count = max(values["replicate_drop"].shape[-1] for values in found.values())
    labels["replicate"] = np.arange(count)
    arrays = {
        name: np.full([len(labels[dim]) for dim in dims], np.nan)
        for name, (dims, _) in QUANTITIES.items()
    }
    for names, values in found.items():
        cell = tuple(labels[axis].index(name) for axis, name in zip(LAYER, names, strict=True))
        for name, of_layer in values.items():
            arrays[name][cell] = of_layer
    arrays |= _of_interventions(interventions, labels)
    variables = {
        name: xr.Variable(
            QUANTITIES[name][0], values, {"long_name": QUANTITIES[name][1], "units": "1"}
        )
        for name, values in arrays.items()
        if count or "replicate" not in QUANTITIES[name][0]
    }
    if not count:
        labels.pop("replicate")
    attrs = layer_order(axes["layers"]) | {"level": settings.level}
    return xr.Dataset(variables, coords=labels, attrs=attrs)


def layer_parts(store: Store, settings: IntervalSettings) -> dict[str, FloatArray]:
    """Quantities of a layer from its store, by their names; their axes begin with the readout."""
    groups, n_strata = store.read("groups")[:, 0], store.read("groups")[:, 1]
    shared = bool(store.read("groups")[0, 2])
    stratum = store.read("stratum") if "stratum" in store else np.zeros(0, int)
    # Squares that a variance is made of, less one for each stratum.
    train_freedom = len(stratum) - len(np.unique(stratum))
    eval_freedom = float(groups[1] - n_strata[1])
    few_train = train_freedom < LEAST_GROUPS - 1
    few_eval = eval_freedom < LEAST_GROUPS - 1
    parts = _Parts(store, stratum, has_train=not (few_train or shared), has_eval=not few_eval)
    training, evaluation = parts.training("drop"), parts.evaluation("drop")
    total = training + evaluation
    low, high = _interval(
        store.read("drop"), training, evaluation, (train_freedom, eval_freedom), settings.level
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        share = training / total
    return {
        "top1_drop": store.read("drop"),
        "training_error": np.sqrt(training),
        "evaluation_error": np.sqrt(evaluation),
        "total_error": np.sqrt(total),
        "training_share": share,
        "top1_drop_low": low,
        "top1_drop_high": high,
        "repeatability": repeatability_limit(total),
        "clean_top1": store.read("accuracy"),
        "clean_training_error": np.sqrt(parts.training("accuracy")),
        "clean_evaluation_error": np.sqrt(parts.evaluation("accuracy")),
        "bins": store.read("bins").astype(float),
        "train_groups": np.array(float(groups[0])),
        "eval_groups": np.array(float(groups[1])),
        "few_train_groups": np.array(float(few_train)),
        "few_eval_groups": np.array(float(few_eval)),
        "shared_groups": np.array(float(shared)),
        **_of_replicates(store, groups, settings.level, is_whole=not (few_eval or shared)),
    }


class _Parts:
    """Variances of one store, NaN where there are too few groups for one."""

    def __init__(
        self, store: Store, stratum: LabelArray, *, has_train: bool, has_eval: bool
    ) -> None:
        self._store, self._stratum = store, stratum
        self._has_train, self._has_eval = has_train, has_eval

    def training(self, name: str) -> FloatArray:
        if not self._has_train:
            return np.full(self._store.read(name).shape, np.nan)
        return jackknife_variance(self._store.read(f"left_out_{name}"), self._stratum)

    def evaluation(self, name: str) -> FloatArray:
        variance = self._store.read(f"{name}_variance")
        return variance if self._has_eval else np.full(variance.shape, np.nan)


def _interval(
    drop: FloatArray,
    training: FloatArray,
    evaluation: FloatArray,
    freedom: tuple[float, float],
    level: float,
) -> tuple[FloatArray, FloatArray]:
    """Interval over both draws.

    A t interval with the degrees of freedom of Satterthwaite, An approximate distribution of
    estimates of variance components (Biometrics Bulletin 1946).
    """
    total = training + evaluation
    with np.errstate(invalid="ignore", divide="ignore"):
        free = np.square(total) / (
            np.square(training) / freedom[0] + np.square(evaluation) / freedom[1]
        )
    quantile = stdtrit(np.where(np.isfinite(free), free, sum(freedom)), 0.5 + level / 2)
    half = quantile * np.sqrt(total)
    return np.clip(drop - half, -1, 1), np.clip(drop + half, -1, 1)


def _of_replicates(
    store: Store, groups: FloatArray, level: float, *, is_whole: bool
) -> dict[str, FloatArray]:
    """Quantities of splits that were drawn anew; NaN where there are none."""
    has_any = "replicate_drop" in store
    drop, clean = store.read("drop"), store.read("accuracy")
    drops = store.read("replicate_drop") if has_any else np.zeros((*drop.shape, 0))
    accuracy = store.read("replicate_accuracy") if has_any else np.zeros((*clean.shape, 0))
    nothing = np.full(drop.shape, np.nan)
    found = {
        "replicate_drop": drops,
        "replicate_top1": accuracy,
        "noise_ceiling": noise_ceiling(drops),
        "replicate_training_error": nothing,
    }
    if is_whole and has_any:
        share = float(groups[0] / groups.sum())
        variance = store.read("replicate_drop_variance")
        found["replicate_training_error"] = np.sqrt(training_of_replicates(drops, variance, share))
    if drops.shape[-1] > 1:
        tail = (1 - level) / 2
        low, high = np.quantile(drops, [tail, 1 - tail], axis=-1)
        return found | {
            "replicate_mean": drops.mean(-1),
            "replicate_spread": drops.std(-1, ddof=1),
            "replicate_low": low,
            "replicate_high": high,
            "replicate_clean_mean": accuracy.mean(-1),
            "replicate_clean_spread": accuracy.std(-1, ddof=1),
        }
    return found


def _of_interventions(
    interventions: xr.Dataset, labels: Mapping[str, list[str]]
) -> dict[str, FloatArray]:
    """The intervals that the study has for its own split, and the part of random masks."""
    cells = interventions.reindex({axis: labels[axis] for axis in AXES})
    found = {
        f"interval_{end}": cells[f"top1_drop_{end}"].transpose(*AXES).to_numpy()
        for end in ("low", "high")
    }
    found["structural"] = cells["structural"].transpose(*AXES).to_numpy()
    if "equal_bins_top1_drop_spread" in cells:
        spread, count = (
            cells[f"equal_bins_{name}"].transpose(*AXES).to_numpy()
            for name in ("top1_drop_spread", "masks")
        )
        with np.errstate(invalid="ignore", divide="ignore"):
            found["masks_error"] = spread / np.sqrt(count)
    return found
