"""How many inputs are tried; their count stands at the end of a run.

FUZZ_INPUTS is the number for each target; without it a few, and always the same ones.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
from collections import Counter
from collections.abc import Callable, Iterator

import pytest
from hypothesis import HealthCheck, Phase, settings

import bandprobe
import benchmarks

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
# Hypothesis draws from the constants of the project's modules that are imported, so that what it
# tries would depend on the tests that ran before in the same process.
# Not imported: these need the extra `bench`, and no test imports them.
OTHERS = {f"benchmarks.{name}" for name in ("contender_process", "contenders", "peers")}
for package in (bandprobe, benchmarks):
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if module.name not in OTHERS and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


@pytest.fixture(autouse=True)
def counted(record_property: Callable[[str, object], None]) -> Iterator[None]:
    """Hand the counts on to the end of the run, which may be in another process."""
    before = TRIED.copy()
    yield
    for target in TRIED - before:
        record_property("fuzz", (target, TRIED[target], REFUSED[target]))
