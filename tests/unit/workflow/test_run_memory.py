"""The limit that the scheduler keeps, and the files that a plan believes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.resources import Resources

from bandprobe.planning.limit import OWN
from bandprobe.study.study import Study
from bandprobe.workflow.run_memory import plan_memory
from tests.unit.workflow.conftest import study_of


def workflow_of(*, local: bool = True, remote: bool = False, **given: int) -> Any:
    """What is known of a run of Snakemake."""
    jobs = [SimpleNamespace(output=["results/a.zarr", "results/b.zarr"])]
    return SimpleNamespace(
        global_resources=Resources.from_mapping(given),
        local_exec=local,
        remote_exec=remote,
        cores=3,
        dag=SimpleNamespace(needrun_jobs=lambda exclude_finished: iter(jobs)),
    )


@pytest.fixture(scope="module")
def limited() -> Study:
    """The tiny study with a limit of memory."""
    return study_of(scale={"memory": "4GB"})


def test_it_is_the_schedulers_limit_less_what_snakemake_takes(limited: Study) -> None:
    workflow = workflow_of()
    plan = plan_memory(limited, workflow)
    assert workflow.global_resources["mem_mb"].value == 4000 - OWN // 10**6
    assert plan.most() == 4000 - OWN // 10**6
    assert plan.at_once() == 3


def test_a_limit_that_was_given_wins(limited: Study) -> None:
    workflow = workflow_of(mem_mb=900)
    assert plan_memory(limited, workflow).most() == 900
    assert workflow.global_resources["mem_mb"].value == 900


@pytest.mark.parametrize("kind", [{"local": False}, {"remote": True}])
def test_on_a_cluster_each_job_may_have_all_of_it(limited: Study, kind: dict[str, bool]) -> None:
    workflow = workflow_of(**kind)
    plan = plan_memory(limited, workflow)
    assert "mem_mb" not in workflow.global_resources
    assert (plan.most(), plan.at_once()) == (4000, 1)


def test_without_the_setting_nothing_is_limited(tiny: Study) -> None:
    workflow = workflow_of()
    assert plan_memory(tiny, workflow).most() is None
    assert "mem_mb" not in workflow.global_resources


def test_what_the_run_makes_is_pending(limited: Study) -> None:
    plan = plan_memory(limited, workflow_of())
    assert plan.pending("results/b.zarr")
    assert not plan.pending("results/c.zarr")
