"""Scripts end clearly and say what a result was made from."""

import json

import pytest

from bandprobe.errors import ConfigError
from bandprobe.store.provenance import library_versions, provenance
from bandprobe.workflow.script import argument_parser, run


def test_a_mistake_of_the_user_ends_with_a_message(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise ConfigError("bands: wrong", hint="edit them")

    with pytest.raises(SystemExit) as caught:
        run(main)
    assert caught.value.code == 1
    shown = capsys.readouterr().err
    assert "Error: bands: wrong" in shown
    assert "edit them" in shown
    assert "Traceback" not in shown


def test_a_fault_of_the_code_is_not_hidden() -> None:
    def main() -> None:
        raise ZeroDivisionError("fault")

    with pytest.raises(ZeroDivisionError, match="fault"):
        run(main)


def test_every_script_takes_the_digest_of_its_code() -> None:
    assert argument_parser("text").parse_args([]).code == "by hand"
    assert argument_parser("text").parse_args(["--code", "abc"]).code == "abc"


def test_provenance_is_text_and_holds_the_configuration() -> None:
    found = provenance("abc", {"b": 1, "a": [2]}, weights_sha256="def")
    assert all(isinstance(value, str) for value in found.values())
    assert json.loads(found["config"]) == {"a": [2], "b": 1}
    assert json.loads(found["versions"]) == library_versions()
    assert (found["code_digest"], found["weights_sha256"]) == ("abc", "def")
    assert {"python", "numpy", "zarr"} <= set(library_versions())
