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
# Of each target the least share of `FEW` inputs that is accepted, and that is refused: where all
# are refused, intact ones may be too. About half of what was counted when this was written.
SHARES = {
    "archive": (0.05, 0.5),
    "configuration": (0.06, 0.5),
    "configuration file": (0.05, 0.5),
    "file of a store": (0.1, 0.5),
    "image file": (0.1, 0.5),
    "inspection of a store": (0.06, 0.5),
    "manifest": (0.05, 0.5),
    "metadata of a store": (0.06, 0.5),
    "weights": (0.04, 0.5),
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
        if tried < FEW:
            continue
        # More inputs do not give more of what is accepted only as it was written.
        least_accepted, least_refused = (FEW * share for share in SHARES[target])
        assert accepted >= least_accepted, f"{counts}: too few are accepted"
        assert refused >= least_refused, f"{counts}: too few are refused"
