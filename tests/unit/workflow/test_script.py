"""Scripts end clearly and say what a result was made from."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from bandprobe.errors import ConfigError
from bandprobe.store.provenance import library_versions, provenance
from bandprobe.workflow import script
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


def rights(monkeypatch: pytest.MonkeyPatch, **given: int) -> None:
    """As a user who has these rights alone; the tests may run as one who has all."""

    def access(path: Any, mode: int) -> bool:
        return mode & ~given.get(Path(path).name.partition(".")[0], 7) == 0

    monkeypatch.setattr(script.os, "access", access)


@pytest.mark.parametrize(
    ("given", "name", "action"),
    [
        ({"file": os.W_OK}, "file.parquet", "read"),
        ({"file": 0}, "file.parquet", "read"),
        ({"file": os.R_OK}, "file.parquet", "write"),
        ({"file": os.R_OK | os.W_OK}, "file.parquet", "read or write"),
        ({"folder": os.R_OK | os.X_OK}, "folder", "write"),
        ({"folder": os.X_OK}, "folder", "read"),
        ({"folder": os.R_OK | os.W_OK}, "folder", "read"),
        ({"folder": os.R_OK | os.X_OK}, "folder/new.zarr", "write"),
        ({"folder": os.R_OK | os.X_OK}, "folder/new/zarr.json", "write"),
        ({"folder": os.R_OK}, "folder/hidden.png", "read"),
    ],
)
@pytest.mark.parametrize("wrapped", [False, True])
def test_a_missing_right_is_called_by_its_name(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    given: dict[str, int],
    name: str,
    action: str,
    wrapped: bool,
) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file.parquet").touch()
    rights(monkeypatch, **given)

    def main() -> None:
        error = PermissionError(errno.EACCES, "Permission denied", str(tmp_path / name))
        # Some libraries keep the text alone.
        raise RuntimeError(str(error)) if wrapped else error

    with pytest.raises(SystemExit):
        run(main)
    shown = capsys.readouterr().err
    assert shown.startswith(f"Error: cannot {action}: Permission denied\n")
    assert f"found:    {tmp_path / name}\n" in shown
    assert ("right to read it" in shown) == (action == "read")
    assert ("another --directory" in shown) == (action != "read")


def test_a_right_to_what_is_not_named_may_be_either(capsys: pytest.CaptureFixture[str]) -> None:
    def main() -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with pytest.raises(SystemExit):
        run(main)
    assert "Error: cannot read or write: Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS])
def test_what_only_writing_meets_is_one_of_writing(
    capsys: pytest.CaptureFixture[str], number: int
) -> None:
    def main() -> None:
        raise OSError(number, os.strerror(number), "a.zarr")

    with pytest.raises(SystemExit):
        run(main)
    assert f"Error: cannot write: {os.strerror(number)}" in capsys.readouterr().err


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
