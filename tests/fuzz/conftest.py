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
# Of each target the least share of inputs that are accepted, and that are refused: a test that only
# ever sees refusals shows nothing of what is accepted.
SHARES = {
    "archive": (0.1, 0.5),
    "configuration": (0.1, 0.3),
    "configuration file": (0.1, 0.3),
    "file of a store": (0.1, 0.3),
    "image file": (0.2, 0.2),
    "inspection of a store": (0.1, 0.1),
    "manifest": (0.1, 0.5),
    "metadata of a store": (0.1, 0.1),
    "weights": (0.1, 0.3),
}
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
    """Hand the counts on to the end of the run, which may be in another process; look at shares."""
    before = TRIED.copy()
    yield
    for target in TRIED - before:
        tried, refused = TRIED[target], REFUSED[target]
        record_property("fuzz", (target, tried, refused))
        accepted, counts = tried - refused, f"{target}: {tried} inputs tried, {refused} refused"
        least_accepted, least_refused = SHARES[target]
        assert accepted >= least_accepted * tried, f"{counts}: too few are accepted"
        assert refused >= least_refused * tried, f"{counts}: too few are refused"
