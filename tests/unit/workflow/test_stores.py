"""Which files a job reads and writes."""

from __future__ import annotations

import pytest

from bandprobe.errors import BandprobeError
from bandprobe.study.study import Study
from bandprobe.workflow import stores
from tests.unit.workflow.conftest import study_of

LAYER = {"dataset": "tiny", "model": "resnet18", "layer": "layer3"}
PHANTOM = {"kind": "phantom", "size": 112, "signal_to_noise": 0.5}
CIFAR = {"kind": "cifar10", "root": "cifar"}
PHOTOS = {"kind": "photos", "asset": "photos"}
FOLDER = {"kind": "imagefolder", "root": "images"}


def test_images_come_from_a_rule_an_asset_or_the_user() -> None:
    study = study_of(datasets={"a": PHANTOM, "b": CIFAR, "c": PHOTOS, "d": FOLDER})
    assert stores.made_datasets(study) == ["a", "b"]
    assert stores.phantoms(study) == ["a"]
    assert stores.unpacked_datasets(study) == ["b"]
    images = {name: stores.dataset_images(study, {"dataset": name}) for name in "abcd"}
    assert images == {
        "a": ["results/a/images"],
        "b": ["results/b/images"],
        "c": ["resources/photos"],
        "d": [],
    }
    assert stores.dataset_digests(study, {"dataset": "a"}) == ["results/a/images.digest.json"]
    assert stores.dataset_digests(study, {"dataset": "d"}) == []


@pytest.mark.parametrize(
    ("weights", "file", "is_asset"),
    [
        ("random", None, False),
        ("pretrained", None, False),
        ("file/mine/net.safetensors", "mine/net.safetensors", False),
        ("asset/efficientnet-lite0", "resources/weights/efficientnet-lite0.safetensors", True),
    ],
)
def test_weights(weights: str, file: str | None, is_asset: bool) -> None:
    model = {"architecture": "timm/resnet18", "weights": weights, "layers": [["layer1"]]}
    study = study_of(models={"m": model})
    job = {"model": "m"}
    assert stores.weights_file(study, "m") == file
    assert stores.asset_weights(study, job) == ([file] if is_asset else [])
    digests = [f"{file}.digest.json"] if is_asset else []
    assert stores.asset_weights_digests(study, job) == digests
    assert stores.user_weights(study, job) == ([file] if file and not is_asset else [])


def test_an_unknown_asset_lists_the_valid_ones() -> None:
    model = {"architecture": "timm/resnet18", "weights": "asset/nothing", "layers": [["layer1"]]}
    with pytest.raises(BandprobeError, match="efficientnet-lite0"):
        stores.weights_file(study_of(models={"m": model}), "m")


def test_extraction_writes_features_or_shards_of_them(tiny: Study) -> None:
    folder = "results/{dataset}/features/{model}/{passname}"
    assert not stores.is_sharded(tiny)
    assert stores.extracted(tiny) == [f"{folder}/train.zarr", f"{folder}/eval.zarr"]
    assert stores.extraction_name(tiny) == "{model}/{passname}"
    sharded = study_of(scale={"shards": 2})
    assert stores.is_sharded(sharded)
    assert stores.extracted(sharded) == [
        f"{folder}/shards/{{shard}}/train.zarr",
        f"{folder}/shards/{{shard}}/eval.zarr",
    ]
    assert stores.extraction_name(sharded) == "{model}/{passname}/{shard}"
    assert stores.shards(sharded) == [
        f"{folder}/shards/0000/{{split}}.zarr",
        f"{folder}/shards/0001/{{split}}.zarr",
    ]


def test_a_layer_lies_in_the_store_of_its_pass(tiny: Study) -> None:
    model = dict(tiny.resolved["models"]["resnet18"]) | {"layers": [["layer1"], ["layer3"]]}
    study = study_of(models={"resnet18": model})
    folder = "results/tiny/features/resnet18/pass-1"
    assert stores.train_features(study, LAYER) == f"{folder}/train.zarr"
    assert stores.eval_features(study, LAYER) == f"{folder}/eval.zarr"
    assert stores.train_digest(study, LAYER) == f"{folder}/train.zarr.digest.json"
    assert stores.eval_digest(study, LAYER) == f"{folder}/eval.zarr.digest.json"
    logits = "results/tiny/head_logits/resnet18/pass-1.zarr"
    assert stores.head_logits(study, LAYER) == logits
    assert stores.head_logits_digest(study, LAYER) == f"{logits}.digest.json"
    with pytest.raises(BandprobeError, match="layer4"):
        stores.train_features(study, LAYER | {"layer": "layer4"})


