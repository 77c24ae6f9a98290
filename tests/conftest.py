"""What a run of the tests says at its end: inputs tried, and what took the time."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import pytest
from xdist.scheduler import LoadScopeScheduling

from tests.forkserver.start import forking_python

SLOWEST = 10
# Files that go to the processes function by function; of all others the tests share what they have
# made for the file.
SPREAD = re.compile(
    r"tests/(faults/test_"
    r"|workflow/test_(commands|datasets|errors|imagenet|invalidation|pages|precision|scale)\.py)"
)


class ByWork(LoadScopeScheduling):
    """Hand out files, and of those that take minutes single functions."""

    def _split_scope(self, nodeid: str) -> str:
        # Commands on the default study take turns: those of all pages are one function.
        return nodeid.partition("[" if SPREAD.match(nodeid) else "::")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByWork:
    """How the tests are spread over processes, whatever `--dist` says."""
    return ByWork(config, log)


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all processes of one run of the tests share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def forks(shared_folder: Path) -> Iterator[Path]:
    """A `python` whose processes are forks of one that has imported the libraries."""
    with forking_python(shared_folder) as python:
        yield python


def reports(terminalreporter: pytest.TerminalReporter) -> Iterator[pytest.TestReport]:
    """Reports of all that was set up, called and torn down, in whichever process."""
    for found in terminalreporter.stats.values():
        yield from (report for report in found if isinstance(report, pytest.TestReport))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many inputs the fuzz tests have tried for each target; the slowest tests and folders."""
    for report in reports(terminalreporter):
        for name, value in report.user_properties:
            if name == "fuzz" and report.when == "teardown":
                target, tried, refused = value  # type: ignore[misc]
                terminalreporter.write_line(
                    f"fuzz: {target}: {tried} inputs tried, {tried - refused} accepted, "
                    f"{refused} refused clearly"
                )
    lines = duration_lines((report.nodeid, report.duration) for report in reports(terminalreporter))
    if lines:
        terminalreporter.write_sep("=", "where the time went")
        for line in lines:
            terminalreporter.write_line(line)


def duration_lines(parts: Iterator[tuple[str, float]]) -> list[str]:
    """Lines for the slowest tests and for each folder, from names of tests and seconds.

    The first test to use a shared study pays for it, and others may wait for it.
    """
    tests: Counter[str] = Counter()
    folders: Counter[str] = Counter()
    for name, seconds in parts:
        tests[name] += seconds  # type: ignore[assignment]
        folder = PurePosixPath(name.partition("::")[0]).parent
        folders["/".join(folder.parts[:2])] += seconds  # type: ignore[assignment]
    total = sum(folders.values())
    # Too short a run to be worth a table.
    if total < SLOWEST:
        return []
    lines = [f"{seconds:7.1f} s  {name}" for name, seconds in tests.most_common(SLOWEST)]
    lines += [
        f"{seconds:7.1f} s  {seconds / total:4.0%}  {folder}"
        for folder, seconds in folders.most_common()
    ]
    return lines
