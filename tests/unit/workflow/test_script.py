"""The digest of code follows its meaning; scripts end clearly."""

import argparse
import json
import os
import shutil
from pathlib import Path

import pytest

from bandprobe.errors import ConfigError
from bandprobe.store.provenance import library_versions, provenance
from bandprobe.workflow import script as scripting
from bandprobe.workflow.code import code_digest
from bandprobe.workflow.script import argument_parser, json_argument, run

SCRIPT = "from bandprobe.top import value\n\n\ndef main():\n    return value()\n"
MODULES = {
    "__init__.py": "",
    "top.py": '"""Top."""\nfrom bandprobe import deep\n\n\ndef value():\n    return deep.half(3)\n',
    "deep.py": '"""Deep."""\n\n\ndef half(x):\n    """Half."""\n    return x / 2\n',
    "other.py": "def unused():\n    return 1\n",
    "errors.py": "class Wrong(Exception):\n    pass\n",
}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that imports one module of a small package, and that one another."""
    package = tmp_path / "bandprobe"
    package.mkdir()
    for name, text in MODULES.items():
        (package / name).write_text(text)
    (tmp_path / "script.py").write_text(SCRIPT)
    monkeypatch.setattr(scripting, "PACKAGE", package)
    return tmp_path / "script.py"


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there, at a later time."""
    text, time = path.read_text(), path.stat().st_mtime_ns + 10**9
    assert old in text
    path.write_text(text.replace(old, new))
    os.utime(path, ns=(time, time))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("deep.py", "x / 2", "x / 3"),
        ("deep.py", "half(x)", "half(x=1)"),
        ("top.py", "half(3)", "half(4)"),
    ],
)
def test_an_edited_formula_anywhere_in_the_imports_changes_the_digest(
    script: Path, name: str, old: str, new: str
) -> None:
    before = code_digest(script)
    edit(script.parent / "bandprobe" / name, old, new)
    assert code_digest(script) != before


def test_an_edited_script_changes_the_digest(script: Path) -> None:
    before = code_digest(script)
    edit(script, "return value()", "return value() + 1")
    assert code_digest(script) != before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("deep.py", '"""Half."""', '"""A half of it."""'),
        ("deep.py", '    """Half."""\n', ""),
        ("deep.py", '"""Deep."""', '"""Other words."""'),
        ("deep.py", "x / 2", "(x /  2)  # a comment"),
        ("top.py", "\n\n\ndef", "\n\n# a comment\ndef"),
        ("other.py", "return 1", "return 2"),
        ("errors.py", "pass", "code = 2"),
    ],
)
def test_words_layout_and_what_is_not_imported_leave_the_digest(
    script: Path, name: str, old: str, new: str
) -> None:
    before = code_digest(script)
    edit(script.parent / "bandprobe" / name, old, new)
    assert code_digest(script) == before


def test_a_touched_file_leaves_the_digest(script: Path) -> None:
    before = code_digest(script)
    os.utime(script.parent / "bandprobe" / "deep.py", ns=(1, 1))
    assert code_digest(script) == before


def test_imports_within_functions_count(script: Path) -> None:
    edit(script, "return value()", "from bandprobe.other import unused\n    return unused()")
    before = code_digest(script)
    edit(script.parent / "bandprobe" / "other.py", "return 1", "return 2")
    assert code_digest(script) != before


def test_a_copy_of_the_project_elsewhere_has_the_same_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[3]
    here = {s.name: code_digest(s) for s in (root / "workflow" / "scripts").glob("*.py")}
    shutil.copytree(root / "bandprobe", tmp_path / "bandprobe")
    shutil.copytree(root / "workflow" / "scripts", tmp_path / "scripts")
    monkeypatch.setattr(scripting, "PACKAGE", tmp_path / "bandprobe")
    assert {s.name: code_digest(s) for s in (tmp_path / "scripts").glob("*.py")} == here
    edit(
        tmp_path / "bandprobe" / "bands.py", "2 * np.fft.fftfreq(height)", "np.fft.fftfreq(height)"
    )
    changed = {
        s.name for s in (tmp_path / "scripts").glob("*.py") if code_digest(s) != here[s.name]
    }
    assert {"compute_spectra.py", "split_logits.py", "intervene_random.py"} <= changed
    assert not {"extract_features.py", "make_manifest.py", "assign_folds.py"} & changed


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


def test_arguments_can_be_json() -> None:
    assert json_argument('{"a": [1, null]}') == {"a": [1, None]}
    with pytest.raises(argparse.ArgumentTypeError, match="not JSON"):
        json_argument("{a}")
    assert argument_parser("text").parse_args([]).code == "by hand"
    assert argument_parser("text").parse_args(["--code", "abc"]).code == "abc"


def test_provenance_is_text_and_holds_the_configuration() -> None:
    found = provenance("abc", {"b": 1, "a": [2]}, weights_sha256="def")
    assert all(isinstance(value, str) for value in found.values())
    assert json.loads(found["config"]) == {"a": [2], "b": 1}
    assert json.loads(found["versions"]) == library_versions()
    assert (found["code_digest"], found["weights_sha256"]) == ("abc", "def")
    assert {"python", "numpy", "zarr"} <= set(library_versions())
