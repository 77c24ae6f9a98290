"""The memory that a plan states, compared with that of jobs on made-up stores."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandprobe.features.spectra import write_spectra
from bandprobe.fourier.bands import Bands
from bandprobe.interventions.linear_modes import write_linear_modes
from bandprobe.interventions.perturb import write_perturbed
from bandprobe.planning.costs import stage_costs
from bandprobe.planning.counts import Counts
from bandprobe.planning.layer import Layer
from bandprobe.planning.map_shapes import LayerShape, PassShape
from bandprobe.planning.memory import linear_memory, random_memory, spectra_memory, split_memory
from bandprobe.probes.settings import MaskSettings
from bandprobe.probes.split import split_layer
from bandprobe.store.zarr_store import StoreWriter, Variable, feature_chunks
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study

# What the plan may state, over what is measured.
LOWEST, MOST = 0.9, 1.35
LEAST = 10_000_000
ROOT = Path(__file__).parents[3]


def write_layer(folder: Path, layer: Layer, readouts: Sequence[str]) -> None:
    """Evaluation maps of noise, and readouts with weights of noise."""
    rng = np.random.default_rng(0)
    shape, images, n_classes = layer.shape, layer.counts.eval, layer.counts.classes
    grid = (shape.channels, shape.height, shape.width)
    chunks = feature_chunks((images, *grid), 2)
    facts = {"sample": np.arange(images), "group": np.arange(images)}
    facts["label"] = np.arange(images) % n_classes
    with StoreWriter(folder / "eval.zarr", {"weights_sha256": "none"}) as store:
        dims = ("sample", "channel", "y", "x")
        array = store.create("layer", dims, (images, *grid), "float16", {}, chunks, "none")
        array[...] = rng.standard_normal((images, *grid), np.float32).astype(np.float16)
        for name, values in facts.items():
            store.write(name, Variable(("sample",), values), coordinate=True)
    for readout in readouts:
        with StoreWriter(
            folder / "probes" / f"{readout}.zarr", {"weights_sha256": "none"}
        ) as store:
            dims = ("class", "channel", "y", "x")
            where = (n_classes, *chunks[1:])
            array = store.create("W", dims, (n_classes, *grid), "float32", {}, where)
            own = (n_classes, shape.channels, 1, 1) if readout == "pooled" else (n_classes, *grid)
            weights = rng.standard_normal(own, np.float32)
            array[...] = np.broadcast_to(weights, (n_classes, *grid))
            of_channels = {"channel_mean": 0, "channel_scale": 1}
            for name, value in of_channels.items():
                values = np.full(shape.channels, value, np.float32)
                store.write(name, Variable(("channel",), values))
            store.write("mean_map", Variable(dims[1:], np.zeros(grid, np.float32)))
            store.write("intercept", Variable(("class",), np.zeros(n_classes)))
            store.write("class", Variable(("class",), np.arange(n_classes).astype(str)))


def peak(job: Callable[..., None], *given: Any, **named: Any) -> int:
    """Bytes of arrays that a job has at its most, more than before it."""
    gc.collect()
    tracemalloc.start()
    try:
        job(*given, **named, code="digest")
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("images", "channels", "side", "classes", "draws", "masks", "readouts"),
    [
        pytest.param(200, 64, 32, 400, 0, 0, ("map",), id="weights"),
        pytest.param(1000, 32, 28, 60, 1, 0, ("map", "pattern", "pooled"), id="maps"),
        pytest.param(450, 64, 20, 100, 0, 30, ("map", "pooled"), id="masks outside"),
        pytest.param(300, 4, 100, 20, 0, 20, ("map",), id="masks of units"),
    ],
)
def test_jobs_take_the_memory_that_the_plan_says(
    tmp_path: Path,
    config: dict[str, Any],
    bands: Bands,
    images: int,
    channels: int,
    side: int,
    classes: int,
    draws: int,
    masks: int,
    readouts: tuple[str, ...],
) -> None:
    of_mode = {"remove": {"kind": "remove"}, "swap": {"kind": "resample", "draws": 2}}
    config |= {"modes": of_mode | {"turn": {"kind": "phase", "draws": 2}}}
    config |= {"bands": {"names": list(bands.names), "edges": list(bands.edges)}}
    config |= {"readouts": list(readouts), "controls": {"draws": draws, "masks": masks}}
    config |= {"shapley": {"fill": "none"}}
    study = parse_study(config)
    shape = LayerShape("layer", channels, side, side)
    layer = Layer("net", shape, Counts(images, images, classes, ""), 2)
    small = Layer("net", LayerShape("layer", 2, 6, 6), Counts(40, 40, 3, ""), 2)
    # What is imported and made at first use is there.
    run_jobs(tmp_path / "small", small, study)
    measured = run_jobs(tmp_path / "layer", layer, study)
    planned = {
        "spectra": spectra_memory(layer),
        "split": split_memory(layer, study),
        "linear": linear_memory(layer, study),
        "random": random_memory(layer, study, study.modes["turn"]),
    }
    # What is as small as a few pages of code says nothing.
    ratio = {job: planned[job] / at_most for job, at_most in measured.items() if at_most > LEAST}
    assert len(ratio) >= 3
    assert all(LOWEST <= value <= MOST for value in ratio.values()), (ratio, measured)


def run_jobs(folder: Path, layer: Layer, study: Study) -> dict[str, int]:
    """Bytes that the jobs of a layer have at their most."""
    readouts, bands, controls = study.readouts, study.bands, study.controls
    write_layer(folder, layer, readouts)
    features, masks = folder / "eval.zarr", folder / "masks.zarr"
    measured = {"spectra": peak(write_spectra, folder / "spectra.zarr", features, "layer", bands)}
    probes = [folder / "probes" / f"{name}.zarr" for name in readouts]
    logits = [folder / "logits" / f"{name}.zarr" for name in readouts]
    drawn = MaskSettings(controls.draws, 0, controls.masks, ("remove/zero",))
    used = [masks] if controls.draws else []
    of_probe = dict(zip(probes, logits, strict=True))
    given = (features, "layer", bands, masks if used else None, drawn)
    measured["split"] = peak(split_layer, of_probe, *given)
    linear = [mode for mode in study.modes.values() if mode.is_linear]
    outputs = [folder / name / f"{mode.name}.zarr" for name in readouts for mode in linear]
    measured["linear"] = peak(write_linear_modes, outputs, logits, linear, refit_outputs={})
    of_logits = {path: folder / path.stem / "turn.zarr" for path in logits}
    turn = study.modes["turn"]
    measured["random"] = peak(
        write_perturbed, of_logits, features, "layer", turn, bands, probes=probes, masks=used
    )
    return measured


def test_the_largest_study_fits_in_sixteen_gigabytes() -> None:
    """Every job of configs/imagenet.yaml, at a speed of 100 GFLOP/s."""
    study = parse_study(load_config(ROOT / "configs" / "imagenet.yaml"))
    image = PassShape((LayerShape("input", 3, 224, 224),), 0, 0)
    grids = (
        ((64, 56), (128, 28), (256, 14), (512, 7)),
        ((256, 56), (512, 28), (1024, 14), (2048, 7)),
    )
    shapes = {"pixels": [image]}
    for name, layers in zip(("resnet18", "resnet50"), grids, strict=True):
        every = tuple(LayerShape(f"layer{n}", c, side, side) for n, (c, side) in enumerate(layers))
        shapes[name] = [PassShape(every, 0, 0)]
    blocks = tuple(LayerShape(f"blocks.{n}", 768, 14, 14, 1) for n in range(12))
    shapes["vit_b16"] = [PassShape(blocks, 0, 0)]
    costs = stage_costs(study, Counts(25_000, 25_000, 1000, ""), shapes)
    assert len(costs) == 6
    assert max(cost.memory for cost in costs) < 14e9
    (split,) = [cost for cost in costs if cost.stage == "band_logits"]
    # Weights of a readout by bin, logits of two, and less than what was counted as a whole before.
    assert 8 * 1000 * 256 * 56 * 29 + 2 * 8 * 8 * 25e6 < split.memory < 10e9
