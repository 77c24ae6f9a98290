"""Arrays of five channels in a table, a framework's checkpoint, and code beside a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import xarray as xr
from torch import nn

from tests.workflow.conftest import TinyStudy, tiny_config

NET = """
from helper import WIDTH, norm
from torch import nn

def make():
    return nn.Sequential(nn.Conv2d(5, WIDTH, 4, 4), norm(WIDTH), nn.ReLU())
"""
HELPER = """
from torch import nn

WIDTH = 4

def norm(width):
    return nn.BatchNorm2d(width)
"""
KEYS = {"size": [32, 32], "crop_fraction": 1.0, "interpolation": "bilinear"}
CHANNELS = {"mean": [0.5] * 5, "std": [0.25] * 5}


@pytest.fixture(scope="module")
def fields(tmp_path_factory: pytest.TempPathFactory) -> TinyStudy:
    """A finished study of arrays, listed in a table with groups."""
    folder = tmp_path_factory.mktemp("fields")
    rng = np.random.default_rng(0)
    rows = ["image,label,group"]
    for number in range(24):
        label = number % 3
        values = rng.random((32, 32, 5))
        values[..., label] += 0.5
        (folder / "fields" / f"day-{number % 2}").mkdir(parents=True, exist_ok=True)
        name = f"day-{number % 2}/{number}.npy"
        np.save(folder / "fields" / name, values.astype(np.float32))
        rows.append(f"{name},{['a', 'b', 'c'][label]},site-{number // 3}")
    (folder / "labels.csv").write_text("\n".join(rows) + "\n")
    (folder / "my_net.py").write_text(NET)
    (folder / "helper.py").write_text(HELPER)
    network = nn.Sequential(nn.Conv2d(5, 4, 4, 4), nn.BatchNorm2d(4))
    tensors = {f"model.{name}": tensor for name, tensor in network.state_dict().items()}
    tensors["accuracy.total"] = torch.tensor(3)
    content = {"state_dict": tensors, "hyper_parameters": {"lr": 0.1}, "epoch": 2}
    torch.save(content, folder / "epoch=2.pth")
    config = tiny_config()
    spec = {"kind": "table", "root": "fields", "table": "labels.csv", "channels": 5}
    config["datasets"] = {"fields": spec}
    model = {"architecture": "python/my_net:make", "weights": "file/epoch=2.pth"}
    config["models"] = {"mine": model | {"preprocess": KEYS | CHANNELS, "layers": [["1"]]}}
    config |= {"readouts": ["map"], "modes": {"remove": {"kind": "remove"}}, "refit": {}}
    config |= {"controls": {"draws": 0, "permutations": 0}, "probe": {"folds": 2}}
    config.pop("head", None)
    study = TinyStudy(folder, config)
    done = study.run("interventions")
    assert done.code == 0, done.output
    return study


def attributes(study: TinyStudy) -> dict[str, Any]:
    path = study.folder / "results/fields/features/mine/pass-0/eval.zarr"
    with xr.open_zarr(path) as store:
        return dict(store.attrs)


def test_maps_are_those_of_the_network_on_the_arrays(fields: TinyStudy) -> None:
    import pandas as pd

    results = fields.folder / "results" / "fields"
    manifest = pd.read_parquet(results / "manifest.parquet")
    evaluated = manifest[manifest["split"] == "eval"]
    assert not set(evaluated["group"]) & set(manifest[manifest["split"] == "train"]["group"])
    arrays = [np.load(fields.folder / "fields" / name) for name in evaluated["image"]]
    inputs = (torch.tensor(np.stack(arrays)).permute(0, 3, 1, 2) - 0.5) / 0.25
    network = nn.Sequential(nn.Conv2d(5, 4, 4, 4), nn.BatchNorm2d(4)).eval()
    stored = torch.load(fields.folder / "epoch=2.pth", weights_only=True)["state_dict"]
    network.load_state_dict(
        {n.removeprefix("model."): t for n, t in stored.items() if n.startswith("model.")}
    )
    with torch.inference_mode():
        expected = network(inputs).numpy()
    with xr.open_zarr(results / "features/mine/pass-0/eval.zarr") as store:
        np.testing.assert_allclose(store["1"].values, expected, rtol=2e-3, atol=2e-3)
    assert attributes(fields)["weights_source"] == (
        "file/epoch=2.pth (weights_key 'state_dict', weights_prefix 'model.')"
    )


def test_untrained_batch_statistics_flag_every_target(fields: TinyStudy) -> None:
    assert json.loads(attributes(fields)["flags"]) == ["weights-untrained"]
    targets = (fields.folder / "results/fields/targets").rglob("*.json")
    records = [json.loads(path.read_text()) for path in targets]
    filled = [record["flags"] for record in records if "empty-band" not in record["flags"]]
    assert filled
    assert all("weights-untrained" in flags for flags in filled)


def test_an_edit_beside_the_network_runs_it_again(fields: TinyStudy) -> None:
    assert not fields.plan("interventions").jobs
    helper = fields.folder / "helper.py"
    try:
        helper.write_text(HELPER.replace("BatchNorm2d(width)", "BatchNorm2d(width, eps=0.1)"))
        assert fields.plan("features").jobs["extract_features"] == 1
    finally:
        helper.write_text(HELPER)
    assert not fields.plan("interventions").jobs


def test_other_versions_are_named_and_run_again_where_asked_for(
    fields: TinyStudy, tmp_path: Path
) -> None:
    study = fields.copied(tmp_path / "copy")
    for split in ("train", "eval"):
        path = study.folder / f"results/fields/features/mine/pass-0/{split}.zarr/zarr.json"
        content = json.loads(path.read_text())
        versions = json.loads(content["attributes"]["versions"]) | {"timm": "0.1"}
        content["attributes"]["versions"] = json.dumps(versions)
        path.write_text(json.dumps(content))
    (study.folder / "results/fields/targets/mine/1/map/remove").rename(tmp_path / "away")
    done = study.run("interventions")
    assert done.code == 0, done.output
    assert "2 stores of features were made with timm 0.1 (installed: " in done.output
    assert "they are kept" in done.output
    assert "extract_features" not in done.jobs
    study.config["on_other_versions"] = "rerun"
    assert study.plan("features").jobs["extract_features"] == 1
