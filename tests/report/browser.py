"""A real Chromium without a window, and pages in it that may do nothing unseen."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Playwright

from benchmarks import browser as chromium

# Other work on the machine may make any step slow.
PATIENCE = 60_000
# Of Chromium's hints on speed, which consoles hide: a test looked at what is laid out when it comes
# near, or a busy machine was slow. The page itself writes none.
HINT = "verbose: "


def find_browser() -> str:
    """Path of a Chromium; where there is none, the tests say so, and fail where it has to be."""
    found = chromium.browser_path()
    if found:
        return found
    text = (
        "the report is NOT tested: there is no Chromium here. Install one (Debian: apt-get install "
        "chromium; as root `make browser` does), or name its file in BANDPROBE_BROWSER"
    )
    if os.environ.get("CI") or os.geteuid() == 0:
        pytest.fail(text)
    pytest.skip(text)


def launch(playwright: Playwright) -> Browser:
    """The browser."""
    return chromium.launch(playwright, find_browser())


@dataclass
class Seen:
    """What a page did: messages to its console, errors, and requests but that for itself."""

    messages: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)


@contextmanager
def opened(browser: Browser, path: Path, **options: Any) -> Iterator[Page]:
    """A page, which must not have complained or asked for anything when it is closed."""
    context = browser.new_context(**{"viewport": {"width": 1280, "height": 900}} | options)
    context.set_default_timeout(PATIENCE)
    page, seen = context.new_page(), Seen()
    page.on("console", lambda message: seen.messages.append(f"{message.type}: {message.text}"))
    page.on("pageerror", lambda error: seen.messages.append(f"error: {error}"))
    page.on("dialog", lambda dialog: seen.messages.append(f"dialog: {dialog.message}"))
    context.on("request", lambda request: seen.requests.append(request.url))
    try:
        page.goto(path.as_uri())
        if options.get("java_script_enabled", True):
            page.wait_for_selector("html[data-ready]", state="attached")
        yield page
        complaints = [text for text in seen.messages if not text.startswith(HINT)]
        assert not complaints, complaints
        own = (path.as_uri(), "blob:", "data:")
        assert [url for url in seen.requests if not url.startswith(own)] == []
    finally:
        context.close()


def show(page: Page, selector: str) -> None:
    """Scroll to something and wait until it is filled, and all that is in view is drawn."""
    page.locator(selector).first.scroll_into_view_if_needed()
    page.wait_for_function(
        """selector => document.querySelector(selector).textContent !== ''
            && [...document.querySelectorAll('.plot')].every(plot => {
                const own = plot.getBoundingClientRect();
                return plot.dataset.drawn || own.bottom < 0 || own.top > innerHeight;
            })""",
        arg=selector,
    )


def draw_all(page: Page) -> None:
    """Scroll to all that is drawn when it is in view."""
    page.evaluate(
        """async () => {
            let frames = 0;
            const until = async (test) => {
                while (!test()) {
                    if (++frames > 5000) throw new Error('the page is not drawn');
                    await new Promise(requestAnimationFrame);
                }
            };
            for (const view of document.querySelectorAll('.view, #targets-view')) {
                view.scrollIntoView();
                await until(() => view.childElementCount > 0);
            }
            let plot;
            while ((plot = document.querySelector('.plot:not([data-drawn])'))) {
                plot.scrollIntoView();
                await until(() => plot.dataset.drawn);
            }
        }"""
    )
