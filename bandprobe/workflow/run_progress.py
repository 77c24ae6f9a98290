"""How far a run has come: jobs done, loops under way, and the time that is left."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from bandprobe.base.units import in_time

# Seconds of a job of each rule in the default study on two cores. Only their ratios count, and each
# only until a job of its rule has finished.
TYPICAL_S: Mapping[str, float] = {
    "extract_features": 45,
    "run_head": 31,
    "plot_interventions": 29,
    "fit_probes": 19,
    "fit_head": 13,
    "split_logits": 9,
    "convert_weights": 9,
    "intervene_linear": 7,
    "plot_probes": 6,
    "intervene_random": 5,
    "plot_spectra": 4,
    "plot_shapley": 4,
    "score_targets": 4,
    "summarise_interventions": 4,
    "draw_explorer": 20,
    "write_report": 3,
    "assign_folds": 3,
    "all": 0,
}
OTHER_S = 2.0
# Stores that a job of extraction writes one after the other, each in a loop over its images.
SPLITS = 2
# The largest share of a job that can be done before it has finished.
ALMOST = 0.95


@dataclass
class Loop:
    """A loop of a job, as it was last heard of."""

    what: str
    unit: str
    done: int
    total: int


@dataclass
class Running:
    """A job under way; `loops` are the shares done of its loops, by what they work on."""

    rule: str
    begin: float
    prefix: str
    loops: dict[str, float] = field(default_factory=dict)


class RunProgress:
    """Counts the jobs of a run, and says what share of it is done and how long the rest takes.

    A job counts by the mean time of those of its rule that have finished, and until then by
    `TYPICAL_S`, scaled by the speed of what has been measured.

    Parameters
    ----------
    totals : mapping of str to int
        Jobs of the run by rule.
    clock : callable
        Seconds.
    """

    def __init__(
        self, totals: Mapping[str, int], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.totals = dict(totals)
        self._clock = clock
        self._begin = clock()
        self._running: dict[int, Running] = {}
        self.done: Counter[str] = Counter()
        self._seconds: defaultdict[str, float] = defaultdict(float)
        self._loop: Loop | None = None
        self._furthest = 0.0

    def start(self, job: int, rule: str, wildcards: Mapping[str, str]) -> None:
        """A job starts."""
        names = (wildcards.get("model"), wildcards.get("passname"))
        prefix = "/".join(name for name in names if name) + "/"
        self._running[job] = Running(rule, self._clock(), prefix)

    def end(self, job: int, *, finished: bool) -> None:
        """A job has finished, or failed: then it is still to be done."""
        running = self._running.pop(job, None)
        if running is not None and finished:
            self.done[running.rule] += 1
            self._seconds[running.rule] += self._clock() - running.begin

    def hear(self, loop: Loop) -> None:
        """A loop of a job has come further."""
        self._loop = loop if loop.done < loop.total else None
        for job in self._running.values():
            if job.rule == "extract_features" and loop.what.startswith(job.prefix):
                job.loops[loop.what] = loop.done / max(loop.total, 1)
                return

    def share(self) -> float:
        """Share of the work that is done, from 0 to 1; it never falls."""
        left, whole = self._work()
        if whole > 0:
            self._furthest = max(self._furthest, 1 - left / whole)
        return self._furthest

    def seconds_left(self) -> float | None:
        """Seconds until the run ends, or None before anything has been measured."""
        if not self._measured():
            return None
        elapsed = self._clock() - self._begin
        busy = sum(self._seconds.values(), 0.0)
        busy += sum(self._clock() - job.begin for job in self._running.values())
        at_once = max(1.0, busy / elapsed) if elapsed > 0 else 1.0
        return self._work()[0] / at_once

    def text(self) -> str:
        """The numbers in one line: `12 of 123 jobs · 640 of 960 images · ... · 3 min left`."""
        parts = [f"{sum(self.done.values())} of {sum(self.totals.values())} jobs"]
        if self._loop is not None:
            loop = self._loop
            parts.append(f"{loop.what}: {loop.done:,} of {loop.total:,} {loop.unit}")
        fits = [rule for rule in self.totals if rule.startswith("fit_")]
        if fits:
            done, total = (sum(count[rule] for rule in fits) for count in (self.done, self.totals))
            parts.append(f"fits {done} of {total}")
        left = self.seconds_left()
        if left is not None:
            parts.append(f"{in_time(max(left, 1))} left")
        return " · ".join(parts)

    def _measured(self) -> bool:
        return bool(self._seconds) or any(job.loops for job in self._running.values())

    def _part(self, job: Running) -> float:
        """Share done of a running job: from its loops, or else from the time that it has taken."""
        if job.loops:
            return min(ALMOST, sum(job.loops.values()) / SPLITS)
        elapsed, expected = self._clock() - job.begin, self._expected(job.rule)
        return min(ALMOST, elapsed / expected) if expected > 0 else ALMOST

    def _speed(self) -> float:
        """Measured seconds per typical second."""
        typical = sum(TYPICAL_S.get(rule, OTHER_S) * count for rule, count in self.done.items())
        seconds = sum(self._seconds.values(), 0.0)
        for job in self._running.values():
            if job.loops:
                typical += TYPICAL_S.get(job.rule, OTHER_S) * self._part(job)
                seconds += self._clock() - job.begin
        return seconds / typical if typical > 0 and seconds > 0 else 1.0

    def _expected(self, rule: str) -> float:
        """Seconds of a job of a rule."""
        if self.done[rule]:
            return self._seconds[rule] / self.done[rule]
        return TYPICAL_S.get(rule, OTHER_S) * self._speed()

    def _work(self) -> tuple[float, float]:
        """Seconds of one job at a time that are left, and of the whole run."""
        left = whole = 0.0
        for rule, total in self.totals.items():
            expected = self._expected(rule)
            whole += expected * total
            left += expected * max(total - self.done[rule], 0)
        for job in self._running.values():
            left -= self._expected(job.rule) * self._part(job)
        return max(left, 0.0), whole
