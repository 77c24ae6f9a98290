"""How many inputs are tried, and the count of them at the end of a run.

FUZZ_INPUTS is the number for each target; without it a few, and always the same ones.
"""

from __future__ import annotations

import os
from collections import Counter

import pytest
from hypothesis import HealthCheck, Phase, settings

FEW = 150
MANY = int(os.environ.get("FUZZ_INPUTS", "0"))
TRIED: Counter[str] = Counter()
REFUSED: Counter[str] = Counter()
settings.register_profile(
    "fuzz",
    max_examples=MANY or FEW,
    derandomize=not MANY,
    database=None,
    deadline=None,
    # A finding is shown as it was found; to shrink it takes minutes.
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
FUZZ = settings.get_profile("fuzz")


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for target, count in TRIED.items():
        terminalreporter.write_line(
            f"fuzz: {target}: {count} inputs tried, {REFUSED[target]} refused with a clear error"
        )
