"""Data sets whose images the workflow writes itself: from the source to the stored maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from tests.unit.data.test_cifar import write_cifar
from tests.workflow.conftest import TinyStudy, tiny_config


@pytest.fixture
def cifar(tmp_path: Path) -> TinyStudy:
    """A made-up CIFAR-10, whose red plane holds the label."""
    write_cifar("cifar10", tmp_path / "data")
    config: dict[str, Any] = tiny_config()
    config["datasets"] = {"cifar10": {"kind": "cifar10", "root": "data"}}
    del config["models"]["resnet18"]
    return TinyStudy(tmp_path, config)


def test_cifar_comes_through_unchanged(cifar: TinyStudy) -> None:
    done = cifar.run("features")
    assert done.code == 0, done.output
    results = cifar.folder / "results" / "cifar10"
    manifest = pd.read_parquet(results / "manifest.parquet")
    assert manifest["split"].value_counts().to_dict() == {"train": 150, "eval": 30}
    assert manifest["imagenet_index"].isna().all()
    with xr.open_zarr(results / "features/pixels/pass-0/eval.zarr") as features:
        red = features["input"].astype(float).values[:, 0] * 255
        label = features["label"].values
    np.testing.assert_allclose(red, np.broadcast_to(label[:, None, None], red.shape), atol=0.01)

    # A changed file is seen, though Snakemake cannot watch it; an unchanged one runs nothing.
    assert not cifar.run("features").jobs
    path = cifar.folder / "data" / "cifar-10-batches-bin" / "data_batch_2.bin"
    path.write_bytes(path.read_bytes()[: 10 * 3073])
    again = cifar.run("features")
    assert again.code == 0, again.output
    assert again.jobs["unpack_images"] == 1
    assert len(pd.read_parquet(results / "manifest.parquet")) == 150 - 20 + 30


def test_missing_cifar_gives_the_command(cifar: TinyStudy) -> None:
    cifar.config["datasets"]["cifar10"]["root"] = "nowhere"
    output = cifar.fails("manifests")
    assert "cifar-10-binary.tar.gz | tar -xz -C nowhere" in output


def test_a_phantom_is_made_again_when_its_bands_change(tmp_path: Path) -> None:
    config: dict[str, Any] = tiny_config()
    made = {"kind": "phantom", "size": 64, "patterns": 1, "train_images": 2, "eval_images": 1}
    config["datasets"] = {"phantom": made}
    study = TinyStudy(tmp_path, config)
    done = study.run("manifests")
    assert done.code == 0, done.output
    assert done.jobs["make_phantom"] == done.jobs["make_manifest"] == 1
    names = pd.read_parquet(tmp_path / "results/phantom/manifest.parquet")["class_name"].unique()
    assert names.tolist() == [f"{band}-1" for band in config["bands"]["names"]]
    config["modes"]["remove"]["fill"] = "mean"
    assert not study.run("manifests").jobs
    config["bands"]["edges"][3] = 0.6
    assert study.run("manifests").jobs["make_phantom"] == 1
