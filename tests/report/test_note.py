"""A sentence of the configuration at the top of the page."""

from __future__ import annotations

import dataclasses

from bandprobe.report.context import Results
from tests.report.conftest import page_of


def test_a_note_is_above_all_else(results: Results) -> None:
    noted = dataclasses.replace(results, config={**results.config, "note": "A <b>demo</b>."})
    page = page_of(noted)
    note = '<p class="notice" id="note">A &lt;b&gt;demo&lt;/b&gt;.</p>'
    assert page.count(note) == 1
    assert page.index("<h1>") < page.index(note) < page.index("<main")


def test_without_one_there_is_none(results: Results) -> None:
    assert 'id="note"' not in page_of(results)
