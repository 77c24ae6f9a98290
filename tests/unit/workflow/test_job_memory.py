"""A job's memory: its limit, and what is said where that is short."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bandprobe.base.blocks import block_share, sized
from bandprobe.errors import BandprobeError, ModelError
from bandprobe.workflow.job_memory import (
    MEMORY,
    machine_memory,
    memory_variables,
    out_of_memory,
    reserved_and_touched,
)
from bandprobe.workflow.script import argument_parser, run

JOB = """
import sys
import numpy as np
from bandprobe.workflow.script import argument_parser, run

def main():
    size = int(argument_parser("").parse_known_args()[1][0])
    print(np.ones(size * 125_000).sum())

run(main)
"""


def job(tmp_path: Path, *options: str, memory: str) -> subprocess.CompletedProcess[str]:
    """Run a job that fills an array of so many megabytes."""
    script = tmp_path / "fit_probes.py"
    script.write_text(JOB)
    variables = {MEMORY: memory, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(script), *options]
    return subprocess.run(
        command, env=os.environ | variables, capture_output=True, text=True, check=False
    )


@pytest.mark.skipif(sys.platform != "linux", reason="other systems do not limit data")
def test_a_job_that_takes_more_than_it_declared_ends_with_the_setting_to_change(
    tmp_path: Path,
) -> None:
    done = job(tmp_path, "--memory", "400", "1500", memory="2000000000")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Error: fit_probes: out of memory" in done.stderr
    assert "raise scale.memory, which is 2 GB" in done.stderr
    assert "--set-resources fit_probes:mem_mb=" in done.stderr


def test_a_job_that_takes_what_it_declared_ends_well(tmp_path: Path) -> None:
    done = job(tmp_path, "--memory", "400", "200", memory="2000000000")
    assert (done.returncode, done.stdout) == (0, "25000000.0\n"), done.stderr


def test_without_the_setting_a_job_has_no_limit(tmp_path: Path) -> None:
    done = job(tmp_path, "--memory", "100", "300", memory="")
    assert done.returncode == 0, done.stderr


def wrapped(error: BaseException) -> BaseException:
    try:
        try:
            raise error
        except BaseException as inner:
            raise ModelError("layer: cannot be read") from inner
    except ModelError as outer:
        return outer


LACKS = [
    MemoryError("Unable to allocate 3 GiB"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory"),
    RuntimeError("can't start new thread"),
    ExceptionGroup("tasks", [ValueError("other"), MemoryError()]),
    wrapped(MemoryError("inner")),
]


@pytest.mark.parametrize("error", LACKS, ids=repr)
def test_every_librarys_lack_of_memory_is_recognised(
    error: BaseException, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(MEMORY, raising=False)
    found = out_of_memory(error)
    assert found is not None
    assert "out of memory" in str(found)
    assert "set scale.memory" in str(found)


def test_a_full_gpu_is_told_from_a_full_machine() -> None:
    kind = type("OutOfMemoryError", (RuntimeError,), {})
    text = str(out_of_memory(kind("CUDA out of memory. Tried to allocate 2.00 GiB")))
    assert "the GPU is out of memory" in text
    assert ":batch=" in text


@pytest.mark.parametrize(
    "error", [ValueError("no memory of it"), OSError(errno.ENOSPC, "full"), RuntimeError("no")]
)
def test_other_errors_are_left_alone(error: Exception) -> None:
    assert out_of_memory(error) is None


def test_a_script_ends_with_the_setting(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise MemoryError("Unable to allocate 1 TiB")

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 1
    shown = capsys.readouterr().err
    assert "scale.memory" in shown
    assert "Unable to allocate 1 TiB" in shown
    assert "Traceback" not in shown


def test_blocks_hold_as_soon_as_they_are_read() -> None:
    with block_share(1.0):
        argument_parser("").parse_args(["--blocks", "4"])
        assert sized(64_000_000) == 16_000_000
        with pytest.raises(SystemExit):
            argument_parser("").parse_args(["--blocks", "0"])


def test_what_a_process_has_touched_is_read_where_the_system_says_it(tmp_path: Path) -> None:
    status = tmp_path / "status"
    status.write_text("Name:\tpython\nVmData:\t  3000 kB\nVmRSS:\t 1000 kB\n")
    assert reserved_and_touched(status) == (3000 * 1024, 1000 * 1024)
    status.write_text("Name:\tpython\n")
    assert reserved_and_touched(status) is None
    assert reserved_and_touched(tmp_path / "none") is None


def test_jobs_know_the_setting() -> None:
    assert memory_variables(None) == {MEMORY: ""}
    assert memory_variables(3_000_000_000)[MEMORY] == "3000000000"
    assert machine_memory() is None or machine_memory() > 10**8  # type: ignore[operator]


def test_errors_of_users_stay_as_they_are() -> None:
    assert out_of_memory(BandprobeError("bands: wrong")) is None
