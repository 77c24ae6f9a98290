"""Images beside maps on the page, in a real browser: by mouse, keyboard and touch, and on paper."""

from __future__ import annotations

import base64
import dataclasses
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bandprobe.explorer.choose import HELPED, HURT, MEDIAN, RULES
from bandprobe.explorer.tiles import as_text, change_colours, grey, level_colours, strip, webp
from bandprobe.report.context import Results
from bandprobe.report.explorer import NO_MAPS, NOT_ASKED, OFF, explorer_note
from bandprobe.report.page import render_page
from tests.cases import quick_and_slow
from tests.report.browser import launch, opened, show
from tests.report.test_page import HOSTILE

BANDS = ("ultra-low", "low")
CLASSES = ["a cat", "a dog", HOSTILE]


def made_up(rng: np.random.Generator) -> dict[str, Any]:
    """What the page reads: two cells with three and two images of three classes."""
    photos = {
        f"{sample}/1x1": as_text(webp(rng.integers(0, 255, (40, 40, 3)).astype(np.uint8)))
        for sample in range(3)
    }
    cells = {}
    for at, band in enumerate(BANDS):
        rules = (HURT, HELPED, MEDIAN)[: 3 - at]
        maps = rng.normal(size=(3 * len(rules), 7, 7)).astype(np.float32)
        tiles = [
            change_colours(part, 2) if number % 3 == 2 else level_colours(part, -2, 2)
            for number, part in enumerate(maps)
        ]
        cells[f"net/layer3/map/{band}"] = {
            "channel": 5 + at,
            "channels": 16,
            "grid": [7, 7] if at == 0 else [28, 28],
            "shown": [7, 7],
            "step": 1 + at,
            "low": -2.0,
            "high": 2.5,
            "limit": 0.75,
            "maps": as_text(webp(strip(tiles), lossless=True)),
            "parts": as_text(webp(strip([grey(maps[n], -2, 2) for n in range(len(rules))]))),
            "images": [
                {
                    "rule": rule,
                    "sample": number,
                    "photo": f"{number}/1x1",
                    "label": number,
                    "before": [number, 0.5],
                    "after": [0, -0.25],
                    "window": [0, 0, 1, 1] if at == 0 else [0.5, 0.25, 0.5, 0.5],
                }
                for number, rule in enumerate(rules)
            ],
        }
    return {
        "mode": "remove-mean",
        "readouts": ["map"],
        "rules": RULES,
        "classes": CLASSES,
        "photos": photos,
        "cells": cells,
        "megabytes": 2,
        "left_out": ["net/layer1/map"],
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.fixture(scope="module")
def explorer() -> dict[str, Any]:
    return made_up(np.random.default_rng(0))


@pytest.fixture(scope="module")
def file(
    shared: Results, explorer: dict[str, Any], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    page = render_page(shared, "models: {}\n", {"code_digest": "2" * 64}, explorer)
    path.write_text(page, encoding="utf-8")
    return path


def cell(page: Page, layer: str, band: int, table: int = 1) -> Any:
    """A cell of the heat maps of the map readout, of the network."""
    show(page, "#used-view")
    row = page.locator("#used-view table.heat").nth(table).locator("tbody tr", has_text=layer)
    return row.locator("[role=gridcell]").nth(band)


def pictures(page: Page) -> list[str]:
    """Addresses of the images that are shown, all of which the browser has decoded."""
    page.wait_for_function(
        "() => [...document.querySelectorAll('#cell img')].every(i => i.complete && i.naturalWidth)"
    )
    found: list[str] = page.locator("#cell img").evaluate_all("all => all.map(i => i.src)")
    return found


def test_a_click_shows_the_images_of_a_cell(
    browser: Browser, file: Path, explorer: dict[str, Any]
) -> None:
    own = explorer["cells"]["net/layer3/map/ultra-low"]
    with opened(browser, file) as page:
        assert page.locator("img").count() == 0, "nothing is decoded before it is asked for"
        cell(page, "layer3", 0).click()
        data = [address.partition("base64,")[2] for address in pictures(page)]
        assert data == [explorer["photos"]["0/1x1"], own["parts"], *[own["maps"]] * 3]
        texts = page.locator("#cell img").evaluate_all("all => all.map(i => i.alt)")
        assert texts[0] == "The image: a cat"
        assert all(texts)
        assert len(set(texts)) == 5
        places = page.locator("#cell img.map").evaluate_all(
            "all => all.map(i => i.style.objectPosition)"
        )
        assert places == ["0% 0px", "12.5% 0px", "25% 0px"]
        said = page.locator("#cell .said").inner_text()
        assert "a cat ✓ right, margin +0.500" in said
        assert "margin −0.250" in said
        assert RULES[HURT] in said
        assert "-2.000 (dark) to 2.500 (bright); difference: ±0.750" in said
        assert page.locator("#cell .window").count() == 0
        page.get_by_role("tab", name=HELPED).click()
        assert pictures(page)[0].endswith(explorer["photos"]["1/1x1"])
        said = page.locator("#cell .said").inner_text()
        assert "a dog ✓ right, margin +0.500" in said
        assert "a cat ✗ wrong, margin −0.250" in said
        places = page.locator("#cell img.map").evaluate_all(
            "all => all.map(i => i.style.objectPosition)"
        )
        assert places == ["37.5% 0px", "50% 0px", "62.5% 0px"]


def test_a_tile_shows_its_own_part_of_the_strip(
    browser: Browser, file: Path, explorer: dict[str, Any]
) -> None:
    """Colours on the screen are those of the maps, position by position."""
    own = explorer["cells"]["net/layer3/map/ultra-low"]
    data = base64.b64decode(own["maps"])
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)
    with opened(browser, file) as page:
        cell(page, "layer3", 0).click()
        page.get_by_role("tab", name=HELPED).click()
        pictures(page)
        for place in range(3):
            shot = page.locator("#cell img.map").nth(place).screenshot()
            found = np.asarray(Image.open(io.BytesIO(shot)).convert("RGB")).astype(int)
            step = found.shape[0] / 7
            middle = ((np.arange(7) + 0.5) * step).astype(int)
            tile = expected[:, 7 * (3 + place) : 7 * (4 + place)]
            assert np.abs(found[np.ix_(middle, middle)] - tile).max() <= 3


def test_a_window_of_a_large_map_is_framed_in_the_image(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        cell(page, "layer3", 2).click()
        pictures(page)
        photo = page.locator("#cell .photo").bounding_box()
        frame = page.locator("#cell .window").bounding_box()
        assert photo is not None
        assert frame is not None
        assert frame["x"] == pytest.approx(photo["x"] + photo["width"] / 2, abs=1)
        assert frame["y"] == pytest.approx(photo["y"] + photo["height"] / 4, abs=1)
        assert frame["width"] == pytest.approx(photo["width"] / 2, abs=1)
        assert "each pixel is the mean of 2 × 2; the window is where the map changes most" in (
            page.locator("#cell .said").inner_text()
        )
        # The chosen cell is in view above the box.
        box = page.locator("#cell").bounding_box()
        chosen = page.locator("td.chosen").bounding_box()
        assert box is not None
        assert chosen is not None
        assert chosen["y"] + chosen["height"] <= box["y"]


def test_the_keyboard_reaches_every_image_and_comes_back(browser: Browser, file: Path) -> None:
    label = "document.activeElement.getAttribute('aria-label')"
    with opened(browser, file) as page:
        cell(page, "layer3", 0).focus()
        own = page.evaluate(label)
        page.keyboard.press("Enter")
        tabs = page.get_by_role("tab")
        expect(tabs.nth(0)).to_be_focused()
        assert page.locator("[role=tab][tabindex='0']").count() == 1
        for key, at in (("ArrowRight", 1), ("End", 2), ("ArrowRight", 0), ("ArrowLeft", 2)):
            page.keyboard.press(key)
            expect(tabs.nth(at)).to_be_focused()
            expect(tabs.nth(at)).to_have_attribute("aria-selected", "true")
        assert f"image={MEDIAN}" in page.url
        page.keyboard.press("Escape")
        assert page.locator("#cell").is_hidden()
        assert page.evaluate(label) == own
        assert "cell=" not in page.url
        assert "image=" not in page.url
        # Without leaving the table, too: the arrows go on, the first Escape closes the note.
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        assert page.locator("#cell [role=tab]").count() == 2
        page.keyboard.press("Escape")
        assert page.locator("#cell").is_visible()
        page.keyboard.press("Escape")
        assert page.locator("#cell").is_hidden()


def test_a_rule_is_kept_from_cell_to_cell_as_long_as_there_is_one(
    browser: Browser, file: Path
) -> None:
    with opened(browser, file) as page:
        cell(page, "layer3", 2).click()
        page.get_by_role("tab", name=HELPED).click()
        cell(page, "layer3", 0).click()
        selected = page.locator("[role=tab][aria-selected=true]")
        assert selected.text_content() == HELPED
        page.get_by_role("tab", name=MEDIAN).click()
        cell(page, "layer3", 2).click()
        assert selected.text_content() == HURT


def test_the_address_has_the_image(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        cell(page, "layer3", 0).click()
        assert "image=" not in page.url
        page.get_by_role("tab", name=HELPED).click()
        assert re.search(r"cell=net%2Flayer3%2Fmap%2Fremove-mean%2Fultra-low&image=", page.url)
        told = page.locator("#cell").inner_text()
        page.reload()
        page.wait_for_selector("html[data-ready]", state="attached")
        assert page.locator("[role=tab][aria-selected=true]").text_content() == HELPED
        assert page.locator("#cell").inner_text() == told
        page.get_by_role("button", name="Reset the view").click()
        assert "image=" not in page.url
        page.goto(f"{file.as_uri()}#used&cell=net/layer3/map/remove-mean/ultra-low&image=none")
        page.wait_for_function("() => document.querySelectorAll('[role=tab]').length === 3")
        assert page.locator("[role=tab][aria-selected=true]").text_content() == HURT


def test_where_there_are_no_images_the_box_says_why(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        assert "1 of 2 layers and readouts fit into 2 MB" in (
            page.locator("#explorer-note").inner_text()
        )
        cell(page, "layer1", 0).click()
        assert "later layers fill the 2 MB" in page.locator("#cell").inner_text()
        assert page.locator("#cell img").count() == 0
        page.locator("#mode").select_option("remove")
        cell(page, "layer3", 0).click()
        assert "for the mode remove-mean and the readouts map" in (
            page.locator("#cell").inner_text()
        )


def test_names_of_classes_are_text(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        cell(page, "layer3", 0).click()
        page.get_by_role("tab", name=MEDIAN).click()
        assert HOSTILE in (page.locator("#cell .said").text_content() or "")
        assert page.locator("#cell img").count() == 5


@pytest.mark.parametrize("scheme", quick_and_slow(["light"], ["dark"]))
def test_an_accessibility_checker_finds_no_fault(browser: Browser, file: Path, scheme: str) -> None:
    with opened(browser, file, bypass_csp=True, color_scheme=scheme) as page:
        chosen = cell(page, "layer3", 0)
        closed = Axe().run(page, context="#used")
        chosen.click()
        page.get_by_role("tab", name=HELPED).click()
        pictures(page)
        found = Axe().run(page, context="#used")
    for one in (closed, found):
        assert [fault["id"] for fault in one.response["violations"]] == []


def test_a_phone_shows_the_images_and_the_cell(
    browser: Browser, file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with opened(browser, file, viewport={"width": 390, "height": 844}, has_touch=True) as page:
        cell(page, "layer3", 2).tap()
        pictures(page)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        boxes = [page.locator("#cell img").nth(at).bounding_box() for at in range(5)]
        assert all(box is not None and 80 < box["width"] < 130 for box in boxes)
        page.get_by_role("tab", name=HELPED).tap()
        assert page.locator("[role=tab][aria-selected=true]").text_content() == HELPED
        path = tmp_path_factory.getbasetemp() / "screenshots" / "explorer-phone.png"
        page.screenshot(path=path)


def test_paper_shows_the_chosen_images(browser: Browser, file: Path) -> None:
    with opened(browser, file, color_scheme="dark") as page:
        cell(page, "layer3", 0).click()
        pictures(page)
        page.emulate_media(media="print")
        assert page.locator("#cell img").first.is_visible()
        adjust = "getComputedStyle(document.querySelector('#cell img')).printColorAdjust"
        assert page.evaluate(adjust) == "exact"
        assert len(page.pdf(format="A4")) > 50_000


def test_a_page_without_images_has_none_and_says_how_to_get_them(
    browser: Browser, results: Results, tmp_path: Path
) -> None:
    config = {**results.config, "datasets": {results.dataset: {"kind": "imagefolder"}}}
    own = dataclasses.replace(results, config=config)
    path = tmp_path / "report.html"
    path.write_text(render_page(own, "", {"code_digest": "2" * 64}), encoding="utf-8")
    text = path.read_text(encoding="utf-8")
    assert 'id="explorer"' not in text
    assert "base64,UklGR" not in text
    with opened(browser, path) as page:
        assert "report: {images: true}" in page.locator("#explorer-note").inner_text()
        cell(page, "layer3", 0).click()
        assert page.locator("#cell img, #cell [role=tab]").count() == 0
        assert page.locator("#cell").is_visible()


def test_the_note_says_why_there_are_none(results: Results) -> None:
    def note(spec: dict[str, Any], **report: Any) -> str:
        config = {**results.config, "datasets": {results.dataset: spec}, "report": report}
        return explorer_note(dataclasses.replace(results, config=config), None)

    assert note({"kind": "imagefolder"}) == NOT_ASKED
    assert note({"kind": "photos", "root": "mine"}) == NOT_ASKED
    assert note({"kind": "imagefolder"}, images=False) == OFF
    assert note({"kind": "photos", "asset": "photos"}, images=False) == OFF
    assert note({"kind": "imagefolder"}, images=True) == NO_MAPS
    assert note({"kind": "phantom"}) == NO_MAPS


def test_nothing_in_the_images_ends_their_element(results: Results) -> None:
    found = made_up(np.random.default_rng(1))
    found["classes"] = ["</script><script>alert(1)</script>"]
    page = render_page(results, "", {"code_digest": "2" * 64}, found)
    (text,) = re.findall(
        r'<script type="application/json" id="explorer">(.*?)</script>', page, re.S
    )
    assert json.loads(text) == json.loads(json.dumps(found))
