"""The memory plan of a run of Snakemake, and the limit that its scheduler keeps."""

from __future__ import annotations

from functools import cache
from typing import Any

from bandprobe.planning.limit import jobs_memory
from bandprobe.study.study import Study
from bandprobe.workflow.memory import MEGABYTE, MemoryPlan

RESOURCE = "mem_mb"


def plan_memory(study: Study, workflow: Any) -> MemoryPlan:
    """What the jobs of a run are given.

    Where jobs run on this machine and `scale.memory` is set, it becomes what `--resources mem_mb`
    is to the scheduler, unless that was given.

    Parameters
    ----------
    study : Study
    workflow : snakemake.workflow.Workflow
    """
    is_remote = workflow.remote_exec or not workflow.local_exec
    limit = jobs_memory(study, is_remote=is_remote)
    most = None if limit is None else limit // MEGABYTE
    given = workflow.global_resources
    if most is not None and not is_remote and RESOURCE not in given:
        given[RESOURCE] = most

    def most_of_a_job() -> int | None:
        if most is None or RESOURCE not in given:
            return most
        return min(most, int(given[RESOURCE].value))

    @cache
    def to_be_made() -> set[str]:
        # What a dry run has gone through counts as finished to Snakemake.
        jobs = workflow.dag.needrun_jobs(exclude_finished=False)
        return {str(path) for job in jobs for path in job.output}

    return MemoryPlan(
        study,
        most_of_a_job,
        lambda: 1 if is_remote else int(workflow.cores),
        lambda path: path in to_be_made(),
    )
