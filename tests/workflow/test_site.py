"""The site builds without a warning and without a network; two pages name every option and file."""

from __future__ import annotations

import argparse
import re
import runpy
import subprocess
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
import yaml

from bandprobe.cli.main import COMMANDS
from bandprobe.study.paths import Paths
from tests.workflow.conftest import HOME, PYTHON, TinyStudy

USAGE = (HOME / "docs" / "usage.md").read_text()
OUTPUTS = (HOME / "docs" / "outputs.md").read_text()
# What a browser fetches without being asked.
LOADED = {"script": "src", "img": "src", "iframe": "src", "link": "href", "source": "src"}


class Links(HTMLParser):
    """What a page loads, and what it links to."""

    def __init__(self, page: Path) -> None:
        super().__init__()
        self.loaded: list[str] = []
        self.anchors: list[str] = []
        self.feed(page.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        if found.get(LOADED.get(tag, "")):
            self.loaded.append(str(found[LOADED[tag]]))
        if tag == "a" and found.get("href"):
            self.anchors.append(str(found["href"]))


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [PYTHON, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HOME)
    assert done.returncode == 0, done.stderr
    return folder


def test_pages_load_nothing_from_elsewhere(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 80
    for page in pages:
        for link in Links(page).loaded:
            assert not re.match(r"(https?:)?//", link), (page.name, link)
            # The page for what is not found names its files from the top.
            top = site if link.startswith("/") else page.parent
            assert (top / link.partition("?")[0].lstrip("/")).exists(), (page.name, link)
    for sheet in site.rglob("*.css"):
        text = sheet.read_text(encoding="utf-8")
        outside = re.findall(r"(?:url\(|@import\s*)['\"]?\s*((?:https?:)?//[^'\")]*)", text)
        assert not outside, sheet


def test_every_page_is_reached_from_the_menu(site: Path) -> None:
    menu = {link.partition("#")[0] for link in Links(site / "index.html").anchors}
    for page in (HOME / "docs").glob("*.md"):
        if page.name != "index.md":
            assert f"{page.stem}.html" in menu, page.name
    modules = {link.partition("#")[0] for link in Links(site / "api" / "index.html").anchors}
    for path in (HOME / "bandprobe").rglob("*.py"):
        name = ".".join(path.relative_to(HOME).with_suffix("").parts)
        if not name.endswith(("__init__", "__main__")):
            assert f"{name}.html" in modules, name


def test_docstrings_are_on_the_pages(site: Path) -> None:
    text = (site / "api" / "bandprobe.fourier.bands.html").read_text(encoding="utf-8")
    assert "The inner edges, one fewer than names; band b is" in text
    assert "radial_frequency" in text


def options(parser: argparse.ArgumentParser) -> Iterator[str]:
    for action in parser._actions:
        if action.dest != "help":
            yield from action.option_strings or [str(action.metavar or action.dest)]
            yield from map(str, action.choices or ())


def test_usage_names_every_option_of_every_command() -> None:
    scripts = runpy.run_path(str(HOME / "docs" / "generate_usage.py"))
    parsers = scripts["parsers"]()
    shared = USAGE.split("## The command bandprobe\n")[1].split("\n| **")[0]
    assert {f"bandprobe {name}" for name in COMMANDS} < set(parsers)
    for title, parser in parsers.items():
        section = USAGE.split(f"\n| **{title}** |")[1].split("\n| **")[0].split("\n\n")[0]
        runs = "--cores" in list(options(parser))
        for option in options(parser):
            if runs and option in ("--dataset", "--config", "--cores"):
                assert option in shared, "once for all commands that run the workflow"
                continue
            assert option.replace("|", "\\|") in section, (title, option)


def keys(schema: dict[str, object]) -> Iterator[str]:
    for name, inner in (schema.get("properties") or {}).items():  # type: ignore[attr-defined]
        yield name
        yield from keys(inner)


def test_the_page_of_keys_names_every_key_of_the_configuration() -> None:
    schema = yaml.safe_load((HOME / "bandprobe/study/config.schema.yaml").read_text())
    found = set(keys(schema))
    for definition in schema["$defs"].values():
        found |= set(keys(definition))
    page = (HOME / "docs" / "config.md").read_text()
    named = {part for key in re.findall(r"`([\w.]+)`", page) for part in key.split(".")}
    named |= set(re.findall(r"^## (\w+)$", page, re.M))
    assert len(found) > 50
    assert found <= named, found - named


def test_outputs_names_every_path() -> None:
    patterns = [value for name, value in vars(Paths).items() if name.isupper()]
    assert len(patterns) >= 19
    for pattern in patterns:
        assert f"`{pattern}`" in OUTPUTS, pattern


def as_expression(path: str) -> str:
    """A documented path as an expression for files; `...` stands for more folders."""
    text = re.escape(path).replace(r"\.\.\.", ".+")
    return re.sub(r"\\\{\w+\\\}|<\w+>", "[^/]+", text)


def test_every_file_of_a_study_is_named(finished: TinyStudy) -> None:
    tables = re.findall(r"^\| (`.+?) \|", OUTPUTS, flags=re.M)
    paths = [path for cell in tables for path in re.findall(r"`([^`]+)`", cell)]
    named = [as_expression(path) for path in paths if "/" in path and not path.startswith("<")]
    # A store is a folder; what is inside is described with the stores.
    whole = re.compile("|".join(f"(?:{one})" for one in named))
    for file in finished.folder.rglob("*"):
        name = file.relative_to(finished.folder).as_posix()
        if file.is_dir() or name.startswith((".snakemake/", "images/")) or name == "study.yaml":
            continue
        name = re.sub(r"(\.zarr)/.*", r"\1", name.removesuffix(".digest.json"))
        assert whole.fullmatch(name) or name == "run.log", name


def test_figures_are_all_named(finished: TinyStudy) -> None:
    section = OUTPUTS.split("## Figures")[1]
    named = re.compile("|".join(map(as_expression, re.findall(r"`([\w{}]+)(?:\.png)?`", section))))
    figures = list((finished.folder / "results" / "tiny" / "figures").glob("*.png"))
    assert figures
    for figure in figures:
        assert named.fullmatch(figure.stem), figure.stem
