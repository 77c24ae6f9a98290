"""Images, networks and weights that cannot be used: named, then mended or skipped."""

from __future__ import annotations

import hashlib
import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from tests.cases import quick_and_slow
from tests.faults.conftest import (
    NETWORK,
    assert_as_if_nothing_had_happened,
    results,
    succeed,
)
from tests.workflow.conftest import TinyStudy


def spoil(study: TinyStudy) -> dict[str, str]:
    """Bad images of every kind in place of good ones, with a word of what is said of each."""
    folder = study.folder / "images" / "class_0"
    names = [f"{number}.png" for number in range(7)]
    good = (folder / names[0]).read_bytes()
    (folder / names[0]).write_bytes(good[: len(good) // 2])
    (folder / names[1]).write_bytes(b"")
    (folder / names[2]).write_text("this is no image")
    (folder / names[3]).unlink()
    (folder / names[3]).symlink_to("moved-away.png")
    frames = [Image.new("RGB", (8, 8), (40 * n, 0, 0)) for n in range(4)]
    frames[0].save(folder / names[4], "PNG", save_all=True, append_images=frames[1:])
    Image.fromarray(np.ones((8, 8), np.float32)).save(folder / names[5], "TIFF")
    Image.new("1", (20_000, 20_000)).save(folder / names[6])
    words = [
        "truncated",
        "cannot identify",
        "cannot identify",
        "symbolic link to moved-away.png",
        "4 frames or pages",
        "no range is known",
        "400000000 pixels",
    ]
    return {f"class_0/{name}": word for name, word in zip(names, words, strict=True)}


def mend(study: TinyStudy, whole: TinyStudy) -> None:
    """The images as they were, times included."""
    shutil.rmtree(study.folder / "images")
    shutil.copytree(whole.folder / "images", study.folder / "images")


def test_bad_images_of_every_kind_are_named_at_once(
    study: TinyStudy, whole: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = spoil(study)
    output = study.fails("summaries")
    assert f"{len(words)} unreadable image(s)" in output
    for name, word in words.items():
        (line,) = {line for line in output.splitlines() if f"images/{name}: " in line}
        assert word in line
    assert "on_bad_image: skip" in output
    mend(study, whole)
    # Whether anything follows is seen once the manifest is there, and the same.
    assert succeed(study.run("manifests")).jobs["make_manifest"] == 1
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


@pytest.mark.slow
def test_skipped_images_are_counted_recorded_and_not_used(study: TinyStudy) -> None:
    bad = study.folder / "images" / "class_1"
    (bad / "0.png").write_bytes(b"")
    (bad / "5.png").unlink()
    (bad / "5.png").symlink_to("nowhere")
    study.config["datasets"]["tiny"]["on_bad_image"] = "skip"
    study.config["models"].pop("net")
    done = succeed(study.run("summaries"))
    said = "2 images of tiny were left out (on_bad_image: skip); results/tiny/manifest.parquet"
    assert said in done.output
    manifest = pd.read_parquet(results(study, "manifest.parquet"))
    skipped = manifest[manifest["split"] == "skipped"]
    assert set(skipped["image"]) == {"class_1/0.png", "class_1/5.png"}
    assert skipped["reason"].notna().all()
    assert manifest.loc[manifest["split"] != "skipped", "reason"].isna().all()
    table = pd.read_csv(results(study, "summary", "interventions.csv"))
    assert len(table) == 2 * 2 * 3
    succeed(study.run("verify"))


def test_a_label_folder_without_images_is_named(study: TinyStudy) -> None:
    (study.folder / "images" / "class_9").mkdir()
    # An empty folder changes no image, so the manifest is asked for.
    output = study.fails("manifests", options=["--forcerun", "make_manifest"])
    assert "class folders without images" in output
    assert "class_9" in output


@pytest.mark.parametrize("value", quick_and_slow(["nan"], ["inf"]))
def test_values_that_are_not_finite_are_no_features(
    study: TinyStudy, whole: TinyStudy, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    network = study.folder / "tiny_net.py"
    network.write_text(NETWORK.replace("mul_(scale)", f"mul_(float('{value}'))"))
    output = study.fails("features")
    assert "layer act: values that are not finite" in output
    assert "are the weights finite" in output
    stores = results(study, "features", "net", "pass-0")
    assert not list(stores.glob(".*partial"))
    network.write_text(NETWORK)
    assert succeed(study.run("features")).jobs["extract_features"] == 1
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


def test_features_beyond_the_range_of_their_format_are_refused(study: TinyStudy) -> None:
    study.config["models"]["net"]["arguments"] = {"scale": 1e6}
    study.config["models"].pop("pixels")
    output = study.fails("features")
    assert "set storage.dtype to float32" in output


def weights(study: TinyStudy, content: Any) -> Path:
    path = study.folder / "net.pth"
    torch.save(content, path)
    study.config["models"]["net"]["weights"] = "file/net.pth"
    study.config["models"].pop("pixels")
    return path


def test_weights_of_another_digest_are_not_read(study: TinyStudy) -> None:
    state = torch.nn.Conv2d(3, 4, 3).state_dict()
    path = weights(study, {f"stem.{name}": value for name, value in state.items()})
    study.config["models"]["net"]["weights_sha256"] = "0" * 64
    output = study.fails("features")
    assert "net.pth: wrong digest" in output
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    assert found in output
    study.config["models"]["net"]["weights_sha256"] = found
    assert succeed(study.run("features")).jobs["extract_features"] == 1


class Harm:
    """Unpickling it would write a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


def test_weights_that_would_run_code_are_refused_and_not_run(
    study: TinyStudy, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    weights(study, {"stem.weight": torch.zeros(1), "harm": Harm(ran)})
    output = study.fails("features")
    assert "net.pth cannot be read without running code" in output
    assert not ran.exists()
    (study.folder / "net.pth").write_bytes(pickle.dumps(Harm(ran)))
    assert "cannot be read without running code" in study.fails("features")
    assert not ran.exists()
