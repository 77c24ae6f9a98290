"""Fit the readouts of one layer on its training maps, penalties by grouped cross-validation."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from bandprobe.features import channel_slabs, read_coordinates, slab_channels
from bandprobe.manifest import class_names, read_folds
from bandprobe.probe import FittedProbe, fit_probe
from bandprobe.readouts import (
    Slabs,
    StandardisedMaps,
    pooled,
    recorded,
    standardise_maps,
    weight_slabs,
)
from bandprobe.scores import outcomes
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import Store, StoreWriter, Variable


@dataclass(frozen=True)
class Fit:
    """A fitted readout and what is stored beside it."""

    maps: StandardisedMaps
    probe: FittedProbe
    clean_logits: np.ndarray
    eval_accuracy: np.ndarray
    train_slabs: Slabs


@dataclass(frozen=True)
class Splits:
    """What all readouts of a layer are fitted on."""

    train: Store
    evaluation: Store
    layer: str
    folds: np.ndarray
    n_classes: int
    penalties: np.ndarray

    def fit(self, train_slabs: Slabs, eval_slabs: Slabs, n_dimensions: int) -> Fit:
        """Fit one readout, and score the evaluation maps along its whole penalty path."""
        maps = standardise_maps(train_slabs, eval_slabs, n_dimensions)
        labels = self.train.read("label")
        probe = fit_probe(maps.train.values, labels, self.folds, self.n_classes, self.penalties)
        logits = probe.path.logits(maps.evaluation)
        accuracy = outcomes(logits, self.evaluation.read("label")).correct.mean(1, dtype=np.float64)
        return Fit(maps, probe, logits[probe.chosen], accuracy, train_slabs)


def fit_readouts(splits: Splits, readouts: list[str]) -> Iterator[tuple[str, Fit]]:
    """Fit the readouts; spatial means are taken while the maps are read for another one."""
    step = slab_channels(splits.train, splits.layer)
    train = channel_slabs(splits.train, splits.layer, step)
    evaluation = channel_slabs(splits.evaluation, splits.layer, step)
    _, n_channels, height, width = splits.train.array(splits.layer).shape
    if "map" in readouts:
        first_train, train_means = recorded(train)
        first_evaluation, eval_means = recorded(evaluation)
        fit = splits.fit(first_train, first_evaluation, n_channels * height * width)
        yield "map", replace(fit, train_slabs=train)
    else:
        train_means, eval_means = pooled(train), pooled(evaluation)
    if "pooled" in readouts:
        yield "pooled", splits.fit(train_means, eval_means, n_channels)


def write_weights(store: StoreWriter, fit: Fit, chunks: tuple[int, ...], grid: list[int]) -> None:
    """Write the weight map slab by slab; a pooled weight is spread evenly over the grid."""
    n_classes, n_channels = fit.clean_logits.shape[1], len(fit.maps.mean)
    weights = store.create(
        "W",
        ("class", "channel", "y", "x"),
        (n_classes, n_channels, *grid),
        "float32",
        {"units": "logits", "long_name": "weights of the standardised map"},
        (n_classes, *chunks[1:]),
    )
    start = 0
    for slab in weight_slabs(fit.maps, fit.probe, fit.train_slabs):
        stop = start + slab.shape[1]
        spread = np.float32(grid[0] * grid[1] / (slab.shape[2] * slab.shape[3]))
        weights[:, start:stop] = np.broadcast_to(slab / spread, (n_classes, slab.shape[1], *grid))
        start = stop


def variables(fit: Fit, grid: list[int]) -> dict[str, Variable]:
    """All arrays of the store but the weights."""
    feature, logit = {"units": "feature units"}, {"units": "logits"}
    loss = {"units": "nats", "long_name": "log loss at the best temperature, held out"}
    accuracy = {"units": "1", "long_name": "accuracy on evaluation maps; not used to choose"}
    mean_map = np.broadcast_to(fit.maps.mean_map, (len(fit.maps.mean), *grid))
    mean_facts = feature | {"long_name": "mean training map"}
    return {
        "intercept": Variable(("class",), fit.probe.path.intercepts[fit.probe.chosen], logit),
        "channel_mean": Variable(("channel",), fit.maps.mean, feature),
        "channel_scale": Variable(("channel",), fit.maps.scale, feature),
        "mean_map": Variable(("channel", "y", "x"), mean_map, mean_facts),
        "cv_log_loss": Variable(("fold", "penalty"), fit.probe.losses, loss),
        "eval_accuracy": Variable(("penalty",), fit.eval_accuracy, accuracy),
        "clean_logits": Variable(("sample", "class"), fit.clean_logits, logit),
    }


def write_fit(
    path: Path, fit: Fit, splits: Splits, names: list[str], attrs: dict[str, str]
) -> None:
    """Write the store of one readout."""
    coordinates = {
        "class": Variable(("class",), np.array(names)),
        "penalty": Variable(("penalty",), splits.penalties, {"units": "mean squared norm"}),
        **read_coordinates(splits.evaluation),
    }
    features = splits.train.array(splits.layer)
    grid = list(features.shape[2:])
    with StoreWriter(path, attrs) as store:
        write_weights(store, fit, features.chunks, grid)
        for name, variable in coordinates.items():
            store.write(name, variable, coordinate=True)
        for name, variable in variables(fit, grid).items():
            store.write(name, variable)


def main() -> None:
    """Fit and store the readouts."""
    parser = argument_parser(__doc__)
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--eval", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--readout", required=True, nargs="+", choices=["map", "pooled"])
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--penalties", required=True, type=json_argument)
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="a store a readout")
    arguments = parser.parse_args()

    names = class_names(arguments.manifest)
    splits = Splits(
        Store(arguments.train),
        Store(arguments.eval),
        arguments.layer,
        read_folds(arguments.folds),
        len(names),
        np.asarray(arguments.penalties, np.float64),
    )
    outputs = dict(zip(arguments.readout, arguments.output, strict=True))
    for readout, fit in fit_readouts(splits, arguments.readout):
        stage = {
            "layer": arguments.layer,
            "readout": readout,
            "penalties": arguments.penalties,
            "penalty": float(splits.penalties[fit.probe.chosen]),
        }
        digest = splits.train.attrs["weights_sha256"]
        attrs = provenance(arguments.code, stage, weights_sha256=digest)
        write_fit(outputs[readout], fit, splits, names, attrs)


if __name__ == "__main__":
    run(main)
