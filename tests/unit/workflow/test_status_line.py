"""What the status line makes of Snakemake's events."""

from __future__ import annotations

import json
import logging
import os
import pty
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import DefaultFormatter
from snakemake.settings.types import OutputSettings
from snakemake_interface_logger_plugins.common import LogEvent
from snakemake_interface_logger_plugins.registry import LoggerPluginRegistry

from bandprobe.base.progress import INTERVAL_S, NOTES
from bandprobe.workflow.run_progress import RunProgress
from bandprobe.workflow.run_snakemake import NAME, register
from bandprobe.workflow.status_line import LAST_LINES, StatusHandler, last_lines

Send = Callable[..., None]


def handler_of(**settings: Any) -> StatusHandler:
    handler = StatusHandler(OutputSettings(**settings), None)
    handler.setFormatter(DefaultFormatter())
    return handler


def sender(handler: StatusHandler) -> Send:
    def send(event: LogEvent | None = None, text: str = "", level: int = 20, **fields: Any) -> None:
        record = logging.LogRecord("snakemake.logging", level, "", 0, text, None, None)
        vars(record).update(fields, event=event)
        handler.emit(record)

    return send


@pytest.fixture
def handler() -> StatusHandler:
    return handler_of()


def job(number: int, rule: str, log: Path | None = None) -> dict[str, Any]:
    return {
        "jobid": number,
        "rule_name": rule,
        "rule_msg": f"tiny: {rule}",
        "wildcards": {"dataset": "tiny"},
        "log": [str(log)] if log else [],
    }


def test_snakemake_knows_it_by_its_name() -> None:
    register()
    plugin = LoggerPluginRegistry().get_plugin(NAME)
    assert vars(plugin)["log_handler"] is StatusHandler


def test_a_run_without_a_terminal_says_little(
    handler: StatusHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    send = sender(handler)
    send(text="Building DAG of jobs...")
    send(LogEvent.RUN_INFO, "Job stats:", stats={"fit_probes": 2, "total": 2})
    for number in range(2):
        send(LogEvent.JOB_INFO, **job(number, "fit_probes"))
        send(text="Select jobs to execute...")
        send(LogEvent.JOB_STARTED, "Execute 1 jobs...", jobs=[number])
        send(LogEvent.SHELLCMD, "python", shellcmd="python")
        send(LogEvent.JOB_FINISHED, "Finished jobid", job_id=number)
        send(LogEvent.PROGRESS, done=number + 1, total=2)
    assert handler.progress is not None
    assert handler.progress.done == {"fit_probes": 2}
    assert capsys.readouterr() == ("", "")
    handler._last_line -= INTERVAL_S
    send(text="Select jobs to execute...")
    assert capsys.readouterr().err.startswith("100 %  2 of 2 jobs · fits 2 of 2")


def test_a_failed_job_is_named_with_the_end_of_its_log(
    handler: StatusHandler, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "job.log"
    log.write_text("".join(f"line {number}\n" for number in range(40)) + "Error: it\n  Hint: x\n\n")
    send = sender(handler)
    send(LogEvent.RUN_INFO, stats={"fit_probes": 1, "all": 1, "total": 2})
    send(LogEvent.JOB_INFO, **job(3, "fit_probes", log))
    send(LogEvent.ERROR, "RuleException:\nCalledProcessError in file x.smk, line 8:\nCommand", 40)
    send(LogEvent.JOB_ERROR, **job(3, "fit_probes", log), level=40)
    send(None, "Exiting because a job execution failed. Look above for error messages", 40)
    send(LogEvent.ERROR, "WorkflowError:\nAt least one job did not complete successfully.", 40)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "Failed: tiny: fit_probes (rule fit_probes)"
    assert lines[1] == f"{log} ends with:"
    assert lines[2] == f"  line {42 - LAST_LINES}"
    assert lines[-2:] == ["  Error: it", "    Hint: x"]


def test_an_error_of_the_workflow_is_shown(
    handler: StatusHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    sender(handler)(LogEvent.ERROR, "WorkflowError:\nunknown readout 'mop'", 40)
    assert "unknown readout 'mop'" in capsys.readouterr().err


def test_what_other_options_say_is_passed_on(
    handler: StatusHandler, capsys: pytest.CaptureFixture[str]
) -> None:
    send = sender(handler)
    send(text="Unlocked working directory.")
    send(text="something old", level=30)
    assert capsys.readouterr().err == "Unlocked working directory.\nsomething old\n"


def test_jobs_that_were_stopped_have_not_failed(
    handler: StatusHandler, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    send = sender(handler)
    send(LogEvent.RUN_INFO, stats={"fit_probes": 1, "total": 1})
    send(LogEvent.JOB_INFO, **job(3, "fit_probes", tmp_path / "no.log"))
    send(text="Terminating processes on user request, this might take some time.")
    send(LogEvent.JOB_ERROR, **job(3, "fit_probes"), level=40)
    assert capsys.readouterr().err == "Stopping the jobs that run; what is finished is kept.\n"


def test_a_study_that_is_complete_is_to_be_opened(
    handler: StatusHandler,
    tmp_path: Path,
    config: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("study.yaml").write_text(yaml.safe_dump(config))
    page = Path("results/mine/report.html")
    page.parent.mkdir(parents=True)
    page.touch()
    send = sender(handler)
    send(LogEvent.WORKFLOW_STARTED, configfiles=["study.yaml"])
    send(text=NOTHING_TO_BE_DONE_MSG)
    assert capsys.readouterr().err.splitlines() == ["Everything is up to date.", f"Open {page}"]


@pytest.mark.parametrize("option", ["dryrun", "verbose", "printshellcmds", "debug_dag"])
def test_detailed_output_is_snakemakes_own(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    send = sender(handler_of(**{option: True}))
    send(text="Building DAG of jobs...")
    send(LogEvent.PROGRESS, done=1, total=4)
    assert "Building DAG of jobs...\n1 of 4 steps (25%) done\n" in capsys.readouterr().err


def test_notes_of_loops_move_the_bar_of_a_terminal(
    handler: StatusHandler, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen, end = pty.openpty()
    monkeypatch.setenv("TERM", "xterm")
    notes = tmp_path / "notes"
    monkeypatch.setenv(NOTES, str(notes))
    with os.fdopen(end, "w") as stream:
        handler._console = Console(file=stream, markup=False, width=120, force_terminal=True)
        send = sender(handler)
        send(LogEvent.RUN_INFO, stats={"extract_features": 1, "total": 1})
        handler.progress = RunProgress({"extract_features": 1}, clock=lambda: 0.0)
        wildcards = {"model": "net", "passname": "pass-0"}
        send(LogEvent.JOB_INFO, **job(0, "extract_features") | {"wildcards": wildcards})
        note = {"what": "net/pass-0/train", "unit": "images", "done": 30, "total": 60}
        notes.write_text(json.dumps(note) + '\n{"what": "half')
        handler.listen()
        assert handler._bar is not None
        assert handler._bar.tasks[0].completed == pytest.approx(0.25)
        handler._bar.refresh()
        handler.close()
    shown = os.read(screen, 100_000).decode()
    os.close(screen)
    assert "net/pass-0/train: 30 of 60 images" in shown
    assert "25%" in shown


def test_a_log_without_lines_is_none(tmp_path: Path) -> None:
    assert last_lines(tmp_path / "nowhere") is None
    (tmp_path / "empty").write_text("\n\n")
    assert last_lines(tmp_path / "empty") is None
