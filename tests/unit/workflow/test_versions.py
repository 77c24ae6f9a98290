"""Features of other versions are named, and extracted again where that was asked for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bandprobe.store.provenance import NETWORK_LIBRARIES, network_versions, provenance
from bandprobe.store.zarr_store import Variable, write_store
from bandprobe.study.paths import Paths, fill
from bandprobe.study.study import Study
from bandprobe.workflow.params import as_json
from bandprobe.workflow.study_params import model_spec
from bandprobe.workflow.versions import stored_versions, version_lines
from tests.unit.workflow.conftest import study_of

JOB = {"dataset": "tiny", "model": "cnn", "passname": "pass-0"}


@pytest.fixture
def network_name(tiny: Study) -> str:
    return next(iter(tiny.networks()))


def made_with(
    study: Study, folder: Path, name: str, versions: dict[str, str], **facts: Any
) -> list[str]:
    paths = fill(
        Paths.FEATURES, dataset="tiny", model=name, passname="pass-0", split=["train", "eval"]
    )
    attrs = provenance("code", {}, weights_sha256="abc")
    attrs |= {"versions": json.dumps(json.loads(attrs["versions"]) | versions), **facts}
    for path in paths:
        write_store(folder / path, {"a": Variable(("x",), np.zeros(2))}, {}, attrs)
    return paths


def test_versions_of_this_environment_are_not_mentioned(
    tiny: Study, network_name: str, tmp_path: Path
) -> None:
    assert version_lines(tiny, tmp_path) == []
    (path, _) = made_with(tiny, tmp_path, network_name, {"numpy": "0.1"})
    assert set(stored_versions(tmp_path / path)) == set(NETWORK_LIBRARIES)
    assert version_lines(tiny, tmp_path) == []


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("warn", "they are kept; on_other_versions: rerun extracts them again"),
        ("rerun", "they are extracted again (on_other_versions: rerun)"),
    ],
)
def test_other_versions_are_named_with_those_installed(
    network_name: str, tmp_path: Path, key: str, said: str
) -> None:
    study = study_of(on_other_versions=key)
    paths = made_with(study, tmp_path, network_name, {"timm": "0.9.1", "torch": "1.2"})
    installed = network_versions()
    assert version_lines(study, tmp_path) == [
        f"2 stores of features were made with torch 1.2 (installed: {installed['torch']}), "
        f"timm 0.9.1 (installed: {installed['timm']}); {said}: {', '.join(paths)}"
    ]


def test_images_and_damaged_stores_have_no_versions(
    tiny: Study, network_name: str, tmp_path: Path
) -> None:
    paths = made_with(tiny, tmp_path, network_name, {"torch": "1.2"}, weights_sha256="none")
    assert version_lines(tiny, tmp_path) == []
    for content in ("", "[]", '{"attributes": {"versions": "x"}}'):
        (tmp_path / paths[0] / "zarr.json").write_text(content)
        assert stored_versions(tmp_path / paths[0]) == {}


def test_versions_run_a_network_again_only_where_asked_for(network_name: str) -> None:
    job = JOB | {"model": network_name}
    assert "versions" not in as_json(model_spec(study_of(), job))
    asked = study_of(on_other_versions="rerun")
    assert json.loads(as_json(model_spec(asked, job)))["versions"] == network_versions()
    pixels = [name for name, model in asked.models.items() if model.architecture == "pixels"]
    assert pixels
    for name in pixels:
        assert "versions" not in as_json(model_spec(asked, JOB | {"model": name}))
