"""The memory that jobs are given: what the plan says, within what there is."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from bandprobe.base.blocks import PARTS
from bandprobe.errors import BandprobeError
from bandprobe.planning.counts import Counts
from bandprobe.planning.jobs import ARRAYS, job_need
from bandprobe.planning.layer import Layer
from bandprobe.planning.map_shapes import LayerShape
from bandprobe.study.study import Study
from bandprobe.workflow.memory import MEGABYTE, MemoryPlan
from tests.unit.workflow.conftest import study_of

JOB = {"dataset": "tiny", "model": "pixels", "layer": "input"}
LAYER = Layer("pixels", LayerShape("input", 64, 14, 14), Counts(3000, 3000, 100, ""), 2)


def plan_of(study: Study, most: int | None, layer: Layer | None = LAYER) -> MemoryPlan:
    """A plan of jobs of one layer."""
    plan = MemoryPlan(study, lambda: most, lambda: 2, lambda _path: True)
    plan.__dict__["layers"] = SimpleNamespace(of=lambda _wildcards: layer)
    return plan


@pytest.fixture(scope="module")
def limited() -> Study:
    """The tiny study with a limit of memory."""
    return study_of(scale={"memory": "4GB"})


def test_without_the_setting_all_is_as_the_rules_say(tiny: Study) -> None:
    plan = MemoryPlan(tiny, lambda: None, lambda: 2, lambda _path: pytest.fail("asked"))
    memory = plan.megabytes("fit_probes", 2000)
    assert [memory(wildcards=JOB, attempt=number) for number in (1, 2)] == [2000, 4000]
    assert plan.blocks("fit_probes") == PARTS
    assert plan.batch(16) == 16
    plan.refuse_what_does_not_fit([SimpleNamespace(rule=SimpleNamespace(name="fit_probes"))])


@pytest.mark.parametrize("most", [2000, 4000, 100_000])
def test_a_rule_declares_the_number_of_the_plan(limited: Study, most: int) -> None:
    plan = plan_of(limited, most)
    for rule in set(ARRAYS) - {"redraw_splits"}:
        need = job_need(rule, LAYER, limited, most * MEGABYTE, 2)
        assert need.memory <= most * MEGABYTE
        declared = plan.megabytes(rule, 7)(wildcards=JOB, attempt=1)
        assert 0 <= declared * MEGABYTE - need.memory < MEGABYTE
        blocks = plan.blocks(rule)
        assert callable(blocks)
        assert blocks(JOB) == PARTS * need.share


def test_attempts_double_it_up_to_what_there_is(limited: Study) -> None:
    memory = plan_of(limited, 4000).megabytes("compute_spectra", 7)
    first = memory(wildcards=JOB, attempt=1)
    assert memory(wildcards=JOB, attempt=2) == 2 * first
    assert memory(wildcards=JOB, attempt=9) == 4000


@pytest.mark.parametrize("rule", ["write_report", "fit_probes"])
def test_what_the_plan_cannot_say_is_as_the_rule_says(limited: Study, rule: str) -> None:
    plan = plan_of(limited, 1500, layer=None)
    memory = plan.megabytes(rule, 1000)
    assert [memory(wildcards=JOB, attempt=number) for number in (1, 2)] == [1000, 1500]
    blocks = plan.blocks(rule)
    assert callable(blocks)
    assert blocks(JOB) == PARTS


def test_batches_get_smaller_where_memory_is_short(limited: Study) -> None:
    batches = [plan_of(limited, most).batch(16) for most in (500, 1000, 1500, 2000, 3000, 9000)]
    assert batches == sorted(batches)
    assert batches[0] == 1
    assert batches[-2:] == [16, 16]


def test_a_job_that_cannot_fit_is_refused(limited: Study) -> None:
    jobs = [
        SimpleNamespace(rule=SimpleNamespace(name=rule), wildcards=JOB)
        for rule in ("make_manifest", "compute_spectra", "fit_probes")
    ]
    plan_of(limited, 4000).refuse_what_does_not_fit(jobs)
    with pytest.raises(BandprobeError, match="fit_probes of pixels input does not fit"):
        plan_of(limited, 600).refuse_what_does_not_fit(jobs)


def test_the_setting_is_no_part_of_what_results_are_made_from(tiny: Study, limited: Study) -> None:
    assert tiny.resolved == limited.resolved
    assert (tiny.scale.memory, limited.scale.memory) == (None, 4_000_000_000)


@pytest.mark.parametrize(
    ("text", "wrong"), [("lots", "not a size"), ("10MB", "less than any job takes")]
)
def test_a_value_that_is_no_memory_is_refused(text: str, wrong: str) -> None:
    with pytest.raises(BandprobeError, match=f"scale.memory: {wrong}"):
        study_of(scale={"memory": text})


def test_paths_are_not_looked_at(tmp_path: Path, limited: Study) -> None:
    assert not list(tmp_path.iterdir())
    assert plan_of(limited, None).need("fit_probes", JOB) is None
