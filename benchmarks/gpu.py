"""What a GPU brings: extraction, products, fits and interventions beside a bare forward on it.

Made-up images and maps, so that neither decoding nor the disk is timed. Each stage runs on the CPU
and on the GPU in the same process, the results are held against each other, and then images a
second are printed, with ratios to the bare forward pass on the same GPU. Without a GPU nothing is
measured: the script says so, and that is no error.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bandprobe.backbones.backbone import load_backbone
from bandprobe.base.devices import computing_on, device_name, fetch, open_device, put
from bandprobe.errors import DeviceError
from bandprobe.features.networks import torch_network
from bandprobe.fourier.bands import Bands
from bandprobe.fourier.intervene import white_noise
from bandprobe.fourier.transform import real_fft
from bandprobe.linear.band_grams import BandGrams
from bandprobe.linear.decompose import pack_weights, transform, turn_phases
from bandprobe.linear.factorise import positive_inverse, symmetric_eigen
from bandprobe.linear.map_sums import MapSums
from benchmarks.tables import markdown, publish

BANDS = Bands(("low", "mid", "high"), (0.3, 0.7))
LAYER = "layer3"
# Images that readouts are fitted to, in the stages that do not depend on the batch.
SIDE = 2000
BARE = "bare forward"
HEAD = ("stage", "images a second", "of the bare forward's time", "over the CPU", "difference")
# Largest difference over the largest value: convolutions sum in another order, layer after layer.
ROUNDING = 1e-3
Work = Callable[[], Any]


def stages(device: str, size: int, images: int, classes: int) -> dict[str, Work]:
    """Each stage on a device, as a call that ends with an array in the machine's memory."""
    rng = np.random.default_rng(0)
    batch = rng.standard_normal((images, 3, size, size), np.float32)
    backbone = load_backbone("timm/resnet50", "random", {}, 0, None, device=device)
    run = torch_network(backbone, [LAYER], "float32")
    maps = run(batch)[LAYER]
    grid = (int(maps.shape[2]), int(maps.shape[3]))
    partition = BANDS.on_grid(*grid)
    # The same maps everywhere: the network's differ by rounding.
    maps = rng.standard_normal(maps.shape, np.float32)
    weights = pack_weights(rng.standard_normal((classes, *maps.shape[1:]), np.float32), partition)
    noise = white_noise(0, 0, list(range(len(maps))), maps.shape[1:])

    @torch.inference_mode()
    def bare() -> Any:
        return backbone.network(backbone.inputs(batch)).cpu().numpy()

    def gram() -> Any:
        sums = MapSums.empty(direct=False, partition=partition, device=device)
        sums.add_slab(maps.copy(), maps.copy())
        assert sums.by_band is not None
        assert isinstance(sums.by_band.products, BandGrams)
        return np.stack(sums.by_band.products.gram)

    def split() -> Any:
        return weights.logits(transform(put(maps, device), [weights]))

    def phases() -> Any:
        turned = turn_phases(real_fft(put(maps, device)), put(noise, device), 1.0)
        return fetch(weights.logits(turned))

    values = rng.standard_normal((SIDE, SIDE))
    positive = values @ values.T / SIDE + np.eye(SIDE)

    def inverse() -> Any:
        with computing_on(device):
            return positive_inverse(positive)

    def eigenvalues() -> Any:
        with computing_on(device):
            return symmetric_eigen(positive)[0]

    return {
        BARE: bare,
        "extraction": lambda: run(batch)[LAYER],
        "Gram matrices": gram,
        "band logits": split,
        "turned phases": phases,
        f"inverse, {SIDE} images": inverse,
        f"eigenvectors, {SIDE} images": eigenvalues,
    }


def seconds(work: Work, repeats: int) -> float:
    """Median over repeats; each ends with its result in the machine's memory."""
    work()
    times = []
    for _ in range(repeats):
        begin = time.perf_counter()
        work()
        times.append(time.perf_counter() - begin)
    return statistics.median(times)


def table(rates: dict[str, dict[str, float]]) -> str:
    """What was measured, in Markdown."""
    bare = rates[BARE]["cuda"]
    rows = [
        (
            name,
            f"{one['cuda']:.0f}",
            f"{bare / one['cuda']:.2f}",
            f"{one['cuda'] / one['cpu']:.1f}",
            f"{one['difference']:.1e}",
        )
        for name, one in rates.items()
    ]
    return f"{markdown(HEAD, rows)}\n\n{device_name('cuda')}."


def main() -> None:
    """Measure, print and write; or say that there is no GPU."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--smallest", action="store_true", help="few small images, one repeat")
    parser.add_argument("--images", type=int, default=256)
    parser.add_argument("--classes", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--output", type=Path, default=Path("results/benchmarks/gpu.json"))
    arguments = parser.parse_args()
    try:
        open_device("cuda")
    except DeviceError as error:
        print(f"{error}\nNothing was measured, and nothing is claimed.")
        return
    size, images, classes = 224, arguments.images, arguments.classes
    if arguments.smallest:
        size, images, classes = 64, 8, 10
    repeats = 1 if arguments.smallest else arguments.repeats
    here, there = (stages(device, size, images, classes) for device in ("cpu", "cuda"))
    rates: dict[str, dict[str, float]] = {}
    for name, work in there.items():
        expected, found = here[name](), work()
        difference = float(np.abs(found - expected).max() / np.abs(expected).max())
        if not difference <= ROUNDING:
            raise ValueError(f"{name}: the GPU's result differs by {difference:.1e} of the largest")
        rates[name] = {
            "cpu": images / seconds(here[name], repeats),
            "cuda": images / seconds(work, repeats),
            "difference": difference,
        }
    publish(arguments.output, {"gpu": device_name("cuda"), "stages": rates}, table(rates))


if __name__ == "__main__":
    main()
