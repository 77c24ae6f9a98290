"""What `bandprobe run` shows of Snakemake: one status line, and the errors of failed jobs.

Snakemake sends its events to handlers of this kind (its interface for logger plugins), with jobs,
rules and log files as fields; its own log, which stays complete, is written beside them. Reading
the printed log instead would depend on its wording. `bandprobe.workflow.run_snakemake` registers
the handler.
"""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, ClassVar

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TaskProgressColumn
from rich.table import Column
from rich.text import Text
from snakemake.common import NOTHING_TO_BE_DONE_MSG
from snakemake.logging import ColorizingTextHandler
from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from bandprobe.base.progress import INTERVAL_S, NOTES
from bandprobe.errors import BandprobeError
from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.workflow.closing import opening_lines
from bandprobe.workflow.run_progress import Loop, RunProgress

# Lines of a failed job's log that are shown.
LAST_LINES = 15
# What Snakemake says before a run and nobody has to read; its log has it.
UNSAID = (
    "Assuming unrestricted shared filesystem",
    "Building DAG of jobs",
    "Complete log",
    "Conda environments: ignored",
    "Elapsed time",
    "Group jobs: inactive",
    "Provided cores",
    "Provided re",
    "Rules claiming more threads",
    "Singularity containers: ignored",
    "Using shell",
    "host:",
)
STOPPING = "Terminating processes on user request"
# What else Snakemake says of a failed job, whose own log says why.
OF_FAILED_JOBS = (
    "At least one job did not complete successfully",
    "CalledProcessError in file",
    "Exiting because a job execution failed",
)


class Numbers(ProgressColumn):
    """The numbers of a run, as they are now."""

    def __init__(self, handler: StatusHandler) -> None:
        super().__init__(Column(no_wrap=True, overflow="ellipsis", ratio=1))
        self._handler = handler

    def render(self, task: Task) -> Text:  # noqa: ARG002, the same for the only task
        """One line."""
        self._handler.listen()
        progress = self._handler.progress
        return Text(progress.text() if progress else "")


