"""A pass over the images stores each split, and says what it was made from."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bandprobe.backbones.model_spec import ModelSpec
from bandprobe.data.list_samples import list_samples
from bandprobe.features.extract import Shard
from bandprobe.features.passes import extract_pass
from bandprobe.store.encoding import Storage
from bandprobe.store.zarr_store import Store

PREPROCESS = {
    "size": [8, 8],
    "crop_fraction": 1.0,
    "interpolation": "bilinear",
    "mean": [0.0, 0.0, 0.0],
    "std": [1.0, 1.0, 1.0],
}
SPEC = {"kind": "imagefolder", "root": "images", "eval_share": 0.5, "seed": 0}


def make_manifest(folder: Path, save_image: Callable[..., Path]) -> Path:
    for number in range(8):
        save_image(folder / "images" / f"class_{number % 2}" / f"{number}.png", seed=number)
    list_samples(folder / "manifest.parquet", SPEC, folder / "images")
    return folder / "manifest.parquet"


@pytest.mark.parametrize(
    ("architecture", "layers"), [("pixels", ("input",)), ("timm/resnet18", ("layer1", "layer2"))]
)
def test_both_splits_are_stored_with_their_provenance(
    tmp_path: Path, save_image: Callable[..., Path], architecture: str, layers: tuple[str, ...]
) -> None:
    size = 8 if architecture == "pixels" else 32
    model = ModelSpec(
        architecture=architecture,
        preprocess=PREPROCESS | {"size": [size, size]},
        seed=0,
        weights="none" if architecture == "pixels" else "random",
        arguments={},
    )
    outputs = {split: tmp_path / f"{split}.zarr" for split in ("train", "eval")}
    extract_pass(
        outputs,
        model,
        layers,
        weights=None,
        manifest=make_manifest(tmp_path, save_image),
        root=tmp_path / "images",
        storage=Storage("float32"),
        precision=None if architecture == "pixels" else "float32",
        code="digest",
    )
    stores = [Store(path) for path in outputs.values()]
    rows = np.concatenate([store.read("sample") for store in stores])
    assert sorted(rows) == list(range(8))
    for store in stores:
        assert set(layers) <= set(store.names())
        assert all(np.isfinite(store.read(layer)).all() for layer in layers)
        config = json.loads(store.attrs["config"])
        assert config["layers"] == list(layers)
        assert config["model"]["architecture"] == architecture
        assert "weights_sha256" not in config["model"]
        assert config["dtype"] == "float32"
        assert ("precision" in config) == (architecture != "pixels")
        assert json.loads(store.attrs["preprocess"])["size"] == [size, size]


def test_a_shard_is_read_from_text() -> None:
    assert Shard.from_text("2/5") == Shard(2, 5)
    for text in ("2", "a/b", "1/2/3"):
        with pytest.raises(ValueError, match=r"unpack|invalid literal"):
            Shard.from_text(text)
