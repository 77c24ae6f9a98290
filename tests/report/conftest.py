"""Results with known numbers, and pages made from them."""

from __future__ import annotations

import copy
import dataclasses
import json
import re
from typing import Any

import pytest

from bandprobe.report.context import Results
from bandprobe.report.page import render_page
from benchmarks.synthetic import Shape, study_results

SHAPE = Shape({"pixels": {"input": 32}, "net": {"layer1": 16, "layer2": 8, "layer3": 7}})


def page_of(results: Results, config_text: str = "models: {}\n") -> str:
    return render_page(results, config_text, {"code_digest": "2" * 64})


def embedded(page: str) -> dict[str, Any]:
    """The numbers in a page, as its script reads them."""
    (text,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, re.S)
    found: dict[str, Any] = json.loads(text)
    columns = re.findall(
        r'<script type="application/json" id="column-(.*?)">(.*?)</script>', page, re.S
    )
    stored = {name: json.loads(values) for name, values in columns}
    found["targets"]["columns"] = {name: stored.pop(name) for name in found["targets"]["columns"]}
    assert not stored, "a column that the list of columns does not name"
    return found


def unpacked(stored: Any) -> list[Any]:
    """A column as the page's script reads it."""
    return stored if isinstance(stored, list) else [stored["values"][at] for at in stored["at"]]


@pytest.fixture(scope="session")
def shared() -> Results:
    return study_results(SHAPE)


@pytest.fixture
def results(shared: Results) -> Results:
    """A study that a test may change."""
    return dataclasses.replace(
        shared,
        interventions=shared.interventions.copy(deep=True),
        flags=shared.flags.copy(),
        config=copy.deepcopy(dict(shared.config)),
    )
