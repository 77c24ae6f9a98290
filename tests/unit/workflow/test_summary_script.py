"""Arguments that scripts of summaries share."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bandprobe.scoring.intervals import IntervalSettings
from bandprobe.store.provenance import stated
from bandprobe.workflow.summary_script import summary_parser, summary_provenance

SETTINGS = IntervalSettings(resamples=200, level=0.9, seed=3)
WORDS = [
    *("--code", "abc", "--spectra", "folder", "--netcdf", "a.nc", "--csv", "a.csv"),
    *("--axes", json.dumps({"layers": {"net": ["one"]}})),
    *("--statistics", json.dumps(stated(SETTINGS))),
]


def test_arguments_are_read_as_what_they_are() -> None:
    found = summary_parser("text", "spectra", "bands").parse_args(WORDS)
    assert found.statistics == SETTINGS
    assert found.spectra == Path("folder")
    assert found.axes == {"layers": {"net": ["one"]}}


def test_the_source_has_its_own_option(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        summary_parser("text", "shapley", "bands").parse_args(WORDS)
    assert "--shapley" in capsys.readouterr().err


def test_names_and_statistics_are_in_the_provenance() -> None:
    found = summary_provenance(summary_parser("text", "spectra", "bands").parse_args(WORDS))
    config = json.loads(found["config"])
    assert config["layers"] == {"net": ["one"]}
    assert config["level"] == 0.9
    assert found["code_digest"] == "abc"
