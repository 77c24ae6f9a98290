"""The plan of a study against what the study left on disk."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr
import yaml

from bandprobe.planning.costs import Cost, stage_costs
from bandprobe.planning.counts import count_samples
from bandprobe.planning.shapes import pass_shapes
from bandprobe.study.parse import parse_study
from tests.workflow.conftest import HOME, TinyStudy

# Bytes of the checksum that ends a chunk, which the plan leaves out.
CHECKSUM = 4
# Arrays whose size the plan counts; coordinates and what is as small as they are is left out.
COUNTED = {
    "spectra": ("energy", "energy_without_dc", "profile_by_sample"),
    "controls": ("mask",),
    "probes": ("W", "mean_map", "clean_logits", "eval_energy", "logits"),
    "band_logits": ("band_logits", "control_logits", "dc_logits"),
    "outcomes": tuple(
        f"{kind}{name}"
        for kind in ("", "clean_", "equal_bins_", "equal_energy_", "part_")
        for name in ("correct", "rank", "margin", "top5")
    ),
    "shapley": tuple(
        f"{score}{end}"
        for score in ("accuracy", "expected_accuracy", "margin")
        for end in ("", "_none", "_all", "_alone", "_without", "_interaction")
    ),
}


COORDINATES = ("sample", "label", "group", "source_height", "source_width")


@pytest.fixture
def planned(finished: TinyStudy, monkeypatch: pytest.MonkeyPatch) -> dict[str, Cost]:
    monkeypatch.chdir(finished.folder)
    study = parse_study(finished.config)
    counts = count_samples("tiny", study.datasets["tiny"])
    assert (counts.train, counts.eval, counts.classes) == (12, 12, 3)
    shapes = {name: pass_shapes(model) for name, model in study.models.items()}
    return {cost.stage: cost for cost in stage_costs(study, counts, shapes)}


def stores(study: TinyStudy, stage: str) -> list[Path]:
    return sorted((study.folder / "results" / "tiny" / stage).rglob("*.zarr"))


def test_features_take_the_planned_space(finished: TinyStudy, planned: dict[str, Cost]) -> None:
    chunks = [f for s in stores(finished, "features") for f in s.glob("*/c/**/*") if f.is_file()]
    maps = [f for f in chunks if f.relative_to(finished.folder).parts[6] not in COORDINATES]
    stored = sum(file.stat().st_size - CHECKSUM for file in maps)
    assert stored == planned["features"].stored
    assert len(stores(finished, "features")) == planned["features"].jobs


@pytest.mark.parametrize("stage", COUNTED)
def test_arrays_have_the_planned_size(
    finished: TinyStudy, planned: dict[str, Cost], stage: str
) -> None:
    found = 0
    for path in stores(finished, stage):
        with xr.open_zarr(path) as store:
            found += sum(store[name].nbytes for name in COUNTED[stage] if name in store)
    assert found == planned[stage].stored


def test_all_targets_are_planned(finished: TinyStudy, planned: dict[str, Cost]) -> None:
    files = list((finished.folder / "results/tiny/targets").rglob("*.json"))
    held = sum(file.stat().st_size for file in files)
    assert 0.5 * held < planned["targets"].stored < 2 * held


def command(config: Path, *options: str) -> subprocess.CompletedProcess[str]:
    script = HOME / "workflow" / "scripts" / "plan_study.py"
    return subprocess.run(
        [sys.executable, str(script), "--config", str(config), *options],
        capture_output=True,
        text=True,
        check=False,
        cwd=HOME,
    )


def test_the_whole_imagenet_study_is_planned_without_its_images(tmp_path: Path) -> None:
    config = yaml.safe_load((HOME / "configs" / "imagenet.yaml").read_text())
    for model in config["models"].values():
        if "weights" in model:
            model["weights"] = "random"
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(config))
    done = command(path, "--gflops", "100")
    assert done.returncode == 0, done.stderr
    text = " ".join(done.stdout.split())
    assert "25000 training and 25000 evaluation samples of 1000 classes" in text
    assert "1470 targets" in text
    assert "768 x 14 x 14 + 1" in text
    assert "385 GB" in text


@pytest.mark.slow
def test_a_plan_measures_this_machine(tmp_path: Path) -> None:
    config = yaml.safe_load((HOME / "configs" / "tiny.yaml").read_text())
    config["datasets"] = {"made": {"kind": "phantom", "size": 64}}
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(config))
    done = command(path)
    assert done.returncode == 0, done.stderr
    assert "763 targets" in done.stdout, "those of the heads too"
    stages = done.stdout[done.stdout.index("stages") :]
    assert re.search(r"features .* [0-9.]+ (s|min)", stages)
