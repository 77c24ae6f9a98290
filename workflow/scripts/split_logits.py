"""Logits of a layer's readouts on the evaluation maps, split into bands by the fast route."""

from pathlib import Path

import numpy as np

from bandprobe.bands import Bands
from bandprobe.decompose import BandWeights, band_logits, blank_logits, transform
from bandprobe.features import read_coordinates, sample_blocks
from bandprobe.fitted import Readout, read_readout
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import Store, Variable, write_store


def split(
    store: Store, layer: str, readouts: list[Readout], weights: list[BandWeights]
) -> list[np.ndarray]:
    """Band logits of each readout, all from one transform of the maps."""
    mean = readouts[0].channel_mean
    parts: list[list[np.ndarray]] = [[] for _ in readouts]
    for _, maps in sample_blocks(store, layer):
        maps -= mean[:, None, None]
        coefficients = transform(maps, weights)
        for found, readout, by_band in zip(parts, readouts, weights, strict=True):
            found.append(by_band.logits(coefficients, mean - readout.channel_mean))
    return [np.concatenate(found, axis=1) for found in parts]


def variables(logits: np.ndarray, readout: Readout, weights: BandWeights) -> dict[str, Variable]:
    """The arrays of one readout's store."""
    centred = (readout.mean_map - readout.channel_mean[:, None, None])[None]
    unit = {"units": "logits"}
    facts = {
        "band_logits": "part of the logits that comes from a band",
        "zero_logits": "band logits of a raw map of zeros",
        "mean_logits": "band logits of the mean training map",
        "sees": "readout has weight in the band",
    }
    zero = blank_logits(readout.channel_mean, weights)
    mean = band_logits(centred, weights)[:, 0]
    return {
        "band_logits": Variable(
            ("band", "sample", "class"), logits, unit | {"long_name": facts["band_logits"]}
        ),
        "zero_logits": Variable(
            ("band", "class"), zero, unit | {"long_name": facts["zero_logits"]}
        ),
        "mean_logits": Variable(
            ("band", "class"), mean, unit | {"long_name": facts["mean_logits"]}
        ),
        "intercept": Variable(("class",), readout.intercept, unit),
        "bins": Variable(("band",), weights.partition.counts, {"units": "1"}),
        "sees": Variable(("band",), weights.sees, {"long_name": facts["sees"]}),
    }


def main() -> None:
    """Write the band logits of all readouts of a layer."""
    parser = argument_parser(__doc__)
    parser.add_argument("--features", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--probe", required=True, type=Path, nargs="+", help="a store a readout")
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="a store a readout")
    arguments = parser.parse_args()
    store = Store(arguments.features)
    readouts = [read_readout(path) for path in arguments.probe]
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    partition = bands.on_grid(*store.array(arguments.layer).shape[-2:])
    weights = [readout.by_band(partition) for readout in readouts]
    found = split(store, arguments.layer, readouts, weights)
    attrs = provenance(
        arguments.code,
        {"layer": arguments.layer, "bands": arguments.bands},
        weights_sha256=store.attrs["weights_sha256"],
    )
    for path, probe, readout, by_band, logits in zip(
        arguments.output, arguments.probe, readouts, weights, found, strict=True
    ):
        coordinates = {
            "band": Variable(("band",), np.array(bands.names)),
            "class": Variable(("class",), np.array(Store(probe).labels("class"))),
            **read_coordinates(store),
        }
        write_store(path, variables(logits, readout, by_band), coordinates, attrs)


if __name__ == "__main__":
    run(main)
