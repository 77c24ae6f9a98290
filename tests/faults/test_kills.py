"""Jobs and Snakemake killed in mid-write, two runs at once: nothing half-made passes for whole."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable

import pytest

from tests.faults.conftest import (
    Fault,
    assert_as_if_nothing_had_happened,
    is_running,
    lose,
    results,
    succeed,
    wait_for,
)
from tests.workflow.conftest import TinyStudy

PROBE = "probes/pixels/input/map.zarr"
# The second chunk file of that store, when the first lies in its unfinished folder.
WRITTEN = r"\.map\.zarr\.[0-9a-f]+\.partial/cv_log_loss/c/"
Start = Callable[..., "subprocess.Popen[bytes]"]


def test_a_job_that_is_killed_in_mid_write_is_repeated_alone(
    study: TinyStudy, whole: TinyStudy, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    lose(study, PROBE)
    goal = f"results/tiny/{PROBE}.digest.json"
    done = study.run(goal, env=fault.env(WRITTEN, "kill"))
    assert done.code != 0
    assert fault.pid
    assert not results(study, PROBE).exists(), "half a store has no name"
    assert succeed(study.run(goal)).jobs == {"fit_probes": 1}
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


@pytest.mark.slow
def test_snakemake_is_killed_and_its_orphan_can_do_no_harm(
    study: TinyStudy,
    whole: TinyStudy,
    fault: Fault,
    started: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lose(study, PROBE)
    goal = f"results/tiny/{PROBE}.digest.json"
    snakemake = started(study, goal, env=fault.env(WRITTEN, "pause"))
    orphan = fault.pid
    snakemake.send_signal(signal.SIGKILL)
    snakemake.wait()
    assert is_running(orphan), "its jobs live on"
    locked = study.fails(goal)
    assert "cannot be locked" in locked
    assert "--unlock" in locked
    succeed(study.run(options=["--unlock"]))
    # The job runs again while the orphan still has its half of the store.
    assert succeed(study.run(goal)).jobs == {"fit_probes": 1}
    fault.go()
    wait_for(lambda: not is_running(orphan))
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


def test_a_second_run_on_the_same_results_is_refused_and_the_first_unharmed(
    study: TinyStudy,
    whole: TinyStudy,
    fault: Fault,
    started: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lose(study, PROBE)
    first = started(study, f"results/tiny/{PROBE}.digest.json", env=fault.env(WRITTEN, "pause"))
    assert is_running(fault.pid)
    second = study.fails("summaries")
    assert "Another Snakemake process" in second or "cannot be locked" in second
    fault.go()
    assert first.wait() == 0, (study.folder / "started.log").read_text()
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)


@pytest.mark.slow
def test_everything_is_killed_at_once_as_when_the_power_goes(
    study: TinyStudy,
    whole: TinyStudy,
    fault: Fault,
    started: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Job and Snakemake die together; of the store all but the last chunks lie there, unnamed."""
    store = "features/pixels/pass-0/eval.zarr"
    lose(study, store)
    goal = f"results/tiny/{store}.digest.json"
    last = r"\.eval\.zarr\.[0-9a-f]+\.partial/input/c/"
    snakemake = started(study, goal, env=fault.env(last, "pause"))
    job = fault.pid
    for process in (snakemake.pid, job):
        os.kill(process, signal.SIGKILL)
    snakemake.wait()
    half = [path.name for path in results(study, store).parent.glob(".eval*")]
    assert len(half) == 1, "its coordinates were written, its maps were not"
    assert not results(study, store).exists()
    succeed(study.run(options=["--unlock"]))
    assert succeed(study.run(goal)).jobs == {"extract_features": 1}
    assert_as_if_nothing_had_happened(study, whole, monkeypatch)
