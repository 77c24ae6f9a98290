"""What a run of the tests says at its end."""

from __future__ import annotations

import pytest


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """How many inputs the fuzz tests have tried, for each target."""
    for outcome in ("passed", "failed"):
        for report in terminalreporter.getreports(outcome):
            for name, value in report.user_properties:
                if name == "fuzz" and report.when == "teardown":
                    target, tried, refused = value  # type: ignore[misc]
                    terminalreporter.write_line(
                        f"fuzz: {target}: {tried} inputs tried, {refused} refused clearly"
                    )
