"""The environment of jobs."""

from __future__ import annotations

import os
from pathlib import Path

from bandprobe.base.progress import NOTES, TERMINAL
from bandprobe.workflow.environment import SCRIPTS, job_environment
from bandprobe.workflow.job_memory import MEMORY
from bandprobe.workflow.script import KEEP_MEMORY

HOME = Path("/a b'c{d}")
PYTHON = Path("/venv/bin/python")


def test_scripts_modules_and_interpreter_are_found() -> None:
    before = {"PATH": "/usr/bin", "PYTHONPATH": "/mine"}
    environment = job_environment(before, HOME, PYTHON)
    assert environment[SCRIPTS] == "/a b'c{d}/workflow/scripts"
    assert environment["PYTHONPATH"] == os.pathsep.join([str(HOME), "/mine"])
    assert environment["PATH"] == os.pathsep.join(["/venv/bin", "/usr/bin"])
    assert KEEP_MEMORY.items() <= environment.items()
    assert environment[TERMINAL] == ""


def test_a_second_time_changes_nothing() -> None:
    once = job_environment({"PATH": "/usr/bin"}, HOME, PYTHON, "/dev/pts/3")
    assert once["PYTHONPATH"] == str(HOME)
    assert once[TERMINAL] == "/dev/pts/3"
    assert job_environment(once, HOME, PYTHON, "/dev/pts/3") == once


def test_jobs_leave_the_terminal_to_a_status_line() -> None:
    before = {"PATH": "/usr/bin", NOTES: "/tmp/notes"}
    assert job_environment(before, HOME, PYTHON, "/dev/pts/3")[TERMINAL] == ""


def test_environments_of_snakemakes_own_keep_their_interpreter() -> None:
    assert "PATH" not in job_environment({"PATH": "/usr/bin"}, HOME, None)


def test_jobs_are_told_of_a_limit_of_memory() -> None:
    assert job_environment({}, HOME, PYTHON)[MEMORY] == ""
    assert job_environment({}, HOME, PYTHON, memory=2_000_000_000)[MEMORY] == "2000000000"
