"""What float16 storage does to the logits of the default study's readouts.

The same evaluation images go through each network again; their maps are scored once as float32 and
once rounded to float16 as stored. Printed is the root mean square difference of the logits in
percent of their standard deviation; it has to stay below 0.1 %.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch

from bandprobe.commands import HOME, load_study
from bandprobe.fitted import Readout, read_readout
from bandprobe.images import Preprocess, load_batch
from bandprobe.manifest import read_split
from bandprobe.models import load_backbone, read_layers
from bandprobe.standardise import readout_logits
from bandprobe.store import write_json
from bandprobe.study import Model, Paths

LIMIT_PERCENT = 0.1


def layer_maps(model: Model, n_samples: int) -> dict[str, np.ndarray]:
    """Float32 maps of the first evaluation images, by layer."""
    split = read_split(HOME / Paths.MANIFEST.format(dataset="photos"), "eval")
    step = max(1, len(split.image) // n_samples)
    files, boxes = split.image[::step][:n_samples], split.crop[::step][:n_samples]
    batch = load_batch(HOME / Paths.PHOTOS, files, boxes, Preprocess.from_config(model.preprocess))
    if model.architecture == "pixels":
        return {"input": batch}
    file = HOME / Paths.WEIGHTS.format(asset=model.weights.partition("/")[2])
    backbone = load_backbone(model.architecture, model.weights, model.arguments, model.seed, file)
    found: dict[str, np.ndarray] = {}

    def keep(layer: str, maps: torch.Tensor, _prefix: torch.Tensor | None) -> None:
        found[layer] = maps.float().numpy().copy()

    read_layers(backbone, model.layers, torch.from_numpy(batch), keep)
    return found


def logits_of(maps: np.ndarray, readout: Readout) -> np.ndarray:
    """Logits by the readout's definition."""
    moments = (readout.channel_mean, readout.channel_scale)
    return readout_logits(maps, readout.weights, readout.intercept, *moments)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=int, default=48, help="evaluation images to score")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/storage.json"))
    arguments = parser.parse_args()
    study = load_study(HOME / "config.yaml")
    found: dict[str, float] = {}
    print(f"{'layer':<36}{'RMS change of logits, % of their standard deviation':>52}")
    for model in study.models.values():
        for layer, maps in layer_maps(model, arguments.samples).items():
            names = {"dataset": "photos", "model": model.name, "layer": layer, "readout": "map"}
            readout = read_readout(HOME / Paths.PROBE.format(**names))
            exact = logits_of(maps, readout)
            stored = logits_of(maps.astype(np.float16).astype(np.float32), readout)
            change = float(np.sqrt(np.square(stored - exact).mean()) / exact.std())
            found[f"{model.name}/{layer}"] = 100 * change
            print(f"{model.name + '/' + layer:<36}{100 * change:>52.4f}")
    write_json(arguments.output, {"rms_percent": found, "limit_percent": LIMIT_PERCENT})
    worst = max(found.values())
    verdict = "below" if worst < LIMIT_PERCENT else "ABOVE"
    print(f"largest: {worst:.4f} %, {verdict} the limit of {LIMIT_PERCENT} %")


if __name__ == "__main__":
    main()
