"""Logits of one readout on the evaluation maps, split into bands by the fast route."""

from pathlib import Path

import numpy as np

from bandprobe.bands import Bands
from bandprobe.decompose import band_logits, blank_logits
from bandprobe.features import read_coordinates, sample_blocks
from bandprobe.fitted import read_readout
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import Store, Variable, write_store


def main() -> None:
    """Write the band logits of one readout."""
    parser = argument_parser(__doc__)
    parser.add_argument("--features", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--probe", required=True, type=Path, help="store of the readout")
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    store = Store(arguments.features)
    readout = read_readout(arguments.probe)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    partition = bands.on_grid(*readout.weights.shape[-2:])
    weights = readout.by_band(partition)
    mean = readout.channel_mean[:, None, None]
    found = [band_logits(maps - mean, weights) for _, maps in sample_blocks(store, arguments.layer)]
    training_mean = band_logits((readout.mean_map - mean)[None], weights)[:, 0]
    logit = {"units": "logits"}
    write_store(
        arguments.output,
        {
            "band_logits": Variable(
                ("band", "sample", "class"),
                np.concatenate(found, axis=1),
                logit | {"long_name": "part of the logits that comes from a band"},
            ),
            "zero_logits": Variable(
                ("band", "class"),
                blank_logits(readout.channel_mean, weights),
                logit | {"long_name": "band logits of a raw map of zeros"},
            ),
            "mean_logits": Variable(
                ("band", "class"),
                training_mean,
                logit | {"long_name": "band logits of the mean training map"},
            ),
            "intercept": Variable(("class",), readout.intercept, logit),
            "bins": Variable(("band",), partition.counts, {"units": "1"}),
            "sees": Variable(
                ("band",), weights.sees, {"long_name": "readout has weight in the band"}
            ),
        },
        {
            "band": Variable(("band",), np.array(bands.names)),
            "class": Variable(("class",), np.array(Store(arguments.probe).labels("class"))),
            **read_coordinates(store),
        },
        provenance(
            arguments.code,
            {"layer": arguments.layer, "bands": arguments.bands},
            weights_sha256=store.attrs["weights_sha256"],
        ),
    )


if __name__ == "__main__":
    run(main)
