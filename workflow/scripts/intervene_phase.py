"""Multiply the coefficients of each band by random unit phases: outcomes of each draw."""

from pathlib import Path

import numpy as np

from bandprobe.bands import Bands
from bandprobe.compose import replace
from bandprobe.decompose import phase_band_logits
from bandprobe.features import sample_blocks
from bandprobe.fitted import read_readout
from bandprobe.intervene import white_noise
from bandprobe.modes import Mode
from bandprobe.outcomes import read_band_logits, write_outcomes
from bandprobe.scripting import argument_parser, json_argument, provenance, run
from bandprobe.store import Store


def main() -> None:
    """Write the outcomes of one mode."""
    parser = argument_parser(__doc__)
    parser.add_argument("--logits", required=True, type=Path, help="store of band logits")
    parser.add_argument("--features", required=True, type=Path, help="evaluation features")
    parser.add_argument("--layer", required=True)
    parser.add_argument("--probe", required=True, type=Path, help="store of the readout")
    parser.add_argument("--bands", required=True, type=json_argument, help="names and edges")
    parser.add_argument("--mode", required=True, type=json_argument, help="the mode, as JSON")
    parser.add_argument("--output", required=True, type=Path)
    arguments = parser.parse_args()
    mode = Mode(**arguments.mode)
    clean = read_band_logits(arguments.logits)
    features, readout = Store(arguments.features), read_readout(arguments.probe)
    bands = Bands(tuple(arguments.bands["names"]), tuple(arguments.bands["edges"]))
    weights = readout.by_band(bands.on_grid(*readout.weights.shape[-2:]))
    samples = features.read("sample")
    changed = np.empty((len(bands), mode.draws, *clean.logits.shape[1:]))
    for part, maps in sample_blocks(features, arguments.layer):
        for draw in range(mode.draws):
            noise = white_noise(mode.seed, draw, samples[part].tolist(), maps.shape[1:])
            turned = phase_band_logits(maps, noise, readout.channel_mean, weights)
            changed[:, draw, part] = replace(clean.logits[:, part], turned, clean.intercept)
    attrs = provenance(arguments.code, arguments.mode, weights_sha256=clean.weights_sha256)
    write_outcomes(arguments.output, clean, changed, attrs)


if __name__ == "__main__":
    run(main)
