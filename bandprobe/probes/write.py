"""Fitted readouts as stores: their weights, and how they were fitted."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import zarr
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray, MaskArray
from bandprobe.features.blocks import read_coordinates
from bandprobe.linear.band_grams import BandEnergies
from bandprobe.linear.coordinates import Slabs, StandardisedMaps, weight_slabs
from bandprobe.linear.energy import EnergyScale
from bandprobe.linear.inner_products import row_blocks
from bandprobe.linear.probe import at_end
from bandprobe.probes.fit import FittedReadout, Refit, Splits
from bandprobe.scoring.fit_flags import PENALTY_AT_END
from bandprobe.store.provenance import inherited, provenance
from bandprobe.store.zarr_store import StoreWriter, Variable, sample_chunks, weight_chunks

# Where not all penalties of a path were visited.
UNVISITED = {"note": "NaN: not visited in the search for the least log loss"}
# Where logits of evaluation maps come from weights, which are those of a single penalty.
UNSCORED = {"note": "NaN: evaluation maps were scored at the chosen penalty alone"}


def common_variables(fit: FittedReadout) -> dict[str, Variable]:
    """How a readout was fitted, which every store of a readout contains."""
    loss = {"units": "nats", "long_name": "log loss at the best temperature, held out"}
    accuracy = {"units": "1", "long_name": "accuracy on evaluation maps; not used to choose"}
    permuted = {"units": "1", "long_name": "accuracy after training on permuted labels"}
    if np.isnan(fit.losses).any():
        loss, accuracy = loss | UNVISITED, accuracy | UNVISITED
    if np.isnan(fit.accuracy).sum() > np.isnan(fit.losses).any(0).sum():
        accuracy = accuracy | UNSCORED
    logit = {"units": "logits"}
    return {
        "intercept": Variable(("class",), fit.intercept, logit),
        "cv_log_loss": Variable(("fold", "penalty"), fit.losses, loss),
        "eval_accuracy": Variable(("penalty",), fit.accuracy, accuracy),
        "permuted_accuracy": Variable(("permutation",), fit.permuted_accuracy, permuted),
        "clean_logits": Variable(("sample", "class"), fit.clean_logits, logit),
    }


def band_penalty_variables(fit: FittedReadout) -> dict[str, Variable]:
    """The penalty of each band, if each has its own."""
    if fit.by_band is None:
        return {}
    loss = {"units": "nats", "long_name": "held-out log loss with these penalties"}
    unit = {"units": "mean squared norm", "long_name": "penalty of the band"}
    return {
        "band_penalty": Variable(("band",), fit.by_band.penalties, unit),
        "band_penalty_cv_log_loss": Variable(("fold",), fit.by_band.losses, loss),
    }


def linear_variables(maps: StandardisedMaps, grid: tuple[int, int]) -> dict[str, Variable]:
    """Moments and the mean map of a linear readout."""
    feature = {"units": "feature units"}
    mean_map = np.broadcast_to(maps.mean_map, (len(maps.mean), *grid))
    return {
        "channel_mean": Variable(("channel",), maps.mean, feature),
        "channel_scale": Variable(("channel",), maps.scale, feature),
        "mean_map": Variable(
            ("channel", "y", "x"), mean_map, feature | {"long_name": "mean training map"}
        ),
    }


def write_weights(
    stores: Sequence[StoreWriter],
    weights: Iterable[Sequence[MapArray]],
    shape: tuple[int, int],
    chunk: tuple[int, ...],
    grid: tuple[int, int],
) -> None:
    """Write weight maps slab by slab; a pooled weight is spread evenly over the grid.

    Parameters
    ----------
    stores : sequence of StoreWriter
        One per readout.
    weights : iterable of sequences of arrays of shape (n_classes, n_channels, height, width)
        Some channels at a time; an array per readout, as of `weight_slabs`.
    shape : (n_classes, n_channels)
        Of all weights.
    chunk : tuple of int
        Channels, height and width of a chunk.
    grid : (height, width)
        Of the layer.
    """
    n_classes = shape[0]
    arrays = [
        store.create(
            "W",
            ("class", "channel", "y", "x"),
            (*shape, *grid),
            "float32",
            {"units": "logits", "long_name": "weights of the standardised map"},
            weight_chunks(n_classes, chunk),
        )
        for store in stores
    ]
    filling = [_ChunkFiller(array) for array in arrays]
    for slabs in weights:
        for filler, slab in zip(filling, slabs, strict=True):
            spread = np.float32(grid[0] * grid[1] / (slab.shape[2] * slab.shape[3]))
            even = slab if spread == 1 else slab / spread
            filler.add(np.broadcast_to(even, (n_classes, slab.shape[1], *grid)))


class _ChunkFiller:
    """Writes an array (class, channel, y, x) some channels at a time, each chunk once."""

    def __init__(self, array: zarr.Array[Any]) -> None:
        self._array, self._start, self._waiting = array, 0, 0
        self._chunk = np.empty((0,), np.float32)

    def add(self, values: MapArray) -> None:
        """The next channels, in single precision."""
        n_channels, step = self._array.shape[1], self._array.chunks[1]
        while values.shape[1]:
            wanted = min(step, n_channels - self._start)
            if not self._waiting and values.shape[1] >= wanted:
                self._write(values[:, :wanted])
                values = values[:, wanted:]
                continue
            if not self._waiting:
                self._chunk = np.empty((len(values), wanted, *values.shape[2:]), np.float32)
            taken = min(wanted - self._waiting, values.shape[1])
            self._chunk[:, self._waiting : self._waiting + taken] = values[:, :taken]
            self._waiting += taken
            values = values[:, taken:]
            if self._waiting == wanted:
                self._waiting = 0
                self._write(self._chunk)

    def _write(self, values: MapArray) -> None:
        stop = self._start + values.shape[1]
        self._array[:, self._start : stop] = values
        self._start = stop


def energy_variables(
    scale: EnergyScale,
    fit: FittedReadout,
    energies: BandEnergies,
    of_mean: FloatArray,
    bins: NDArray[np.int64],
) -> dict[str, Variable]:
    """Weights of an energy readout, the energies that it scores, and those of the mean map."""
    _, evaluation = energies.gathered()
    shape = (-1, *scale.mean.shape)
    dims = ("channel", "band")
    energy = {"units": "squared feature units"}
    weights = fit.weights.T.reshape(shape)
    facts = {"units": "logits", "long_name": "weights of the standardised log energies"}
    return {
        "W": Variable(("class", *dims), weights, facts),
        "log_energy_floor": Variable(dims, scale.floor, energy),
        "log_energy_mean": Variable(dims, scale.mean, {"units": "1"}),
        "log_energy_scale": Variable(dims, scale.scale, {"units": "1"}),
        "eval_energy": Variable(("sample", *dims), evaluation, energy),
        "mean_map_energy": Variable(dims, of_mean, energy),
        "bins": Variable(("band",), bins, {"units": "1"}),
    }


def refit_variables(
    refits: Sequence[Refit], kept: MaskArray, bins: NDArray[np.int64], penalties: FloatArray
) -> dict[str, Variable]:
    """How each of the refitted readouts was fitted; their logits are written apart."""
    losses = np.stack([refit.losses for refit in refits])
    chosen = np.array([penalties[refit.chosen] for refit in refits])
    at_ends = np.array([at_end(refit.losses, refit.chosen) for refit in refits])
    loss = {"units": "nats"} | (UNVISITED if np.isnan(losses).any() else {})
    return {
        "kept": Variable(("subset", "band"), kept, {"long_name": "bands that are kept"}),
        "penalty_chosen": Variable(("subset",), chosen, {"units": "mean squared norm"}),
        "cv_log_loss": Variable(("subset", "penalty"), losses, loss),
        "penalty_at_end": Variable(
            ("subset",), at_ends, {"long_name": "the chosen penalty is at an end of the list"}
        ),
        "bins": Variable(("band",), bins, {"units": "1"}),
        "sees": Variable(("band",), bins > 0, {"long_name": "the band has bins"}),
    }


class ProbeWriter:
    """Writes the stores of a layer's readouts, each with its own provenance.

    Parameters
    ----------
    splits : Splits
    outputs : mapping of str to Path
        The store of each readout that is wanted; others are not written.
    bands : sequence of str
        Names of the bands, for readouts that are fitted by band.
    code : str
        Digest of the code.
    """

    def __init__(
        self, splits: Splits, outputs: Mapping[str, Path], bands: Sequence[str], code: str
    ) -> None:
        self._splits, self._outputs, self._code = splits, outputs, code
        self._coordinates = {
            "class": Variable(("class",), np.array(splits.classes)),
            "penalty": Variable(("penalty",), splits.penalties, {"units": "mean squared norm"}),
            **read_coordinates(splits.evaluation),
        }
        self._bands = {"band": Variable(("band",), np.array(bands))}

    def write_linear(
        self, readouts: Mapping[str, tuple[StandardisedMaps, FittedReadout]], slabs: Slabs
    ) -> None:
        """Write readouts of the same maps: their weights slab by slab, then all else of each."""
        fits = {name: fit for name, fit in readouts.items() if name in self._outputs}
        if fits:
            weights = weight_slabs([(maps, fit.weights) for maps, fit in fits.values()], slabs)
            self.write_streamed(fits, weights, lambda: [fit for _, fit in fits.values()])

    def write_streamed(
        self,
        readouts: Mapping[str, tuple[StandardisedMaps, FittedReadout]],
        weights: Iterable[Sequence[MapArray]],
        scored: Callable[[], Sequence[FittedReadout]],
    ) -> None:
        """Write readouts of the same maps, whose logits are known after their weights.

        Parameters
        ----------
        readouts : mapping of str to pairs of StandardisedMaps and FittedReadout
            Only those that are wanted.
        weights : iterable
            As of `write_weights`, in the same order.
        scored : callable
            Complete readouts, in the same order; called when all weights are written.
        """
        splits, first = self._splits, next(iter(readouts.values()))[0]
        chunk = splits.train.array(splits.layer).chunks[1:]
        with ExitStack() as stack:
            stores = []
            for name, (maps, fit) in readouts.items():
                attrs = self._attrs(name, fit)
                # Only where it is true: others take the mean of the channel.
                attrs |= {"without_dc": True} if maps.without_dc else {}
                stores.append(stack.enter_context(StoreWriter(self._outputs[name], attrs)))
            shape = len(splits.classes), len(first.mean)
            write_weights(stores, weights, shape, chunk, splits.grid)
            for store, (maps, _), fit in zip(stores, readouts.values(), scored(), strict=True):
                variables = common_variables(fit) | linear_variables(maps, splits.grid)
                of_bands = band_penalty_variables(fit)
                names = self._bands if of_bands else {}
                _write(store, variables | of_bands, self._coordinates | names)

    def write_by_band(
        self,
        readout: str,
        fit: FittedReadout,
        variables: Mapping[str, Variable],
        logits: Sequence[MapArray | FloatArray] = (),
    ) -> None:
        """Write `energy` or `refit`, of which `fit` gives the penalty, with logits of subsets."""
        with StoreWriter(self._outputs[readout], self._attrs(readout, fit)) as store:
            _write(store, variables, self._coordinates | self._bands)
            if len(logits):
                _write_logits(store, logits)

    def _attrs(self, readout: str, fit: FittedReadout) -> dict[str, Any]:
        splits = self._splits
        stage = {"layer": splits.layer, **asdict(splits.settings), "readout": readout}
        penalty = {"penalty": float(splits.penalties[fit.chosen])}
        kept = inherited(splits.train.attrs)
        # Refits have a penalty each.
        if readout != "refit" and fit.is_at_end:
            kept["flags"] = json.dumps([*json.loads(kept.get("flags", "[]")), PENALTY_AT_END])
        return {**provenance(self._code, stage | penalty, **kept), **penalty}


def _write_logits(store: StoreWriter, logits: Sequence[MapArray | FloatArray]) -> None:
    """Write the logits (n_eval, n_classes) of each subset, some samples of all at a time."""
    dims, shape = ("subset", "sample", "class"), (len(logits), *logits[0].shape)
    chunks = sample_chunks(dims, shape, 8 * int(np.prod(shape)))
    text = "readouts fitted on the bands that are kept; the first row keeps all"
    facts = {"units": "logits", "long_name": text}
    array = store.create("logits", dims, shape, "float64", facts, chunks)
    for part in row_blocks(shape[1], chunks[1]):
        array[:, part] = np.stack([one[part] for one in logits])


def _write(
    store: StoreWriter, variables: Mapping[str, Variable], coordinates: Mapping[str, Variable]
) -> None:
    for name, variable in coordinates.items():
        store.write(name, variable, coordinate=True)
    for name, variable in variables.items():
        store.write(name, variable)
