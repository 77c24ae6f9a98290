"""Number formats of the forward pass and of the stored maps, through the workflow."""

import json

import numpy as np
import pytest
import yaml

from bandprobe.store.zarr_store import Store
from tests.workflow.conftest import TinyStudy


@pytest.mark.slow
def test_formats_reach_the_stores_and_nothing_else_runs_a_network(study: TinyStudy) -> None:
    features = study.folder / "results" / "tiny" / "features"
    before = {
        (model, layer): Store(features / model / "pass-0" / "eval.zarr").read(layer)
        for model, layer in (("pixels", "input"), ("resnet18", "layer3"))
    }
    study.config |= {"precision": "bfloat16"}
    done = study.run("features")
    assert done.code == 0, done.output
    # Images have no forward pass, and so no precision.
    assert done.jobs["extract_features"] == 1, done.output
    store = Store(features / "resnet18" / "pass-0" / "eval.zarr")
    change = store.read("layer3").astype(np.float64) - before["resnet18", "layer3"]
    share = np.sqrt(np.square(change).mean()) / before["resnet18", "layer3"].std(dtype=np.float64)
    assert 2**-12 < share < 2**-4
    assert json.loads(store.attrs["config"])["precision"] == "bfloat16"

    study.config["storage"] = {"keepbits": 5, "codec": "blosc-zstd"}
    jobs = study.plan().jobs
    assert jobs["extract_features"] == 2
    # The networks' own heads are always run in float32.
    assert jobs["fit_head"] == 0
    done = study.run("features", "results/tiny/config.yaml")
    assert done.code == 0, done.output
    assert done.jobs["extract_features"] == 2, done.output
    store = Store(features / "pixels" / "pass-0" / "eval.zarr")
    exact, rounded = before["pixels", "input"].astype(np.float64), store.read("input")
    assert rounded.dtype == np.float16
    assert (np.abs(rounded - exact) <= 2.0**-6 * np.abs(exact)).all()
    assert (rounded != exact).any()
    stage = json.loads(store.attrs["config"])
    assert (stage["dtype"], stage["keepbits"], stage["codec"]) == ("float16", 5, "blosc-zstd")
    used = yaml.safe_load((study.folder / "results" / "tiny" / "config.yaml").read_text())
    assert used["precision"] == "bfloat16"


@pytest.mark.slow
def test_a_study_of_rounded_features_is_intact(fresh: TinyStudy) -> None:
    fresh.config |= {"precision": "bfloat16", "readouts": ["map"]}
    fresh.config["storage"] = {"keepbits": 5, "codec": "blosc-zstd"}
    fresh.config["models"]["resnet18"]["layers"] = [["layer3"]]
    fresh.config["modes"] = {"remove": {"kind": "remove"}}
    fresh.config["head"] |= {"modes": ["remove"]}
    del fresh.config["refit"]
    done = fresh.run("summaries")
    assert done.code == 0, done.output
    checked = fresh.run("verify")
    assert checked.code == 0, checked.output


def test_rounding_that_saves_nothing_ends_with_one_clear_error(fresh: TinyStudy) -> None:
    fresh.config["storage"] = {"keepbits": 5}
    output = fresh.fails()
    assert "storage.keepbits" in output
    assert "codec: blosc-zstd" in output
