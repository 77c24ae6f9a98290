"""Threads and memory of jobs."""

from __future__ import annotations

from typing import Any

import pytest

from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study
from bandprobe.workflow.resources import (
    REMOTE_THREADS,
    by_attempt,
    decoding_threads,
    drawing_threads,
    forward_threads,
)
from tests.unit.workflow.conftest import ROOT, study_of


def test_memory_doubles_with_each_attempt() -> None:
    memory = by_attempt(1500)
    assert [memory(wildcards={}, attempt=number) for number in (1, 2, 3)] == [1500, 3000, 6000]


@pytest.mark.parametrize(
    ("model", "cores", "is_remote", "max_threads", "threads"),
    [
        ("pixels", 16, False, None, 1),
        ("pixels", 16, True, 8, 1),
        ("resnet18", 1, False, None, 1),
        ("resnet18", 2, False, None, 2),
        ("resnet18", 3, False, None, 2),
        ("resnet18", 16, False, None, 8),
        ("resnet18", 16, True, None, REMOTE_THREADS),
        ("resnet18", 16, True, 12, 12),
    ],
)
def test_threads_of_a_forward_pass(
    tiny: Study, model: str, cores: int, is_remote: bool, max_threads: int | None, threads: int
) -> None:
    found = forward_threads(tiny, model, cores, is_remote=is_remote, max_threads=max_threads)
    assert found == threads


@pytest.mark.parametrize("of", ["shards", "datasets", "passes", "networks"])
def test_two_forward_passes_run_side_by_side_on_two_cores(of: str) -> None:
    config: dict[str, Any] = load_config(ROOT / "configs" / "tiny.yaml")
    if of == "shards":
        config["scale"] = {"shards": 2}
    elif of == "passes":
        config["models"]["resnet18"]["layers"] = [["layer1"], ["layer3"]]
    else:
        section, name = ("datasets", "tiny") if of == "datasets" else ("models", "resnet18")
        config[section]["other"] = dict(config[section][name])
    study = parse_study(config)
    for cores, threads in ((1, 1), (2, 1), (3, 1), (16, 8)):
        assert (
            forward_threads(study, "resnet18", cores, is_remote=False, max_threads=None) == threads
        )


@pytest.mark.parametrize(
    ("kind", "cores", "is_remote", "max_threads", "threads"),
    [
        ("imagefolder", 1, False, None, 1),
        ("imagefolder", 16, False, None, 16),
        ("imagefolder", 16, True, None, REMOTE_THREADS),
        ("imagefolder", 16, True, 12, 12),
        ("photos", 16, False, None, 1),
        ("phantom", 16, True, 12, 1),
    ],
)
def test_threads_that_decode(
    kind: str, cores: int, is_remote: bool, max_threads: int | None, threads: int
) -> None:
    more = {"imagefolder": {"root": "images"}, "photos": {"asset": "photos"}}.get(kind, {})
    study = study_of(datasets={"own": {"kind": kind, **more}})
    found = decoding_threads(study, "own", cores, is_remote=is_remote, max_threads=max_threads)
    assert found == threads


def test_two_figures_are_drawn_at_once_at_most() -> None:
    assert [drawing_threads(count) for count in (1, 2, 30)] == [1, 2, 2]
