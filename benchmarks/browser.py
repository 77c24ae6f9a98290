"""Seconds until a page shows something, in a Chromium without a window, its processor slowed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from statistics import median

from playwright.sync_api import Browser, Playwright, ViewportSize, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WINDOW: ViewportSize = {"width": 1280, "height": 900}
# What a page shows first: where its address leads, and what is looked for.
SHOWN: Mapping[str, tuple[str, str]] = {
    "answer": ("", "table.strip td"),
    "heat map": ("#spectra", "#spectra-view table.heat td"),
    "plot": ("#available", "#available-view .plot svg"),
}
# Looks for an element at every frame; two frames after it is there, it has been painted.
WATCH = """
selector => {
  const found = () => document.querySelector(selector) && requestAnimationFrame(() =>
    requestAnimationFrame(() => { window.shownAfter = performance.now(); }));
  const look = () => { if (!found()) requestAnimationFrame(look); };
  requestAnimationFrame(look);
}
"""
PATIENCE = 120_000


def browser_path() -> str | None:
    """Path of a Chromium, or None; BANDPROBE_BROWSER comes first."""
    return os.environ.get("BANDPROBE_BROWSER") or next(filter(None, map(shutil.which, NAMES)), None)


def launch(playwright: Playwright, path: str) -> Browser:
    """The browser; root has no sandbox."""
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    return playwright.chromium.launch(executable_path=path, args=options)


def seconds_until_shown(page: Path, slowed: float, repeats: int = 3) -> dict[str, float] | None:
    """Median seconds from opening a report until each part of `SHOWN` is on the screen.

    Parameters
    ----------
    page : Path
    slowed : float
        How many times slower the processor is made.
    repeats : int

    Returns
    -------
    dict or None
        None where there is no Chromium.
    """
    path = browser_path()
    if path is None:
        return None
    with sync_playwright() as playwright:
        browser = launch(playwright, path)
        found = {
            name: median(_opened(browser, page, *where, slowed) for _ in range(repeats))
            for name, where in SHOWN.items()
        }
        browser.close()
    return found


def _opened(browser: Browser, file: Path, section: str, selector: str, slowed: float) -> float:
    """Seconds of one opening, in a window of its own."""
    context = browser.new_context(viewport=WINDOW)
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    page.add_init_script(f"({WATCH})({selector!r})")
    session = context.new_cdp_session(page)
    session.send("Emulation.setCPUThrottlingRate", {"rate": slowed})
    page.goto(file.resolve().as_uri() + section)
    page.wait_for_function("() => window.shownAfter !== undefined")
    seconds = float(page.evaluate("() => window.shownAfter")) / 1000
    context.close()
    return seconds
