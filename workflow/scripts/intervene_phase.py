"""Multiply the coefficients of each band by random unit phases: outcomes of each draw."""

from pathlib import Path

import numpy as np

from bandprobe.bands import Bands
from bandprobe.compose import clean, replace
from bandprobe.decompose import transform, turn_phases
from bandprobe.features import sample_blocks
from bandprobe.fitted import read_readout
from bandprobe.intervene import white_noise
from bandprobe.modes import Mode
from bandprobe.outcomes import read_band_logits, write_outcomes
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import Store


def main() -> None:
    """Write the outcomes of one mode for all readouts of a layer."""
    parser = argument_parser(__doc__)
    parser.add_argument(
        "--logits", required=True, type=Path, nargs="+", help="band logits, a store a readout"
    )
    parser.add_argument("--features", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--probe", required=True, type=Path, nargs="+", help="a store a readout")
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--mode", required=True, type=json_argument, help="the mode, as JSON")
    parser.add_argument("--output", required=True, type=Path, nargs="+", help="a store a readout")
    arguments = parser.parse_args()
    mode = Mode(**arguments.mode)
    features = Store(arguments.features)
    samples = features.read("sample")
    grid = features.array(arguments.layer).shape[-2:]
    partition = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"])).on_grid(
        *grid
    )
    split = [read_band_logits(path) for path in arguments.logits]
    readouts = [read_readout(path) for path in arguments.probe]
    weights = [readout.by_band(partition) for readout in readouts]
    mean = readouts[0].channel_mean
    changed = [np.empty((len(partition.bands), mode.draws, *one.logits.shape[1:])) for one in split]
    for part, maps in sample_blocks(features, arguments.layer):
        raw = transform(maps, weights)
        for draw in range(mode.draws):
            noise = white_noise(mode.seed, draw, samples[part].tolist(), maps.shape[1:])
            coefficients = turn_phases(raw, noise, mean, weights)
            for result, one, readout, by_band in zip(
                changed, split, readouts, weights, strict=True
            ):
                turned = by_band.logits(coefficients, mean - readout.channel_mean)
                result[:, draw, part] = replace(one.logits[:, part], turned, one.intercept)
    for path, one, result in zip(arguments.output, split, changed, strict=True):
        attrs = provenance(arguments.code, arguments.mode, weights_sha256=one.weights_sha256)
        write_outcomes(path, one.axes, clean(one.logits, one.intercept), result, attrs)


if __name__ == "__main__":
    run(main)
