"""The readout `head` in a real tiny study: a CNN and a transformer, and what re-runs when."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xarray as xr

from bandprobe.store.digests import write_digest
from bandprobe.study.parse import parse_study
from bandprobe.study.paths import Paths
from tests.workflow.conftest import TinyStudy, make_images, tiny_config

VIT = {
    "architecture": "timm/vit_tiny_patch16_224",
    "arguments": {"img_size": 32, "patch_size": 4, "embed_dim": 24, "depth": 2, "num_heads": 2},
    "weights": "random",
    "preprocess": {"size": [32, 32]},
    "layers": [["blocks.0", "blocks.1"]],
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """A study whose head stage is finished, and no other."""
    folder = tmp_path_factory.mktemp("head")
    make_images(folder / "images")
    config = tiny_config()
    config["models"] = {name: config["models"][name] for name in ("pixels", "resnet18")}
    config["models"]["resnet18"]["layers"] = [["layer1", "layer4"]]
    config["models"]["vit"] = VIT
    config["head"] = {"samples": 6, "train_samples": 12, "prefix": ["keep", "ablate"]}
    made = TinyStudy(folder, config)
    done = made.run("head")
    assert done.code == 0, done.output
    # One job a model and a pass, then one a layer; the pixels have no head.
    assert done.jobs["fit_head"] == done.jobs["run_head"] == 2
    assert done.jobs["intervene_head"] == done.jobs["score_head"] == 4
    assert not {"fit_probes", "split_logits", "score_targets"} & set(done.jobs)
    return made


def record(study: TinyStudy, *names: str) -> dict[str, Any]:
    path = study.folder / "results/tiny/targets" / Path(*names)
    found: dict[str, Any] = json.loads(path.with_suffix(".json").read_text())
    return found


def bands_with_bins(study: TinyStudy, *names: str) -> list[dict[str, Any]]:
    records = [record(study, *names, band) for band in study.config["bands"]["names"]]
    return [found for found in records if found["bins"]]


def test_exactly_the_expected_targets_are_made(study: TinyStudy) -> None:
    found = {
        str(path.relative_to(study.folder))
        for path in (study.folder / "results/tiny/targets").rglob("*.json")
    }
    targets = list(parse_study(study.config).head_targets())
    # layers x readouts x modes of kind remove and isolate x bands
    assert len(targets) == 4 * 2 * 2 * 7
    assert found == {Paths.TARGET.format(**vars(target)) for target in targets}


def test_a_second_run_does_nothing(study: TinyStudy) -> None:
    assert not study.run("head").jobs


def test_every_record_is_of_the_chosen_images(study: TinyStudy) -> None:
    with xr.open_zarr(study.folder / "results/tiny/heads/vit.zarr") as head:
        assert np.bincount(head["label"]).tolist() == [2, 2, 2]
        assert head.attrs["weights_sha256"]
        assert json.loads(head.attrs["config"])["classifier"] == "probe"
        assert head["W"].shape == (3, 24)
        samples = head["sample"].to_numpy()
    path = "results/tiny/outcomes/vit/blocks.0/head-ablated/remove.zarr"
    with xr.open_zarr(study.folder / path) as outcomes:
        assert outcomes["correct"].dims == ("band", "draw", "sample")
        np.testing.assert_array_equal(outcomes["sample"], samples)
        empty = outcomes["bins"].to_numpy() == 0
        missing = np.isnan(outcomes["margin"].to_numpy()).all((1, 2))
        np.testing.assert_array_equal(missing, empty)
    found = record(study, "vit", "blocks.0", "head", "remove", "ultra-low")
    assert (found["n_samples"], found["n_classes"], found["readout"]) == (6, 3, "head")


def test_kept_prefix_tokens_are_flagged_and_at_the_last_block_the_bypass_is_total(
    study: TinyStudy,
) -> None:
    for found in bands_with_bins(study, "vit", "blocks.0", "head", "remove"):
        assert "structural:prefix-bypass" in found["flags"]
        assert "structural:readout-blind" not in found["flags"]
    for mode in ("remove", "isolate-mean"):
        for found in bands_with_bins(study, "vit", "blocks.1", "head", mode):
            assert "structural:prefix-bypass" in found["flags"]
            assert "structural:readout-blind" in found["flags"]
            assert found["top1_drop"] == found["rank_degradation"] == 0
            assert found["margin"] == pytest.approx(found["clean_margin"], abs=1e-6)


def test_ablated_tokens_leave_no_way_around(study: TinyStudy) -> None:
    for found in bands_with_bins(study, "vit", "blocks.0", "head-ablated", "remove"):
        assert not [flag for flag in found["flags"] if flag.startswith("structural")]
    # All that is read after the last block is the ablated token itself.
    for found in bands_with_bins(study, "vit", "blocks.1", "head-ablated", "remove"):
        assert "structural:prefix-bypass" not in found["flags"]
        assert "structural:readout-blind" in found["flags"]
        assert "clean-not-above-chance" in found["flags"]


def test_without_prefix_tokens_ablation_changes_nothing_and_says_so(study: TinyStudy) -> None:
    for kept in bands_with_bins(study, "resnet18", "layer1", "head", "remove"):
        names = ("resnet18", "layer1", "head-ablated", "remove", kept["band"])
        ablated = record(study, *names)
        assert "no-prefix-tokens" in ablated["flags"]
        assert not {"no-prefix-tokens", "structural:prefix-bypass"} & set(kept["flags"])
        for name in ("top1", "rank", "margin", "clean_margin", "top1_drop_ci"):
            assert kept[name] == ablated[name]


def test_after_the_last_map_of_a_pooled_network_dc_alone_is_seen(study: TinyStudy) -> None:
    """layer4 is 1 x 1 here: DC, and nothing else."""
    (found,) = bands_with_bins(study, "resnet18", "layer4", "head", "remove")
    assert (found["band"], found["bins"]) == ("ultra-low", 1)
    assert "structural:readout-blind" not in found["flags"]


def test_other_images_run_the_heads_alone(study: TinyStudy) -> None:
    study.config["head"]["samples"] = 9
    assert study.plan("head").jobs == {
        "fit_head": 2,
        "run_head": 2,
        "intervene_head": 4,
        "score_head": 4,
        "head": 1,
    }


@pytest.mark.slow
def test_the_networks_own_classifier_ranks_all_of_imagenet(study: TinyStudy) -> None:
    """The labels of the tiny study become classes of ImageNet by a column of the manifest."""
    manifest = study.folder / "results/tiny/manifest.parquet"
    table = pq.read_table(manifest)
    original = table
    wrong = {0: 17, 1: 934, 2: 430}
    column = pa.array([wrong[label] for label in table["label"].to_pylist()], pa.int64())
    if "imagenet_index" in table.column_names:
        table = table.drop_columns("imagenet_index")
    pq.write_table(table.append_column("imagenet_index", column), manifest)
    write_digest(manifest)
    study.config["head"] |= {"samples": 9, "classifier": "own", "prefix": ["keep"]}
    try:
        done = study.run("head")
        assert done.code == 0, done.output
        assert record(study, "vit", "blocks.0", "head", "remove", "mid")["n_samples"] == 9
        found = record(study, "resnet18", "layer1", "head", "remove", "mid")
        assert found["n_classes"] == 1000
        assert found["chance"] == 1 / 1000
        assert 1 < found["clean_rank"] < 1000
        with xr.open_zarr(study.folder / "results/tiny/heads/resnet18.zarr") as head:
            assert head["clean_logits"].shape == (9, 1000)
            assert set(head["label"].to_numpy().tolist()) == {17, 934, 430}
            assert "W" not in head
            logits, labels = head["clean_logits"].to_numpy(), head["label"].to_numpy()
        truth = logits[np.arange(9), labels]
        expected = 1 + (logits > truth[:, None]).sum(1).mean()
        assert found["clean_rank"] == pytest.approx(expected, abs=0.5)
    finally:
        pq.write_table(original, manifest)
        write_digest(manifest)


def test_own_classifier_without_imagenet_labels_is_refused(study: TinyStudy) -> None:
    study.config["head"] |= {"classifier": "own", "prefix": ["keep"], "samples": 5}
    output = study.fails("head")
    assert "not all classes have an ImageNet index" in output
    assert "classifier: probe" in output


def test_a_mode_that_a_head_cannot_score_is_refused(fresh: TinyStudy) -> None:
    fresh.config["head"]["modes"] = ["perturb"]
    assert "perturb is of kind phase" in fresh.fails("head")
