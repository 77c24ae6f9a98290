"""The picture of the rooms shows the package's imports; pages on the code name what is there."""

import ast
import re
import runpy
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest

HOME = Path(__file__).parents[2]
PACKAGE = HOME / "bandprobe"
SVG = "{http://www.w3.org/2000/svg}"
ROOMS = {path.parent.name for path in PACKAGE.glob("*/__init__.py")} | {"errors"}
PAGES = ["CONTRIBUTING.md", "docs/changing.md", "docs/dependencies.md", "docs/method.md"]


@pytest.fixture(scope="module")
def picture() -> ElementTree.Element:
    return ElementTree.fromstring(runpy.run_path(str(HOME / "docs/draw_rooms.py"))["draw_rooms"]())


@pytest.fixture(scope="module")
def arrows(picture: ElementTree.Element) -> set[tuple[str, str]]:
    paths = picture.findall(f"{SVG}path[@class='arrow']")
    return {(path.attrib["data-from"], path.attrib["data-to"]) for path in paths}


@pytest.fixture(scope="module")
def heights(picture: ElementTree.Element) -> dict[str, float]:
    boxes = picture.findall(f"{SVG}g[@class='room']")
    assert all(box.findtext(f"{SVG}text") == box.attrib["id"] for box in boxes)
    return {box.attrib["id"]: float(box.attrib["data-y"]) for box in boxes}


def imports() -> set[tuple[str, str]]:
    """Pairs of rooms of which the first imports the second, as their files say."""
    found = set()
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).with_suffix("").parts[0]
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("bandprobe."):
                found.add((room, str(node.module).split(".")[1]))
    return {(one, other) for one, other in found if one != other}


def test_every_room_is_in_the_picture(heights: dict[str, float]) -> None:
    assert set(heights) >= ROOMS
    assert len(ROOMS) > 15


def test_every_arrow_points_to_a_lower_layer(
    arrows: set[tuple[str, str]], heights: dict[str, float]
) -> None:
    contract = tomllib.loads((HOME / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = contract["contracts"][0]["layers"]
    level = {room.strip(): at for at, layer in enumerate(layers) for room in layer.split("|")}
    assert arrows
    for one, other in arrows:
        assert level[one] < level[other], (one, other)
        assert heights[one] < heights[other], (one, other)


def test_arrows_are_the_imports_but_for_shortcuts(arrows: set[tuple[str, str]]) -> None:
    found = imports()
    assert arrows <= found
    reached = set(arrows)
    while more := {(a, d) for a, b in reached for c, d in arrows if b == c} - reached:
        reached |= more
    assert found <= reached


def test_contributing_names_every_room_and_nothing_else() -> None:
    text = (HOME / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text.split("| room | charter |")[1].split("\n\n")[0]
    assert set(re.findall(r"^\| `(\w+)` \|", table, flags=re.M)) == ROOMS


@pytest.mark.parametrize("page", PAGES)
def test_files_that_pages_name_exist(page: str) -> None:
    text = (HOME / page).read_text(encoding="utf-8")
    paths = re.findall(r"`((?:bandprobe|docs|rules|tests|workflow|configs)/[\w./-]*)`", text)
    assert paths
    for path in paths:
        assert (HOME / path).exists(), path


def test_names_on_the_page_of_changes_are_in_the_files_named() -> None:
    text = (HOME / "docs/changing.md").read_text(encoding="utf-8")
    before = r"`(\w+)`(?: and `\w+`)?(?: of [\w ]+)? (?:in|of) `(bandprobe/[\w/]+\.py)`"
    named = re.findall(before, text)
    named += [
        (name, path)
        for path, inside in re.findall(r"`(bandprobe/[\w/]+\.py)` (?:alone )?\(([^)]*)\)", text)
        for name in re.findall(r"`(?:\w+\.)?(\w+)`", inside)
    ]
    assert len(named) > 10
    for name, path in named:
        assert re.search(rf"\b{name}\b", (HOME / path).read_text(encoding="utf-8")), (name, path)