class StatusHandler(LogHandlerBase):
    """Shows events of Snakemake as one status line on a terminal, or as a line now and then.

    With `--dry-run`, `--verbose`, `--debug-dag` or `--printshellcmds` everything is shown as
    Snakemake alone shows it.
    """

    writes_to_stream: ClassVar[bool] = True
    writes_to_file: ClassVar[bool] = False
    # Snakemake's own, which follow --quiet.
    has_filter: ClassVar[bool] = False
    has_formatter: ClassVar[bool] = False
    needs_rulegraph: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Begin without a run."""
        self.progress: RunProgress | None = None
        self._messages: dict[int, str] = {}
        self._logs: dict[int, list[str]] = {}
        self._configs: list[str] = []
        self._stopping = self._failed = False
        self._heard = 0
        self._last_line = time.monotonic()
        self._bar: Progress | None = None
        self._console = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)
        settings = self.common_settings
        detailed = settings.verbose or settings.debug_dag or settings.printshellcmds
        self._plain: ColorizingTextHandler | None = None
        if settings.dryrun or detailed:
            stream = sys.stdout if settings.stdout else sys.stderr
            self._plain = ColorizingTextHandler(settings.nocolor, stream)

    def emit(self, record: logging.LogRecord) -> None:
        """Show one event, or take note of it."""
        if self._plain is not None:
            self._plain.setFormatter(self.formatter)
            self._plain.emit(record)
            return
        event = getattr(record, "event", None)
        # By name, so that an event that Snakemake adds is shown as a message.
        act = getattr(self, f"_on_{event}", None) if event else None
        if act is not None:
            act(record)
        elif event is None or event == LogEvent.ERROR:
            self._say(record)
        self._line_now_and_then()

    def close(self) -> None:
        """Take the status line away."""
        if self._bar is not None:
            self._bar.stop()
            self._bar = None
        super().close()

    def listen(self) -> None:
        """Read what the loops of jobs have noted since the last time."""
        path = os.environ.get(NOTES)
        if path is None or self.progress is None:
            return
        for note in self._new_notes(Path(path)):
            self.progress.hear(Loop(**note))
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=self.progress.share())

    def _new_notes(self, path: Path) -> Iterator[dict[str, Any]]:
        with suppress(OSError), path.open("rb") as stream:
            stream.seek(self._heard)
            text = stream.read()
            complete = text[: text.rfind(b"\n") + 1]
            self._heard += len(complete)
            for line in complete.splitlines():
                with suppress(ValueError):
                    yield json.loads(line)

    def _on_workflow_started(self, record: Any) -> None:
        self._configs = [str(path) for path in record.configfiles or ()]

    def _on_run_info(self, record: Any) -> None:
        totals = {name: count for name, count in record.stats.items() if name != "total"}
        self.progress = RunProgress(totals)
        for path in log_files():
            self._print(f"Log: {path}")
        if self._console.is_terminal:
            self._bar = Progress(
                BarColumn(24),
                TaskProgressColumn(),
                Numbers(self),
                console=self._console,
                transient=True,
                expand=True,
                refresh_per_second=4,
                redirect_stdout=sys.stdout.isatty(),
            )
            self._bar.add_task("", total=1.0)
            self._bar.start()

    def _on_job_info(self, record: Any) -> None:
        if self.progress is not None:
            self.progress.start(record.jobid, record.rule_name, dict(record.wildcards or {}))
        self._messages[record.jobid] = record.rule_msg or record.rule_name
        self._logs[record.jobid] = list(record.log or ())

    def _on_job_finished(self, record: Any) -> None:
        if self.progress is not None:
            self.progress.end(record.job_id, finished=True)

    def _on_job_error(self, record: Any) -> None:
        if self.progress is not None:
            self.progress.end(record.jobid, finished=False)
        if self._stopping:
            return
        self._failed = True
        what = self._messages.get(record.jobid, record.rule_name)
        self._print(f"Failed: {what} (rule {record.rule_name})", "bold red")
        for path in [*self._logs.get(record.jobid, ()), *record.log]:
            if (lines := last_lines(path)) is not None:
                self._print(f"{path} ends with:")
                self._print("\n".join(f"  {line}" for line in lines))
                return
        self._print(self.format(record))

    def _on_group_error(self, record: Any) -> None:
        self._failed = True
        self._print(self.format(record), "bold red")

    def _on_shellcmd(self, record: Any) -> None:
        """Nothing: it is shown by --printshellcmds alone."""

    _on_job_started = _on_progress = _on_group_info = _on_resources_info = _on_shellcmd
    _on_debug_dag = _on_rulegraph = _on_shellcmd

    def _say(self, record: logging.LogRecord) -> None:
        """A message without fields: warnings and errors always, others only before a run."""
        text = self.format(record).strip()
        if text == NOTHING_TO_BE_DONE_MSG:
            self._print("Everything is up to date.")
            self._print("\n".join(self._opening()))
        elif text.startswith(STOPPING):
            self._stopping = True
            self._print("Stopping the jobs that run; what is finished is kept.")
        elif any(words in text for words in OF_FAILED_JOBS):
            return
        elif record.levelno >= logging.WARNING:
            self._print(text, "red" if record.levelno >= logging.ERROR else "yellow")
        elif self.progress is None and not text.startswith(UNSAID):
            self._print(text)

    def _opening(self) -> list[str]:
        try:
            study = parse_study(load_config(Path(self._configs[0])))
        except (BandprobeError, IndexError):
            return []
        return opening_lines(study)

    def _line_now_and_then(self) -> None:
        """Without a terminal: where the run is, every `INTERVAL_S` seconds."""
        now = time.monotonic()
        if self._console.is_terminal or self.progress is None:
            return
        if now - self._last_line >= INTERVAL_S:
            self._last_line = now
            self.listen()
            self._print(f"{100 * self.progress.share():.0f} %  {self.progress.text()}")

    def _print(self, text: str, style: str = "") -> None:
        if text:
            self._console.print(text, style=style)


def log_files() -> list[str]:
    """Files that Snakemake writes its own log to, relative to this folder where they lie below."""
    handlers = logging.getLogger("snakemake.logging").handlers
    files = [handler.baseFilename for handler in handlers if hasattr(handler, "baseFilename")]
    here = Path.cwd()
    return [
        str(path.relative_to(here) if path.is_relative_to(here) else path)
        for path in map(Path, files)
    ]


def last_lines(path: str | Path) -> list[str] | None:
    """The last lines of a log that are not empty; None where it cannot be read or has none."""
    try:
        text = Path(path).read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return [line for line in text.splitlines() if line.strip()][-LAST_LINES:] or None
