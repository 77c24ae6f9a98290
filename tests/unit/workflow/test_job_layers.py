"""Layers of jobs: as they are stored, or as they are configured."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from bandprobe.planning.ask_shapes import ask_shapes, main, shapes_from
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.planning.shapes import pass_shapes
from bandprobe.workflow.job_layers import StudyLayers
from tests.unit.workflow.conftest import study_of

JOB = {"dataset": "made", "model": "pixels", "layer": "input"}
MADE = {"made": {"kind": "phantom", "train_images": 6, "eval_images": 4}}
STORE = "results/made/features/pixels/pass-0/eval.zarr/input/zarr.json"


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths of results are relative."""
    monkeypatch.chdir(tmp_path)


def pixels(**more: object) -> dict[str, object]:
    return {
        "pixels": {
            "architecture": "pixels",
            "preprocess": {"size": [32, 48]},
            "layers": [["input"]],
        }
    } | more


def test_shapes_survive_their_way_from_the_process_that_knows_them(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    study = study_of()
    monkeypatch.setattr(sys, "stdin", io.StringIO(json.dumps(study.resolved)))
    main()
    shapes = shapes_from(json.loads(capsys.readouterr().out))
    assert shapes == {name: pass_shapes(model) for name, model in study.models.items()}


@pytest.mark.slow
def test_networks_are_asked_in_a_process_of_their_own() -> None:
    study = study_of(controls={"draws": 0})
    shapes = ask_shapes(study)
    assert shapes is not None
    assert shapes == {name: pass_shapes(model) for name, model in study.models.items()}


@pytest.mark.slow
def test_a_network_that_cannot_be_built_is_left_to_its_job() -> None:
    wrong = {"architecture": "timm/no-such-net", "weights": "random", "layers": [["layer1"]]}
    study = study_of(models=pixels(net=wrong), head=None, controls={"draws": 0})
    assert ask_shapes(study) is None


def test_what_is_configured_counts_until_maps_are_stored() -> None:
    study = study_of(
        datasets=MADE, models=pixels(), head=None, controls={"draws": 0, "random_weights": []}
    )
    found = StudyLayers(study, lambda _path: True).of(JOB)
    assert found is not None
    assert found.shape == LayerShape("input", 3, 32, 48)
    Path(STORE).parent.mkdir(parents=True)
    Path(STORE).write_text(json.dumps({"shape": [9, 5, 16, 20]}))
    stored = StudyLayers(study, lambda _path: False).of(JOB)
    assert stored is not None
    assert stored.shape == LayerShape("input", 5, 16, 20)
    # What this run will make again says nothing.
    assert StudyLayers(study, lambda _path: True).of(JOB) == found


def test_images_that_cannot_be_counted_leave_the_rules_numbers() -> None:
    missing = {"made": {"kind": "imagefolder", "root": "nowhere"}}
    study = study_of(
        datasets=missing, models=pixels(), head=None, controls={"draws": 0, "random_weights": []}
    )
    assert StudyLayers(study, lambda _path: True).of(JOB) is None
