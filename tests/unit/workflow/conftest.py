"""Studies that the tests of the workflow's functions share."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from bandprobe.study.config import load_config
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study

ROOT = Path(__file__).parents[3]


def study_of(**sections: Any) -> Study:
    """The tiny study with other sections; None takes a section away."""
    config = load_config(ROOT / "configs" / "tiny.yaml") | sections
    return parse_study({name: spec for name, spec in config.items() if spec is not None})


@pytest.fixture(scope="session")
def tiny() -> Study:
    """The study of configs/tiny.yaml."""
    return study_of()


@pytest.fixture(scope="session")
def default() -> Study:
    """The study of config.yaml."""
    return parse_study(load_config(ROOT / "config.yaml"))


@pytest.fixture(scope="session")
def bare() -> Study:
    """A study without controls, heads, Shapley values, linear modes, or readouts by band."""
    return study_of(
        readouts=["pooled"],
        modes={"noise": {"kind": "noise"}},
        refit=None,
        head=None,
        controls={"draws": 0},
        shapley={"fill": "none"},
    )
