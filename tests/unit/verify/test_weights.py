"""Weights that are no longer those of the stored features are seen."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest

from bandprobe.store.zarr_store import Variable, write_store
from bandprobe.study.study import Study
from bandprobe.verify.weights import weights_problems
from tests.unit.workflow.conftest import study_of

STORES = [f"results/own/features/net/pass-0/{split}.zarr" for split in ("train", "eval")]
PUBLISHED = "resnet18-f37072fd.pth"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with images, weights and features of them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    (tmp_path / "images").mkdir()
    (tmp_path / "w.pth").write_bytes(b"weights")
    for store in STORES:
        attrs = {"weights_sha256": sha256(b"weights").hexdigest()}
        write_store(store, {"layer1": Variable(("i",), np.ones(3))}, {}, attrs)
    return tmp_path


def study(weights: str) -> Study:
    architecture = "torchvision/resnet18" if "pretrained" in weights else "timm/resnet18"
    model = {"architecture": architecture, "weights": weights, "layers": [["layer1"]]}
    own = {"kind": "imagefolder", "root": "images"}
    return study_of(datasets={"own": own}, models={"net": model})


def found(weights: str) -> list[tuple[str, list[str]]]:
    return [(store, problems) for _, store, problems in weights_problems(study(weights))]


def test_the_weights_that_the_features_were_made_from_are_no_problem() -> None:
    assert found("file/w.pth") == [(store, []) for store in STORES]
    assert found("random") == []


def test_other_weights_in_their_place_are() -> None:
    Path("w.pth").write_bytes(b"another")
    now, before = (sha256(text).hexdigest() for text in (b"another", b"weights"))
    assert found("file/w.pth") == [
        (store, [f"has the SHA-256 {now}, but {store} was made from {before}"]) for store in STORES
    ]
    Path("w.pth").unlink()
    assert all("cannot be read" in problems[0] for _, problems in found("file/w.pth"))


def test_an_untrained_twin_has_other_weights() -> None:
    model = {"architecture": "timm/resnet18", "weights": "file/w.pth", "layers": [["layer1"]]}
    twins = study_of(
        datasets={"own": {"kind": "imagefolder", "root": "images"}},
        models={"net": model},
        controls={"random_weights": ["net"]},
    )
    assert list(twins.models) == ["net", "net-random"]
    checked = [(store, problems) for _, store, problems in weights_problems(twins)]
    assert checked == [(store, []) for store in STORES]


def test_published_weights_count_where_they_are_in_a_cache(folder: Path) -> None:
    assert found("pretrained") == []
    cache = folder / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (cache / PUBLISHED).write_bytes(b"weights")
    assert found("pretrained/IMAGENET1K_V1") == [(store, []) for store in STORES]
    (cache / PUBLISHED).write_bytes(b"another")
    assert [len(problems) for _, problems in found("pretrained")] == [1, 1]
