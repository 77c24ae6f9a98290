"""What float16 storage does to the logits of the default study's readouts, and what checksums cost.

The same evaluation images go through each network again; their maps are scored once as float32 and
once rounded to float16 as stored. Printed is the root mean square difference of the logits in
percent of their standard deviation; it has to stay below 0.1 %.

Before that, maps are written and read in the chunks of a feature store, with a checksum of each
chunk and without: printed are the ratios of the processor times, best of alternating rounds.
"""

from __future__ import annotations

import argparse
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import zarr

from bandprobe.backbones.backbone import load_backbone, read_layers
from bandprobe.cli.shared import HOME, load_study
from bandprobe.data.images import Preprocess
from bandprobe.data.inputs import load_batch
from bandprobe.data.manifest import read_split
from bandprobe.linear.standardise import readout_logits
from bandprobe.probes.read import Readout, read_readout
from bandprobe.store.zarr_store import CHECKSUM, feature_chunks
from bandprobe.study.paths import Paths
from bandprobe.study.study import Model, Study
from benchmarks.tables import markdown, publish

LIMIT_PERCENT = 0.1
ROUNDS = 7
# Maps of an early layer of a convolutional network: 103 MB.
SHAPE = (256, 64, 56, 56)


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
    return readout_logits(maps, readout.weights[...], readout.intercept, *moments)


def seconds(work: Callable[..., object], *given: Any) -> float:
    """Processor time of one call, all threads together; other work does not count."""
    start = time.process_time()
    work(*given)
    return time.process_time() - start


def write_all(array: zarr.Array[Any], values: np.ndarray) -> None:
    """Write an array chunk by chunk of samples, as an extraction does."""
    step = array.chunks[0]
    for start in range(0, len(values), step):
        array[start : start + step] = values[start : start + step]


def checksum_cost(folder: Path) -> dict[str, float]:
    """Seconds to write and to read the same maps with and without checksums, and their ratios."""
    values = np.random.default_rng(0).standard_normal(SHAPE, np.float32).astype(np.float16)
    times: dict[str, list[float]] = {}
    for _ in range(ROUNDS):
        for name, codecs in (("without", None), ("with", [CHECKSUM])):
            shutil.rmtree(folder, ignore_errors=True)
            array = zarr.create_array(
                folder,
                shape=SHAPE,
                dtype="float16",
                chunks=feature_chunks(SHAPE, values.itemsize),
                compressors=codecs,
                config={"write_empty_chunks": True},
            )
            times.setdefault(f"write_{name}", []).append(seconds(write_all, array, values))
            times.setdefault(f"read_{name}", []).append(seconds(array.__getitem__, Ellipsis))
    shutil.rmtree(folder)
    best = {name: min(found) for name, found in times.items()}
    for work in ("write", "read"):
        best[f"{work}_ratio"] = best[f"{work}_with"] / best[f"{work}_without"]
        more = (best[f"{work}_with"] - best[f"{work}_without"]) / values.nbytes * 1e9
        best[f"{work}_seconds_per_gb"] = more
    return best


def rounding(study: Study, n_samples: int) -> dict[str, float]:
    """What float16 storage does to the logits of each layer's readout, in percent."""
    found: dict[str, float] = {}
    for model in study.models.values():
        for layer, maps in layer_maps(model, n_samples).items():
            names = {"dataset": "photos", "model": model.name, "layer": layer, "readout": "map"}
            readout = read_readout(HOME / Paths.PROBE.format(**names))
            exact = logits_of(maps, readout)
            stored = logits_of(maps.astype(np.float16).astype(np.float32), readout)
            change = float(np.sqrt(np.square(stored - exact).mean()) / exact.std())
            found[f"{model.name}/{layer}"] = 100 * change
    return found


def table(percent: dict[str, float], checksums: dict[str, float]) -> str:
    """What was measured, in Markdown."""
    (least, low), *_, (worst, high) = sorted(percent.items(), key=lambda item: item[1])
    verdict = "below" if high < LIMIT_PERCENT else "ABOVE"
    layers = (
        f"RMS change of the logits of {len(percent)} layers, of their standard deviation: "
        f"{low:.4f} % ({least}) to {high:.4f} % ({worst}), "
        f"{verdict} the limit of {LIMIT_PERCENT} %."
    )
    costs = markdown(
        ["checksums", "processor time, relative to without", "more, s a GB"],
        [
            (
                work,
                f"{checksums[f'{work}_ratio']:.2f}",
                f"{checksums[f'{work}_seconds_per_gb']:+.2f}",
            )
            for work in ("write", "read")
        ],
    )
    return f"{costs}\n\n{layers}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="few images, to try it")
    parser.add_argument("--samples", type=int, default=48, help="evaluation images to score")
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/storage.json"))
    arguments = parser.parse_args()
    checksums = checksum_cost(arguments.output.with_name("checksums.zarr"))
    study = load_study(HOME / "config.yaml")
    percent = rounding(study, 8 if arguments.smallest else arguments.samples)
    publish(
        arguments.output,
        {"rms_percent": percent, "limit_percent": LIMIT_PERCENT, "checksums": checksums},
        table(percent, checksums),
    )


if __name__ == "__main__":
    main()
