"""Names of a configuration, and modules of a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from bandprobe.cli.list_names import KINDS, names
from bandprobe.cli.main import main
from bandprobe.study.parse import parse_study


@pytest.fixture
def path(tmp_path: Path, config: dict[str, Any]) -> str:
    path = tmp_path / "study.yaml"
    path.write_text(yaml.safe_dump(config, sort_keys=False))
    return str(path)


def test_names_are_those_of_the_study(config: dict[str, Any]) -> None:
    found = names(parse_study(config))
    assert tuple(found) == KINDS
    assert found["layers"] == ["pixels input", "net layer1", "net layer2", "net layer3"]
    assert found["bands"] == ["low", "high"]


def test_one_kind_is_printed_one_name_a_line(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "models", "--config", path]) == 0
    assert capsys.readouterr().out == "pixels\nnet\n"


def test_everything_is_listed_with_its_settings(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--config", path]) == 0
    output = capsys.readouterr().out
    # 4 layers, 1 readout, 1 mode, 2 bands.
    for text in ("imagefolder", "timm/resnet18", "1.414", "8 targets in all, 0 of them of heads"):
        assert text in output


def test_the_only_layer_of_pixels_is_the_input(
    path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--layers", "pixels", "--config", path]) == 0
    assert "input" in capsys.readouterr().out
    assert main(["list", "--layers", "pixel", "--config", path]) == 1
    assert "Did you mean 'pixels'" in capsys.readouterr().err


def test_bands_are_listed_in_their_unit(
    path: str, config: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["list", "--config", path]) == 0
    assert "in units of Nyquist" in " ".join(capsys.readouterr().out.split())
    config["bands"] = {"octaves": 3}
    Path(path).write_text(yaml.safe_dump(config, sort_keys=False))
    assert main(["list", "--config", path]) == 0
    output = " ".join(capsys.readouterr().out.split())
    assert "in cycles per image" in output
    assert "octave-4" in output
    assert "inf" not in output
