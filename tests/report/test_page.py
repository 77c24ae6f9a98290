"""One file, nothing from outside, nothing that a name could smuggle in."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from bandprobe.errors import StoreError
from bandprobe.report.context import Results
from bandprobe.report.page import inline_json, inline_script
from bandprobe.report.sources import read_results
from bandprobe.workflow.code import files_digest
from benchmarks.synthetic import study_results, write_study
from tests.report.conftest import SHAPE, embedded, page_of

HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> & \" '"


class Elements(HTMLParser):
    """Elements of a page with their attributes, and the texts of its scripts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self._open = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag == "script":
            self._open = True
            self.scripts.append("")

    def handle_data(self, data: str) -> None:
        if self._open:
            self.scripts[-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = False if tag == "script" else self._open


def test_nothing_comes_from_outside(shared: Results) -> None:
    for tag, attributes in Elements(page_of(shared)).found:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            value = attributes.get(name) or ""
            assert not re.match(r"(https?:)?//", value), (tag, name, value)
            assert not (tag in ("script", "img", "iframe", "object") and name in attributes)
    style = re.findall(r"<style>(.*?)</style>", page_of(shared), re.S)[0]
    assert not re.search(r"url\(\s*['\"]?(?!data:)|@import", style)


def test_only_the_pages_own_scripts_may_run(shared: Results) -> None:
    page = page_of(shared)
    elements = Elements(page)
    (policy,) = [
        attributes["content"] or ""
        for tag, attributes in elements.found
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    assert rules["default-src"] == rules["connect-src"] == rules["form-action"] == "'none'"
    assert "unsafe" not in rules["script-src"]
    allowed = set(re.findall(r"'sha256-([^']+)'", rules["script-src"]))
    # The numbers are no script; all other texts are, and each is allowed by what it says.
    kinds = [attributes.get("type") for tag, attributes in elements.found if tag == "script"]
    texts = [t for t, kind in zip(elements.scripts, kinds, strict=True) if kind is None]
    assert set(kinds) == {None, "application/json"}
    hashes = {base64.b64encode(hashlib.sha256(t.encode()).digest()).decode() for t in texts}
    assert hashes == allowed
    assert len(allowed) == 2


def test_hostile_names_stay_texts(results: Results) -> None:
    facts = dataclasses.replace(
        results.facts, class_names=[HOSTILE], digests={HOSTILE: HOSTILE}, weights={"net": HOSTILE}
    )
    config = dict(results.config)
    config["models"]["net"]["architecture"] = HOSTILE
    flags = results.flags.copy()
    flags.loc[0, "flag"] = HOSTILE
    hostile = dataclasses.replace(
        results, dataset=HOSTILE, facts=facts, config=config, flags=flags, figures=[HOSTILE]
    )
    page = page_of(hostile, config_text=HOSTILE)
    plain = Elements(page_of(results))
    found = Elements(page)
    assert [tag for tag, _ in found.found if tag in ("script", "img")] == [
        tag for tag, _ in plain.found if tag in ("script", "img")
    ]
    assert embedded(page)["dataset"] == HOSTILE
    assert "onerror=alert" not in re.sub(
        r"&lt;img src=x onerror=alert|\\u003cimg [^>]*?onerror=alert", "", page
    )


def test_text_in_a_script_element_cannot_end_it() -> None:
    text = 'a = "</script><!-- <SCRIPT>"; b = /<!--/;'
    inlined = inline_script(text)
    assert not re.search(r"<(!--|/?script)", inlined, re.I)
    assert inlined.replace("\\x3c", "<") == text
    assert "<" not in inline_json({"name": HOSTILE})


def test_numbers_that_do_not_exist_cannot_be_embedded() -> None:
    with pytest.raises(ValueError, match="JSON"):
        inline_json(float("nan"))


def test_a_page_is_light(shared: Results) -> None:
    """All but the numbers: words, styles, scripts."""
    page = page_of(shared)
    numbers = sum(len(text) for text in Elements(page).scripts if text.startswith(("{", "[")))
    assert len(page) - numbers < 250_000


def test_an_equal_study_makes_an_equal_page(shared: Results) -> None:
    assert page_of(study_results(SHAPE)) == page_of(shared)


def test_files_are_read_as_they_were_written(shared: Results, tmp_path: Path) -> None:
    write_study(tmp_path, shared)
    found = read_results(
        tmp_path, shared.dataset, ["interventions", "spectra", "probes", "shapley"], shared.figures
    )
    own, other = embedded(page_of(found)), embedded(page_of(shared))
    assert own["targets"] == other["targets"]
    assert own["spectra"] == other["spectra"]
    assert own["shapley"] == other["shapley"]
    assert found.facts.class_names == ["cat", "dog"]
    assert len(found.facts.digests) == 1 + 2
    assert found.facts.weights["net"] == "1" * 64
    assert found.facts.scored["net", "map"]["n_groups"] == 12


def test_a_missing_summary_names_the_next_step(shared: Results, tmp_path: Path) -> None:
    write_study(tmp_path, shared)
    (tmp_path / "summary" / "spectra.nc").unlink()
    with pytest.raises(StoreError, match=r"spectra\.nc"):
        read_results(tmp_path, shared.dataset, ["interventions", "spectra"], [])


def test_a_changed_template_changes_the_digest(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a")
    before = files_digest(tmp_path)
    (tmp_path / "a.css").write_text("b")
    changed = files_digest(tmp_path)
    (tmp_path / "a.css").rename(tmp_path / "b.css")
    assert len({before, changed, files_digest(tmp_path)}) == 3


def test_the_digest_of_one_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    style = tmp_path / "style"
    style.write_text("font.size: 8")
    before = files_digest(style)
    style.write_text("font.size: 9")
    assert files_digest(style) != before
