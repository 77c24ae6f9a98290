"""Parameters of tests of which a few cases are enough before a push."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest


def quick_and_slow(quick: Iterable[Any], slow: Iterable[Any]) -> list[Any]:
    """Values of a parameter, or tuples of several; the second ones are marked as slow."""
    return [*quick, *(_marked(case) for case in slow)]


def _marked(case: Any) -> Any:
    values = case if isinstance(case, tuple) else (case,)
    return pytest.param(*values, marks=pytest.mark.slow)


def one_in_three(cases: Iterable[Any]) -> list[Any]:
    """Every third value of a parameter as it is, the others marked as slow."""
    values = list(cases)
    return quick_and_slow(values[::3], [value for at, value in enumerate(values) if at % 3])
