"""Fit one readout on the training maps of one layer, its penalty by grouped cross-validation."""

from argparse import Namespace
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bandprobe.features import channel_slabs, read_coordinates, slab_channels
from bandprobe.manifest import class_names, read_folds
from bandprobe.probe import FittedProbe, fit_probe
from bandprobe.readouts import Slabs, StandardisedMaps, pooled, standardise_maps, weight_slabs
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


def fit_readout(train: Store, evaluation: Store, arguments: Namespace, n_classes: int) -> Fit:
    """Fit one readout, and score the evaluation maps along its whole penalty path."""
    _, n_channels, height, width = train.array(arguments.layer).shape
    step = slab_channels(train, arguments.layer)
    train_slabs: Slabs = channel_slabs(train, arguments.layer, step)
    eval_slabs: Slabs = channel_slabs(evaluation, arguments.layer, step)
    size = height * width
    if arguments.readout == "pooled":
        train_slabs, eval_slabs, size = pooled(train_slabs), pooled(eval_slabs), 1
    maps = standardise_maps(train_slabs, eval_slabs, n_channels * size)
    penalties = np.asarray(arguments.penalties, np.float64)
    folds = read_folds(arguments.folds)
    probe = fit_probe(maps.train.values, train.read("label"), folds, n_classes, penalties)
    logits = probe.path.logits(maps.evaluation)
    accuracy = outcomes(logits, evaluation.read("label")).correct.mean(1, dtype=np.float64)
    return Fit(maps, probe, logits[probe.chosen], accuracy, train_slabs)


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


def main() -> None:
    """Fit and store one readout."""
    parser = argument_parser(__doc__)
    parser.add_argument("--train", required=True, type=Path, help="training features")
    parser.add_argument("--eval", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--readout", required=True, choices=["map", "pooled"])
    parser.add_argument("--manifest", required=True, type=Path)
    parser.add_argument("--folds", required=True, type=Path)
    parser.add_argument("--penalties", required=True, type=json_argument)
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()

    train, evaluation = Store(arguments.train), Store(arguments.eval)
    names = class_names(arguments.manifest)
    fit = fit_readout(train, evaluation, arguments, len(names))
    penalties = np.asarray(arguments.penalties, np.float64)
    stage = {
        "layer": arguments.layer,
        "readout": arguments.readout,
        "penalties": arguments.penalties,
        "penalty": float(penalties[fit.probe.chosen]),
    }
    coordinates = {
        "class": Variable(("class",), np.array(names)),
        "penalty": Variable(("penalty",), penalties, {"units": "mean squared norm"}),
        **read_coordinates(evaluation),
    }
    features = train.array(arguments.layer)
    grid = list(features.shape[2:])
    attrs = provenance(arguments.code, stage, weights_sha256=train.attrs["weights_sha256"])
    with StoreWriter(arguments.output, attrs) as store:
        write_weights(store, fit, features.chunks, grid)
        for name, variable in coordinates.items():
            store.write(name, variable, coordinate=True)
        for name, variable in variables(fit, grid).items():
            store.write(name, variable)


if __name__ == "__main__":
    run(main)
