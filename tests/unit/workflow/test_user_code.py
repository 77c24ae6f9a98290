"""What a user's function imports counts, unless it is installed."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from bandprobe.workflow.user_code import source_digest, source_files

Sources = dict[str, str]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty working directory, and an empty folder `lib` on Python's path."""
    folder = tmp_path / "work"
    folder.mkdir()
    (tmp_path / "lib").mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path / "lib")])
    yield folder
    sys.path_importer_cache.clear()


def write(folder: Path, sources: Sources) -> None:
    for name, text in sources.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    sys.path_importer_cache.clear()


def names(architecture: str, folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in source_files(architecture)}


CASES: dict[str, tuple[Sources, set[str]]] = {
    "import": ({"net.py": "import helper\n", "helper.py": "", "other.py": ""}, {"helper.py"}),
    "from": ({"net.py": "from helper import width\n", "helper.py": ""}, {"helper.py"}),
    "in a function": (
        {"net.py": "def make():\n    import helper\n", "helper.py": ""},
        {"helper.py"},
    ),
    "of an import": (
        {"net.py": "import a\n", "a.py": "import b\n", "b.py": "import a\n"},
        {"a.py", "b.py"},
    ),
    "a module of a package": (
        {
            "net.py": "import parts.deep.block\n",
            "parts/__init__.py": "from . import setup\n",
            "parts/setup.py": "",
            "parts/deep/__init__.py": "",
            "parts/deep/block.py": "from ..common import width\n",
            "parts/common.py": "",
            "parts/unused.py": "",
        },
        {
            "parts/__init__.py",
            "parts/setup.py",
            "parts/deep/__init__.py",
            "parts/deep/block.py",
            "parts/common.py",
        },
    ),
    "a module from its package": (
        {"net.py": "from parts import block\n", "parts/__init__.py": "", "parts/block.py": ""},
        {"parts/__init__.py", "parts/block.py"},
    ),
    "a namespace package": (
        {"net.py": "from parts.block import width\n", "parts/block.py": ""},
        {"parts/block.py"},
    ),
    "installed, standard, missing": (
        {"net.py": "import os, json.decoder, timm, numpy as np, no_such_module, bandprobe\n"},
        set(),
    ),
    "a file that cannot be parsed": (
        {"net.py": "import helper\n", "helper.py": "def"},
        {"helper.py"},
    ),
}


@pytest.mark.parametrize("folder", ["work", "lib"])
@pytest.mark.parametrize("case", CASES)
def test_what_a_file_imports_counts(here: Path, case: str, folder: str) -> None:
    sources, imported = CASES[case]
    root = here.parent / folder
    write(root, sources)
    assert names("python/net:make", root) == {"net.py"} | imported


@pytest.mark.parametrize("case", [case for case in CASES if CASES[case][1]])
def test_an_edit_of_any_of_them_is_seen(here: Path, case: str) -> None:
    sources, imported = CASES[case]
    write(here, sources)
    seen = [source_digest("python/net:make")]
    for name in sorted(imported):
        (here / name).write_text((here / name).read_text() + "\nwidth = 3\n")
        seen.append(source_digest("python/net:make"))
    assert len(set(seen)) == len(imported) + 1
    unused = [name for name in sources if name not in {"net.py"} | imported]
    for name in unused:
        (here / name).write_text("width = 4\n")
        assert source_digest("python/net:make") == seen[-1]


def test_an_import_across_the_path_counts(here: Path) -> None:
    write(here, {"net.py": "import helper\n"})
    write(here.parent / "lib", {"helper.py": ""})
    assert names("python/net:make", here.parent) == {"work/net.py", "lib/helper.py"}


def test_of_a_package_in_the_working_directory_all_modules_count(here: Path) -> None:
    write(here, {"mine/__init__.py": "", "mine/net.py": "import helper\n", "mine/plugin.py": ""})
    write(here, {"helper.py": "", "other.py": ""})
    assert names("python/mine.net:make", here) == {
        "mine/__init__.py",
        "mine/net.py",
        "mine/plugin.py",
        "helper.py",
    }


def test_of_an_installed_package_the_named_module_counts_alone(here: Path) -> None:
    (file,) = source_files("python/timm.models.resnet:resnet18")
    assert file.parts[-3:] == ("timm", "models", "resnet.py")


def test_a_module_that_does_not_exist_has_no_digest(here: Path) -> None:
    assert source_digest("python/no_such_module:f") is None
