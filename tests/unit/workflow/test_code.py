"""The digest of a stage's code follows its meaning, through all modules that its script reaches."""

import ast
import os
import shutil
from pathlib import Path

import pytest

from bandprobe.errors import BandprobeError
from bandprobe.workflow import code
from bandprobe.workflow.code import closure, code_digest, digest_when_asked, files_digest

ROOT = Path(__file__).parents[3]
SCRIPT = "from bandprobe.room.top import value\n\n\ndef main():\n    return value()\n"
MODULES = {
    "__init__.py": "",
    "room/__init__.py": '"""A room."""',
    "room/top.py": (
        '"""Top."""\nfrom bandprobe.room import deep\n\n\ndef value():\n    return deep.half(3)\n'
    ),
    "room/deep.py": '"""Deep."""\n\n\ndef half(x):\n    """Half."""\n    return x / 2\n',
    "room/other.py": "def unused():\n    return 1\n",
    "room/errors.py": "WORST = 3\n",
    "errors.py": "class Wrong(Exception):\n    pass\n",
}


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script that imports one module of a small package, and that one another."""
    package = tmp_path / "bandprobe"
    for name, text in MODULES.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text)
    (tmp_path / "script.py").write_text(SCRIPT)
    monkeypatch.setattr(code, "PACKAGE", package)
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
        ("room/deep.py", "x / 2", "x / 3"),
        ("room/deep.py", "half(x)", "half(x=1)"),
        ("room/top.py", "half(3)", "half(4)"),
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
        ("room/deep.py", '"""Half."""', '"""A half of it."""'),
        ("room/deep.py", '    """Half."""\n', ""),
        ("room/deep.py", '"""Deep."""', '"""Other words."""'),
        ("room/deep.py", "x / 2", "(x /  2)  # a comment"),
        ("room/top.py", "\n\n\ndef", "\n\n# a comment\ndef"),
        ("room/other.py", "return 1", "return 2"),
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
    os.utime(script.parent / "bandprobe" / "room" / "deep.py", ns=(1, 1))
    assert code_digest(script) == before


def test_code_is_read_when_a_job_asks_and_once_for_all_jobs(script: Path) -> None:
    digest = digest_when_asked(script)
    edit(script.parent / "bandprobe" / "room" / "deep.py", "x / 2", "x / 3")
    asked = code_digest(script)
    assert digest({"layer": "a"}) == asked
    edit(script.parent / "bandprobe" / "room" / "deep.py", "x / 3", "x / 4")
    assert digest({"layer": "b"}) == asked != code_digest(script)


@pytest.mark.parametrize(
    "where",
    [
        "if value:\n    pass\nelse:\n    {}",
        "try:\n    pass\nexcept ValueError:\n    {}",
        "try:\n    pass\nfinally:\n    {}",
        "match value:\n    case 1:\n        {}",
        "class A:\n    def f(self):\n        with value:\n            {}",
        "async def f():\n    for x in value:\n        {}",
    ],
)
def test_imports_within_any_statement_count(script: Path, where: str) -> None:
    script.write_text(where.format("import bandprobe.room.other") + "\n")
    assert "bandprobe/room/other.py" in names(script)


def test_imports_within_functions_count(script: Path) -> None:
    edit(script, "return value()", "from bandprobe.room.other import unused\n    return unused()")
    before = code_digest(script)
    edit(script.parent / "bandprobe" / "room" / "other.py", "return 1", "return 2")
    assert code_digest(script) != before


def test_a_copy_of_the_project_elsewhere_has_the_same_digests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = Path(__file__).parents[3]
    here = {s.name: code_digest(s) for s in (root / "workflow" / "scripts").glob("*.py")}
    shutil.copytree(root / "bandprobe", tmp_path / "bandprobe")
    shutil.copytree(root / "workflow" / "scripts", tmp_path / "scripts")
    monkeypatch.setattr(code, "PACKAGE", tmp_path / "bandprobe")
    assert {s.name: code_digest(s) for s in (tmp_path / "scripts").glob("*.py")} == here
    edit(
        tmp_path / "bandprobe" / "fourier" / "bands.py",
        "2 * np.fft.fftfreq(height)",
        "np.fft.fftfreq(height)",
    )
    changed = {
        s.name for s in (tmp_path / "scripts").glob("*.py") if code_digest(s) != here[s.name]
    }
    assert {"compute_spectra.py", "split_logits.py", "intervene_random.py"} <= changed
    assert not {"extract_features.py", "make_manifest.py", "assign_folds.py"} & changed


def names(script: Path) -> set[str]:
    """What a script reaches, by its place in the package."""
    return {path.relative_to(script.parent).as_posix() for path in closure(script)}


def test_modules_out_of_a_room_are_followed(script: Path) -> None:
    reached = {"script.py", "bandprobe/room/top.py", "bandprobe/room/deep.py"}
    assert names(script) == reached
    edit(script, "from bandprobe.room.top import value", "import bandprobe.room.top as value")
    assert names(script) == reached


def test_the_errors_of_the_package_do_not_count_and_a_rooms_own_do(script: Path) -> None:
    (script.parent / "script.py").write_text(
        "from bandprobe.errors import Wrong\nfrom bandprobe.room.errors import WORST\n"
    )
    assert names(script) == {"script.py", "bandprobe/room/errors.py"}
    before = code_digest(script)
    edit(script.parent / "bandprobe" / "room" / "errors.py", "3", "4")
    assert code_digest(script) != before


@pytest.mark.parametrize(
    "line", ["from . import deep", "from .deep import half", "from .. import x"]
)
def test_a_relative_import_is_an_error_since_it_would_not_be_followed(
    script: Path, line: str
) -> None:
    edit(script.parent / "bandprobe" / "room" / "top.py", "from bandprobe.room import deep", line)
    with pytest.raises(BandprobeError, match=r"top\.py(.|\n)*from bandprobe\.room\.module"):
        closure(script)


def test_packages_hold_a_docstring_alone_since_digests_do_not_follow_them() -> None:
    packages = [
        path
        for path in (ROOT / "bandprobe").rglob("__init__.py")
        if path.parent.name != "bandprobe"
    ]
    assert len(packages) > 10
    for path in packages:
        body = ast.parse(path.read_bytes()).body
        assert len(body) == 1, path
        assert isinstance(body[0], ast.Expr), path
        assert isinstance(body[0].value, ast.Constant), path


def test_templates_count_by_name_and_content(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "page.html").write_text("page")
    before = files_digest(tmp_path)
    assert files_digest(tmp_path) == before
    (tmp_path / "a" / "page.html").rename(tmp_path / "a" / "other.html")
    renamed = files_digest(tmp_path)
    (tmp_path / "a" / "other.html").write_text("pages")
    assert len({before, renamed, files_digest(tmp_path)}) == 3
    assert files_digest(tmp_path / "a" / "other.html") != files_digest(tmp_path)
