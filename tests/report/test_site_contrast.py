"""The pages of the site in a real browser: what is written on them can be read."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, sync_playwright

from tests.report.browser import PATIENCE, launch

HOME = Path(__file__).resolve().parents[2]
# Prose and pictures, tables of options, code, and a page made from docstrings.
PAGES = ("index", "usage", "own-data", "api/bandprobe.fourier.bands")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=HOME)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_checker_finds_enough_contrast(browser: Browser, site: Path, scheme: str) -> None:
    context = browser.new_context(
        viewport={"width": 1280, "height": 900},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    context.set_default_timeout(PATIENCE)
    faults = []
    backgrounds = set()
    for name in PAGES:
        page = context.new_page()
        page.goto((site / f"{name}.html").as_uri())
        backgrounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        found = Axe().run(page, options={"runOnly": ["color-contrast"]})
        faults += [
            (name, node["html"][:120], node["any"][0]["message"][:160])
            for one in found.response["violations"]
            for node in one["nodes"][:3]
        ]
        page.close()
    context.close()
    assert faults == []
    assert len(backgrounds) == 1
    assert (backgrounds == {"rgb(255, 255, 255)"}) == (scheme == "light")