def test_slabs_are_summed_where_a_readout_needs_whole_maps(tiny: Study) -> None:
    assert stores.slab_sums(tiny) == []
    folder = "results/{dataset}/sums/{model}/{layer}"
    assert stores.slab_sums(study_of(scale={"slabs": 3})) == [
        f"{folder}/0000.zarr",
        f"{folder}/0001.zarr",
        f"{folder}/0002.zarr",
    ]
    assert stores.slab_sums(study_of(scale={"slabs": 3}, readouts=["pooled"])) == []


def test_readouts_and_what_follows_from_them(tiny: Study, bare: Study) -> None:
    folder = "results/{dataset}/probes/{model}/{layer}"
    names = ["map", "pattern", "pooled", "energy", "refit"]
    assert stores.probes(tiny) == [f"{folder}/{name}.zarr" for name in names]
    assert stores.additive_probes(tiny) == [f"{folder}/{name}.zarr" for name in names[:4]]
    assert stores.refits(tiny) == [f"{folder}/refit.zarr"]
    logits = "results/{dataset}/band_logits/{model}/{layer}"
    assert stores.band_logits(tiny) == [f"{logits}/{name}.zarr" for name in names[:4]]
    assert stores.masks(tiny) == ["results/{dataset}/controls/{model}/{layer}.zarr"]
    shapley = "results/{dataset}/shapley/{model}/{layer}"
    assert stores.shapley(tiny) == [f"{shapley}/{name}.zarr" for name in names[:4]]
    assert stores.refits(bare) == stores.masks(bare) == stores.shapley(bare) == []
    assert stores.band_logits(study_of(readouts=["refit"])) == []


def test_modes_are_linear_or_random(tiny: Study, bare: Study) -> None:
    assert stores.linear_modes(tiny) == [
        "remove",
        "isolate-mean",
        "lowpass",
        "highpass",
        "resample",
    ]
    assert stores.random_modes(tiny) == ["perturb", "noise"]
    assert stores.linear_modes(bare) == []


def test_outcomes_are_in_the_order_that_scripts_write_them(tiny: Study, bare: Study) -> None:
    folder = "results/{dataset}/outcomes/{model}/{layer}"
    assert stores.outcomes(tiny, ["remove", "lowpass"]) == [
        f"{folder}/{readout}/{mode}.zarr"
        for readout in ("map", "pattern", "pooled", "energy")
        for mode in ("remove", "lowpass")
    ]
    assert stores.outcomes(bare, "{mode}") == [f"{folder}/pooled/{{mode}}.zarr"]
    assert stores.outcomes(tiny, []) == []
    assert stores.refit_outcomes(tiny) == [
        f"{folder}/refit/remove.zarr",
        f"{folder}/refit/isolate-mean.zarr",
    ]
    assert stores.refit_outcomes(bare) == []
    both = study_of(head={"samples": 3, "prefix": ["keep", "ablate"], "modes": ["remove"]})
    assert stores.head_outcomes(both) == [
        f"{folder}/head/remove.zarr",
        f"{folder}/head-ablated/remove.zarr",
    ]
    assert stores.head_outcomes(bare) == []


def test_targets_of_a_layer_are_all_bands_modes_and_readouts(tiny: Study, bare: Study) -> None:
    folder = "results/{dataset}/targets/{model}/{layer}"
    assert stores.layer_targets(bare) == [
        f"{folder}/pooled/noise/{band}.json" for band in bare.bands.names
    ]
    assert len(stores.layer_targets(tiny)) == 5 * 7 * 7
    assert stores.head_layer_targets(tiny) == [
        f"{folder}/head/{mode}/{band}.json"
        for mode in ("remove", "isolate-mean")
        for band in tiny.bands.names
    ]
    assert stores.head_layer_targets(bare) == []


def test_refit_has_no_outcome_of_other_modes(tiny: Study, bare: Study) -> None:
    assert stores.undefined_outcomes(tiny) == [
        f"refit/{mode}" for mode in ("lowpass", "highpass", "resample", "perturb", "noise")
    ]
    assert stores.undefined_outcomes(bare) == []


def test_without_a_mode_of_its_own_the_scores_of_refit_come_from_its_store(tiny: Study) -> None:
    assert stores.unscored_refits(tiny) == []
    noise = {"noise": {"kind": "noise"}}
    study = study_of(readouts=["pooled", "refit"], modes=noise, refit=None, head=None)
    assert stores.unscored_refits(study) == stores.refits(study) != []
    assert stores.unscored_refits(study_of(readouts=["pooled"])) == []


def test_a_folder_some_levels_up() -> None:
    assert stores.folder_above("a/b/c/d.json", 1) == "a/b/c"
    assert stores.folder_above("a/b/c/d.json", 3) == "a"
