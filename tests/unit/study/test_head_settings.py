"""The section `head` is parsed, or refused with what would be valid."""

from typing import Any

import pytest

from bandprobe.errors import ConfigError
from bandprobe.scoring.head_flags import NO_PREFIX_TOKENS, PREFIX_BYPASS, head_flags
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Target

Config = dict[str, Any]


@pytest.fixture
def with_head(config: Config) -> Config:
    config["modes"] |= {"keep": {"kind": "isolate"}, "perturb": {"kind": "phase"}}
    config["head"] = {"samples": 10}
    return config


def test_without_the_section_there_is_no_head(config: Config) -> None:
    study = parse_study(config)
    assert study.head is None
    assert list(study.head_targets()) == []


def test_defaults(with_head: Config) -> None:
    head = parse_study(with_head).head
    assert head is not None
    assert (head.samples, head.train_samples, head.classifier, head.seed) == (10, 200, "auto", 0)
    assert head.prefix == ("keep",)
    assert head.readouts == ("head",)
    # Every mode of kind remove or isolate.
    assert head.modes == ("remove", "keep")


def test_targets_are_all_layers_of_networks(with_head: Config) -> None:
    with_head["datasets"]["other"] = {"kind": "photos", "asset": "photos"}
    with_head["head"] |= {"prefix": ["ablate", "keep"], "modes": ["keep"]}
    study = parse_study(with_head)
    targets = list(study.head_targets())
    # data sets x layers of net x readouts x modes x bands
    assert len(targets) == len(set(targets)) == 2 * 3 * 2 * 1 * 2
    assert Target("other", "net", "layer3", "head-ablated", "keep", "high") in targets
    assert {target.model for target in targets} == {"net"}
    assert not set(targets) & set(study.targets())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"modes": ["delete"]}, r"head.modes: unknown mode 'delete'.*Valid: remove, keep"),
        ({"modes": ["perturb"]}, r"perturb is of kind phase(?s:.*)remove, keep"),
        ({"modes": []}, r"head.modes"),
        ({"samples": 0}, r"head.samples"),
        ({"prefix": ["drop"]}, r"head.prefix"),
        ({"classifiers": "own"}, r"did you mean 'classifier'"),
    ],
)
def test_what_cannot_be_meant_is_refused(
    with_head: Config, change: dict[str, Any], message: str
) -> None:
    with_head["head"] |= change
    with pytest.raises(ConfigError, match=message):
        parse_study(with_head)


def test_a_head_without_any_mode_is_refused(with_head: Config) -> None:
    with_head["modes"] = {"perturb": {"kind": "phase"}}
    with pytest.raises(ConfigError, match=r"no mode for it(?s:.*)remove or isolate"):
        parse_study(with_head)


def test_flags_say_what_became_of_prefix_tokens() -> None:
    assert head_flags(False, True, "partial") == head_flags(False, True, "total") == [PREFIX_BYPASS]
    # Kept, but nothing reads them any more; or there are none.
    assert head_flags(False, True, "none") == head_flags(False, False, "none") == []
    assert head_flags(True, True, "total") == []
    assert head_flags(True, False, "none") == [NO_PREFIX_TOKENS]
