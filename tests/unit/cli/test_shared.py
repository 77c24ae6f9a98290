"""What commands share: names that are chosen, the options of the workflow, paths of targets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from bandprobe.cli.shared import (
    choose_dataset,
    choose_many,
    command_parser,
    described,
    load_study,
    read_target,
    target_path,
)
from bandprobe.errors import ConfigError
from bandprobe.study.parse import parse_study
from bandprobe.study.study import Study, Target


@pytest.fixture
def study(config: dict[str, Any]) -> Study:
    return parse_study(config)


@pytest.mark.parametrize("suffix", ["yaml", "json"])
def test_a_study_with_two_modes_of_one_name_is_refused(
    tmp_path: Path, config: dict[str, Any], suffix: str
) -> None:
    path = tmp_path / f"study.{suffix}"
    text = json.dumps(config, indent=1)
    path.write_text(text)
    assert list(load_study(path).modes) == ["remove"]
    mode = '  "remove": {\n   "kind": "remove"\n  }'
    assert text.count(mode) == 1
    path.write_text(text.replace(mode, f'{mode},\n  "remove": {{"kind": "isolate"}}'))
    line = text[: text.index(mode)].count("\n") + 1
    with pytest.raises(ConfigError, match=rf"modes\.remove in lines {line} and {line + 3}"):
        load_study(path)


def test_the_only_data_set_needs_no_name(study: Study, config: dict[str, Any]) -> None:
    assert choose_dataset(study, None) == "mine" == choose_dataset(study, "mine")
    with pytest.raises(ConfigError, match="Valid: mine"):
        choose_dataset(study, "other")
    config["datasets"]["second"] = {"kind": "imagefolder", "root": "images"}
    with pytest.raises(ConfigError, match=r"(?s)several data sets.*mine, second"):
        choose_dataset(parse_study(config), None)


def test_without_names_all_are_chosen(study: Study) -> None:
    assert choose_many(study, "model", None, study.models) == ["pixels", "net"]
    assert choose_many(study, "model", ["net"], study.models) == ["net"]
    with pytest.raises(ConfigError, match="Did you mean 'net'"):
        choose_many(study, "model", ["pixels", "nets"], study.models)


def test_help_keeps_the_layout_of_descriptions_and_examples() -> None:
    parser = described("Two\nlines.", "bandprobe x", "\nbandprobe x --a\nbandprobe x\n")
    text = parser.format_help()
    assert "Two\nlines." in text
    assert "examples:\n  bandprobe x --a\n  bandprobe x" in text


def test_commands_that_run_the_workflow_have_its_options() -> None:
    arguments = command_parser("Text.", "bandprobe x").parse_args(["--cores", "2"])
    assert (arguments.config, arguments.cores) == (Path("config.yaml"), "2")
    assert arguments.dataset is None


def test_a_target_is_read_from_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    target = Target("mine", "net", "layer1", "map", "remove", "low")
    path = Path(target_path(target))
    assert path == Path("results/mine/targets/net/layer1/map/remove/low.json")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"top1": 0.5}))
    assert read_target(target) == {"top1": 0.5}


def test_an_unknown_option_names_the_one_that_was_meant(
    capsys: pytest.CaptureFixture[str],
) -> None:
    parser = command_parser("Text.", "bandprobe x")
    with pytest.raises(SystemExit, match="2"):
        parser.parse_args(["--datset", "a"])
    assert "unrecognized arguments: --datset a. Did you mean --dataset?" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        parser.parse_args(["--zzz"])
    assert "Did you mean" not in capsys.readouterr().err
