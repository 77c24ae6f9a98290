"""How much memory each job of a run is given: what the plan says where `scale.memory` is set.

All is asked for jobs that run, and only then: a run with nothing to do plans nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

from bandprobe.base.blocks import PARTS
from bandprobe.study.study import Study
from bandprobe.workflow import stores
from bandprobe.workflow.resources import by_attempt

if TYPE_CHECKING:
    from bandprobe.workflow.job_layers import StudyLayers

MEGABYTE = 1_000_000
# Megabytes in which a usual batch of images goes through a network, and how many do not depend on
# the batch.
OF_BATCH, OF_NETWORK = 3000, 900

MemoryOf = Callable[..., int]


class AnyRule(Protocol):
    """What this plan knows of a rule of Snakemake."""

    name: str


class AnyJob(Protocol):
    """What this plan knows of a job of Snakemake."""

    rule: AnyRule
    wildcards: stores.Wildcards


@dataclass(frozen=True)
class MemoryPlan:
    """What the jobs of a run are given.

    Attributes
    ----------
    study : Study
    most : callable
        Megabytes that a job may have; None without a limit.
    at_once : callable
        Jobs that could run at the same time.
    pending : callable
        Whether a file is to be made by this run, so that what is there now says nothing.
    """

    study: Study
    most: Callable[[], int | None]
    at_once: Callable[[], int]
    pending: Callable[[str], bool]
    _needs: dict[tuple[object, ...], tuple[int, float]] = field(default_factory=dict)

    def megabytes(self, rule: str, fixed: int) -> MemoryOf:
        """The resource `mem_mb` of a rule.

        Parameters
        ----------
        rule : str
        fixed : int
            What it is without `scale.memory`, and for jobs that the plan has no formula of.

        Returns
        -------
        callable
            Of a job's wildcards and attempt. It doubles with each attempt, up to what there is.
        """
        if self.study.scale.memory is None:
            return by_attempt(fixed)

        def of_job(wildcards: stores.Wildcards, attempt: int) -> int:
            need, most = self.need(rule, wildcards), self.most()
            wanted = (fixed if need is None else need[0]) * 2 ** (attempt - 1)
            return int(wanted if most is None else min(wanted, most))

        return of_job

    def blocks(self, rule: str) -> Callable[[stores.Wildcards], int] | int:
        """The resource `blocks` of a rule: sizes of blocks, in sixteenths of the usual ones."""
        if self.study.scale.memory is None:
            return PARTS

        def of_job(wildcards: stores.Wildcards) -> int:
            need = self.need(rule, wildcards)
            return PARTS if need is None else round(PARTS * need[1])

        return of_job

    def batch(self, usual: int) -> int:
        """Images that go through a network at a time: fewer where memory is short."""
        most = None if self.study.scale.memory is None else self.most()
        batch = usual
        while most is not None and batch > 1 and _of_batch(batch / usual) > most:
            batch //= 2
        return batch

    def need(self, rule: str, wildcards: stores.Wildcards) -> tuple[int, float] | None:
        """Megabytes that a job needs and its share of blocks; None where the plan cannot say."""
        from bandprobe.planning.jobs import ARRAYS, job_need

        layer, most = self.layers.of(wildcards) if rule in ARRAYS else None, self.most()
        if layer is None or most is None:
            return None
        if (rule, layer) not in self._needs:
            found = job_need(rule, layer, self.study, most * MEGABYTE, self.at_once())
            self._needs[rule, layer] = -(-found.memory // MEGABYTE), found.share
        return self._needs[rule, layer]

    def refuse_what_does_not_fit(self, jobs: Iterable[AnyJob]) -> None:
        """Raise `BandprobeError` for the first of some jobs that has too little memory."""
        most = self.most()
        if self.study.scale.memory is None or most is None:
            return
        from bandprobe.planning.jobs import ARRAYS, refusal

        for job in jobs:
            rule = job.rule.name
            layer = self.layers.of(job.wildcards) if rule in ARRAYS else None
            if layer is None:
                continue
            error = refusal(rule, layer, self.study, most * MEGABYTE)
            if error is not None:
                raise error

    @cached_property
    def layers(self) -> StudyLayers:
        """Layers of the study's jobs."""
        from bandprobe.workflow.job_layers import StudyLayers

        return StudyLayers(self.study, self.pending)


def _of_batch(share: float) -> float:
    """Megabytes of a job that sends a share of its usual batch through a network."""
    return OF_NETWORK + share * (OF_BATCH - OF_NETWORK)
