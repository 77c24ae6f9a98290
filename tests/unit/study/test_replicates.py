"""The section `replicates` is parsed, or refused with what would be valid."""

from __future__ import annotations

from typing import Any

import pytest

from bandprobe.errors import ConfigError
from bandprobe.figures.gallery import gallery
from bandprobe.study.parse import parse_study
from bandprobe.workflow import stores, study_params, targets

Config = dict[str, Any]


@pytest.fixture
def replicated(config: Config) -> Config:
    """A study with one mode that fills with the mean."""
    config["modes"] |= {"alone": {"kind": "isolate", "fill": "mean"}, "perturb": {"kind": "phase"}}
    config["readouts"] = ["pooled", "pattern", "map"]
    config["replicates"] = {"count": 5}
    return config


def test_without_the_section_there_is_nothing_of_it(config: Config) -> None:
    study = parse_study(config)
    assert study.replicates is None
    assert "replicates" not in targets.tables(study)
    assert stores.replicates(study) == stores.replicated_probes(study) == []
    assert study_params.replicate_settings(study) is None
    assert not any(name.startswith("replicates") for name in gallery(study))


def test_readouts_and_modes_are_those_that_it_can_be_done_for(replicated: Config) -> None:
    study = parse_study(replicated)
    own = study.replicates
    assert own is not None
    assert (own.count, own.jackknife, own.seed) == (5, True, 0)
    assert own.readouts == ("pattern", "map")
    assert own.modes == ("alone",)
    settings = study_params.replicate_settings(study)
    assert settings is not None
    assert settings.penalties == study.probe.penalties
    assert [mode.name for mode in study_params.replicate_modes(study)] == ["alone"]
    axes = study_params.replicate_axes(study)
    assert axes is not None
    assert (axes.readouts, axes.modes) == (("pattern", "map"), ("alone",))
    assert targets.tables(study)[-1] == "replicates"
    figures = {name for name, entry in gallery(study).items() if entry.table == "replicates"}
    assert figures == {"replicates_pattern", "replicates_map"}
    (dataset,) = study.datasets
    paths = targets.replicates(study, dataset)
    assert len(paths) == len(list(study.layers()))
    assert f"results/{dataset}/replicates/net/layer3.zarr.digest.json" in paths


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicates": {"count": 0, "jackknife": False}}, "neither splits nor training groups"),
        ({"replicates": {"count": -1}}, r"replicates.count"),
        ({"replicates": {"jackknife": True}}, r"'count' is a required property"),
        ({"replicates": {"count": 2, "replicate": 1}}, "unknown key"),
        ({"readouts": ["pooled"]}, r"nothing to do them for(?s:.*)readouts pooled"),
        ({"modes": {"remove": {"kind": "remove"}}}, r"with fill: mean(?s:.*)modes remove"),
        ({"probe": {"estimator": "logistic"}}, "only for probe.estimator: ridge"),
    ],
)
def test_what_cannot_be_done_is_refused(replicated: Config, change: Config, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_study(replicated | change)
