"""How far a run has come, compared with runs whose length is known."""

from __future__ import annotations

import pytest

from bandprobe.workflow.run_progress import OTHER_S, TYPICAL_S, Loop, RunProgress

NONE: dict[str, str] = {}


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_jobs_of_equal_length_side_by_side_take_what_is_left(clock: Clock) -> None:
    """Ten jobs of 8 s, two at a time, take 40 s."""
    progress = RunProgress({"mine": 10}, clock)
    assert progress.seconds_left() is None, "nothing has been measured"
    for pair in range(5):
        for job in (2 * pair, 2 * pair + 1):
            progress.start(job, "mine", NONE)
        clock.now += 8
        for job in (2 * pair, 2 * pair + 1):
            progress.end(job, finished=True)
        assert progress.seconds_left() == pytest.approx(40 - 8 * (pair + 1))
        assert progress.share() == pytest.approx((pair + 1) / 5)


def test_a_job_counts_as_long_as_those_of_its_rule_take(clock: Clock) -> None:
    """A rule that takes 9 s a job and one that takes 1 s: 2 of 20 s are done after 2 short ones."""
    progress = RunProgress({"long": 2, "short": 3}, clock)
    for job, rule, seconds in [(0, "short", 1), (1, "short", 1), (2, "long", 9)]:
        progress.start(job, rule, NONE)
        clock.now += seconds
        progress.end(job, finished=True)
    assert progress.seconds_left() == pytest.approx(10)
    assert progress.share() == pytest.approx(11 / 21)


def test_rules_that_have_not_run_are_scaled_from_those_that_have(clock: Clock) -> None:
    """On a machine that takes three times as long as is typical."""
    progress = RunProgress({"fit_probes": 2, "write_report": 1}, clock)
    progress.start(0, "fit_probes", NONE)
    clock.now += 3 * TYPICAL_S["fit_probes"]
    progress.end(0, finished=True)
    typical = TYPICAL_S["fit_probes"] + TYPICAL_S["write_report"]
    assert progress.seconds_left() == pytest.approx(3 * typical)


def test_images_say_how_far_an_extraction_is(clock: Clock) -> None:
    """Both splits of a network at 10 images a second: 60 and 40 images."""
    progress = RunProgress({"extract_features": 1}, clock)
    progress.start(7, "extract_features", {"dataset": "d", "model": "net", "passname": "pass-0"})
    clock.now += 3
    progress.hear(Loop("net/pass-0/train", "images", 30, 60))
    assert progress.share() == pytest.approx(0.25), "half of one of two splits"
    assert progress.seconds_left() == pytest.approx(9)
    assert "net/pass-0/train: 30 of 60 images" in progress.text()
    progress.hear(Loop("other/pass-0/train", "images", 60, 60))
    assert progress.share() == pytest.approx(0.25), "another network's"
    progress.hear(Loop("net/pass-0/train", "images", 60, 60))
    progress.hear(Loop("net/pass-0/eval", "images", 20, 40))
    assert progress.share() == pytest.approx(0.75)


def test_the_bar_never_goes_back(clock: Clock) -> None:
    progress = RunProgress({"mine": 2, "slow": 1}, clock)
    shares = [progress.share()]
    progress.start(0, "mine", NONE)
    clock.now += 1
    progress.end(0, finished=True)
    shares.append(progress.share())
    progress.start(1, "slow", NONE)
    clock.now += 100
    shares.append(progress.share())
    progress.end(1, finished=False)
    shares.append(progress.share())
    assert shares == sorted(shares)
    assert shares[-1] < 1
    assert progress.done == {"mine": 1}, "what failed is not done"


def test_the_line_has_jobs_fits_and_time(clock: Clock) -> None:
    progress = RunProgress({"fit_probes": 3, "fit_head": 1, "all": 1}, clock)
    assert progress.text() == "0 of 5 jobs · fits 0 of 4"
    progress.start(0, "fit_probes", NONE)
    clock.now += TYPICAL_S["fit_probes"]
    progress.end(0, finished=True)
    left = 2 * TYPICAL_S["fit_probes"] + TYPICAL_S["fit_head"]
    assert progress.text() == f"1 of 5 jobs · fits 1 of 4 · {left:.0f} s left"
    assert OTHER_S > 0 == TYPICAL_S["all"]
