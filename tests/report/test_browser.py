"""The page in a real browser: what is drawn, what each control changes, for whom it is readable."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect, sync_playwright

from bandprobe.report.context import Results
from bandprobe.report.findings import AXES, cell_table
from bandprobe.report.payload import SPECTRA
from bandprobe.scoring.flags import NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import EFFECTS
from tests.cases import quick_and_slow
from tests.report.browser import draw_all, launch, opened, show
from tests.report.conftest import page_of
from tests.report.test_page import HOSTILE

ENDS = ("", "_low", "_high")
# Cells of the heat maps as the page shows them.
CELLS = """(view) => [...document.querySelectorAll(`#${view} table.heat`)].flatMap(table =>
  [...table.querySelectorAll('tbody tr')].map(line => ({
    model: table.caption.textContent.split(':')[0], layer: line.querySelector('th').textContent,
    cells: [...line.querySelectorAll('[role=gridcell]')].map(cell =>
      ({kind: cell.classList[0], text: cell.textContent, about: cell.getAttribute('aria-label')})),
  })))"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = launch(playwright)
        yield found
        found.close()


@pytest.fixture(scope="module")
def file(shared: Results, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(page_of(shared), encoding="utf-8")
    return path


@pytest.fixture
def page(browser: Browser, file: Path) -> Iterator[Page]:
    with opened(browser, file) as found:
        yield found


def choose(page: Page, **choices: str) -> None:
    for name, value in choices.items():
        page.locator(f"#{name.replace('_', '-')}").select_option(value)


def shown(value: float) -> str:
    """As heat maps write numbers."""
    return "0" if abs(value) < 0.005 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"


def check_heat(page: Page, results: Results, readout: str, mode: str, metric: str) -> set[str]:
    """Compare every cell with the summary; return the kinds of cells that occur."""
    kinds = set()
    for row in page.evaluate(CELLS, "used-view"):
        for band, cell in zip(results.interventions["band"].to_numpy(), row["cells"], strict=True):
            where = {"model": row["model"], "layer": row["layer"], "readout": readout}
            found = results.interventions.sel(where | {"mode": mode, "band": band})
            value, low, high = (float(found[f"{metric}{end}"]) for end in ("", "_low", "_high"))
            if np.isnan(value):
                assert (cell["kind"], cell["text"]) == ("absent", "N/A")
            elif float(found["structural"]) == 1:
                assert (cell["kind"], cell["text"]) == ("forced", "forced")
                assert "not a finding" in cell["about"]
            else:
                includes = low <= 0 <= high
                assert cell["text"] == (f"({shown(value)})" if includes else shown(value))
                assert ("the interval includes zero" in cell["about"]) == includes
            kinds.add(cell["kind"])
    return kinds


def test_nothing_is_drawn_before_it_is_in_view(page: Page) -> None:
    assert page.locator(".plot svg, table.targets").count() == 0
    show(page, "#controls-view")
    show(page, "#controls-view .plot")
    drawn = page.locator(".plot[data-drawn]").count()
    assert drawn > 0
    assert page.locator("#available-view .plot").count() == 0
    draw_all(page)
    assert page.locator(".plot[data-drawn]").count() > drawn
    assert page.locator("table.targets").count() == 1


def test_readouts_are_side_by_side_at_first(page: Page, shared: Results) -> None:
    show(page, "#used-view")
    assert page.locator("#mode").input_value() == "remove-mean"
    captions = page.locator("#used-view caption").all_text_contents()
    assert captions == [
        f"{model}: remove-mean, {readout} readout"
        for readout in ("map", "energy", "refit")
        for model in ("pixels", "net")
    ]
    notes = page.locator("#used-view .sees").all_text_contents()
    assert [note.split(":")[0] for note in notes] == ["map", "pooled", "energy", "refit"]
    assert "sees DC only" in notes[1]
    assert "fixed by construction or missing: choose it" in notes[1]
    choose(page, readout="pooled")
    assert page.locator("#used-view td.forced").count() > 0


def test_a_scale_shows_the_range_that_is_used(page: Page, shared: Results) -> None:
    show(page, "#used-view")
    choose(page, readout="map")
    part = shared.interventions.sel(readout="map", mode="remove-mean")
    drops = part["top1_drop"].where(part["structural"] == 0)
    text = page.locator("#heat-legend").text_content() or ""
    low, high = min(0.0, float(drops.min())), float(drops.max())
    assert f"{low:.3f}" in text or (low == 0 and ": 0 " in text)
    assert f"{high:.3f}" in text


def test_the_address_has_the_view(browser: Browser, file: Path) -> None:
    with opened(browser, file) as page:
        show(page, "#used-view")
        assert "#" not in page.url
        reset = page.get_by_role("button", name="Reset the view")
        assert reset.is_hidden(), "there is nothing to reset"
        choose(page, readout="energy", mode="isolate-mean", metric="rank_degradation")
        page.get_by_role("checkbox", name="pixels").uncheck()
        page.locator("#used-view td.value").first.click()
        told = page.locator("#cell").text_content()
        page.get_by_role("link", name="Used and available").click()
        page.wait_for_function("() => location.hash.startsWith('#available&')")
        address = page.url
        for part in (
            "readout=energy",
            "mode=isolate-mean",
            "metric=rank_degradation",
            "models=net",
        ):
            assert part in address
        assert "cell=net%2Flayer1%2Fenergy%2Fisolate-mean%2F" in address
        page.reload()
        page.wait_for_selector("html[data-ready]", state="attached")
        assert [
            page.locator(f"#{name}").input_value() for name in ("readout", "mode", "metric")
        ] == [
            "energy",
            "isolate-mean",
            "rank_degradation",
        ]
        assert not page.get_by_role("checkbox", name="pixels").is_checked()
        assert page.locator("#cell").text_content() == told
        assert page.locator("td.chosen").count() == 1
        reset.click()
        assert page.url == f"{file.as_uri()}#available"
        assert reset.is_hidden()
        assert page.evaluate("document.activeElement.closest('nav') !== null")
        assert page.locator("#readout").input_value() == ""
        assert page.get_by_role("checkbox", name="pixels").is_checked()
        assert page.locator("#cell").is_hidden()
        # What is no view of this study changes nothing.
        page.goto(f"{file.as_uri()}#used&readout=none&cell=a/b/c/d/e&models=")
        page.wait_for_function("() => document.querySelector('#models :checked') === null")
        assert page.locator("#readout").input_value() == ""


@pytest.mark.parametrize("section", quick_and_slow(["available"], ["spectra", "used"]))
def test_a_section_that_the_page_is_opened_at_comes_first(
    browser: Browser, file: Path, section: str
) -> None:
    """It is drawn while the others are hidden; they appear, and it stays in its place."""
    watch = f"""
        new MutationObserver(() => {{
            const alone = document.documentElement.dataset.first;
            if (alone && document.querySelector('#{section}-view')?.childElementCount) {{
                window.alone ??= document.querySelector('#answer').checkVisibility() ? 'no' : alone;
            }}
        }}).observe(document, {{childList: true, subtree: true}});"""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.add_init_script(watch)
    page.goto(f"{file.as_uri()}#{section}")
    page.wait_for_function("() => !('first' in document.documentElement.dataset)")
    assert page.evaluate("window.alone") == section
    for name in ("answer", "spectra", "used", "available", "glossary"):
        assert page.evaluate(f"document.getElementById('{name}').checkVisibility()")
    page.evaluate("() => new Promise(done => setTimeout(done, 300))")
    top = page.evaluate(f"document.getElementById('{section}').getBoundingClientRect().top")
    assert 0 <= top < 120
    context.close()


def test_an_error_hides_no_section(browser: Browser, file: Path, tmp_path: Path) -> None:
    broken = tmp_path / "report.html"
    text = file.read_text(encoding="utf-8")
    broken.write_text(text.replace('id="data">{', 'id="data">{{'), encoding="utf-8")
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{broken.as_uri()}#available")
    assert page.evaluate("document.getElementById('answer').checkVisibility()")
    context.close()


def test_contents_stay_in_view(page: Page) -> None:
    draw_all(page)
    page.evaluate("scrollTo(0, 4000)")
    box = page.get_by_label("Sections").bounding_box()
    assert box is not None
    assert abs(box["y"]) <= 1
    page.get_by_role("link", name="Largest effects").click()
    heading = page.locator("#effects-title").bounding_box()
    assert heading is not None
    assert box["height"] <= heading["y"] < 300


def test_the_effects_sort_by_their_headings(page: Page, shared: Results) -> None:
    cells = page.locator("#effects-table tbody td:nth-child(6)")
    before = [float(text) for text in cells.all_text_contents()]
    assert len(before) > 20
    heading = page.locator("#effects-table thead th", has_text="drop").first
    heading.get_by_role("button").click()
    expect(heading).to_have_attribute("aria-sort", "ascending")
    assert [float(text) for text in cells.all_text_contents()] == sorted(before)
    page.locator("#effects-table thead th", has_text="layer").get_by_role("button").click()
    assert heading.get_attribute("aria-sort") is None
    layers = page.locator("#effects-table tbody td:nth-child(2)").all_text_contents()
    assert layers == sorted(layers)


def test_the_answer_comes_first(page: Page, shared: Results) -> None:
    """On the first screen, without a script: what each network holds and uses."""
    first = page.locator("main section").first
    assert first.get_attribute("id") == "answer"
    titles = page.locator(".answer h3").all_text_contents()
    assert titles == ["pixels", "net"]
    for card in page.locator(".answer").all():
        box = card.locator("p").last.bounding_box()
        assert box is not None
        assert box["y"] + box["height"] < 900
    row = page.locator(".answer").nth(1).locator("table").first.locator("tbody tr").nth(1)
    share = shared.spectra["share_without_dc"].sel(model="net", layer="layer2").to_numpy()
    bins = shared.spectra["bins_without_dc"].sel(model="net", layer="layer2").to_numpy()
    expected = [
        f"{value:.2f}".replace("0.", ".") if count else ""
        for value, count in zip(share, bins, strict=True)
    ]
    assert row.locator("td").all_text_contents() == expected


def test_a_study_at_chance_has_a_banner_and_no_colour(
    browser: Browser, results: Results, tmp_path: Path
) -> None:
    rows = cell_table(results.interventions)
    flags = rows[list(AXES)].assign(dataset=results.dataset, flag=NO_BETTER_THAN_CHANCE, meaning="")
    path = tmp_path / "report.html"
    path.write_text(page_of(dataclasses.replace(results, flags=flags)), encoding="utf-8")
    with opened(browser, path) as page:
        assert "Nothing here is better than chance" in page.locator("#answer").inner_text()
        assert page.locator("#answer td.up").count() == 0
        assert page.locator("#answer td.chance").count() > 10
        show(page, "#used-view")
        assert page.locator("#used-view td.chance").count() > 10
        looks = "getComputedStyle(document.querySelector('#used-view td.chance')).backgroundImage"
        assert "gradient" in page.evaluate(looks)
    with opened(browser, path, java_script_enabled=False) as page:
        assert "Nothing here is better than chance" in page.locator("#answer").inner_text()


def test_heat_maps_show_the_summary_whatever_is_chosen(page: Page, shared: Results) -> None:
    show(page, "#used-view")
    kinds = set()
    for readout, mode, metric in (
        ("map", "remove", "top1_drop"),
        ("pooled", "isolate-mean", "rank_degradation"),
        ("pooled", "lowpass", "top1_drop"),
        ("refit", "remove-mean", "margin_drop"),
        ("energy", "perturb", "top5_drop"),
    ):
        choose(page, readout=readout, mode=mode, metric=metric)
        caption = page.locator("#used-view caption").first.text_content()
        assert caption == f"pixels: {mode}, {readout} readout"
        assert EFFECTS[metric].label in (page.locator("#heat-legend").text_content() or "")
        kinds |= check_heat(page, shared, readout, mode, metric)
    assert kinds == {"value", "forced", "absent"}


def test_forced_and_missing_cells_look_like_neither_zero_nor_each_other(page: Page) -> None:
    show(page, "#used-view")
    choose(page, readout="pooled", mode="perturb")
    looks = page.evaluate(
        """() => ['value', 'forced', 'absent'].map(kind => {
            const style = getComputedStyle(document.querySelector(`#used-view td.${kind}`));
            return style.backgroundImage + style.backgroundColor; })"""
    )
    assert len(set(looks)) == 3
    assert looks[0].startswith("none")
    assert "gradient" in looks[1]
    assert "gradient" in looks[2]


def test_forced_values_are_marked_in_plots_too(page: Page) -> None:
    show(page, "#used-view")
    choose(page, readout="pooled", mode="isolate-mean")
    show(page, "#controls-view")
    show(page, "#controls-view .plot")
    first = page.locator("#controls-view .plot").first.locator("[data-series='0'] .mark")
    assert first.count() == first.and_(page.locator(".forced")).count() > 0
    page.locator("#controls-view summary").first.click()
    assert ", forced" in (page.locator("#controls-view .card table").first.text_content() or "")
    choose(page, readout="map")
    show(page, "#controls-view")
    show(page, "#controls-view .plot")
    assert first.count() > first.and_(page.locator(".forced")).count() == 0


def test_a_mode_without_numbers_cannot_be_chosen(page: Page) -> None:
    show(page, "#used-view")
    choose(page, mode="noise")
    choose(page, readout="refit")
    enabled = "[...document.querySelectorAll('#mode option:not(:disabled)')].map(o => o.value)"
    assert page.evaluate(enabled) == ["remove-mean", "isolate-mean"]
    assert page.locator("#mode").input_value() == "remove-mean"


def test_models_change_every_section(page: Page) -> None:
    choose(page, readout="map")
    draw_all(page)
    views = ("spectra", "used", "controls", "shapley", "available")
    count = (
        "view => document.querySelectorAll(`#${view}-view table.heat, #${view}-view .card`).length"
    )
    before = [page.evaluate(count, view) for view in views]
    page.get_by_role("checkbox", name="net").uncheck()
    after = [page.evaluate(count, view) for view in views]
    assert before == [2, 2, 4, 2, 4]
    assert after == [1, 1, 1, 1, 1]
    page.get_by_role("checkbox", name="pixels").uncheck()
    assert "No model is chosen" in (page.locator("#spectra-view").text_content() or "")


def test_pointing_at_a_cell_shows_its_numbers(page: Page, shared: Results) -> None:
    show(page, "#used-view")
    page.locator("#used-view td.value").first.hover()
    tip = page.locator("#tip")
    cell = shared.interventions.sel(
        model="pixels", layer="input", readout="map", mode="remove-mean", band="ultra-low"
    )
    text = tip.text_content() or ""
    assert tip.is_visible()
    assert f"{float(cell['top1_drop']):.3f} ({float(cell['top1_drop_low']):.3f} to" in text
    assert "random, equal bins" in text
    page.mouse.move(2, 2)
    assert tip.is_hidden()


def test_pointing_at_a_plot_shows_the_nearest_numbers(page: Page, shared: Results) -> None:
    show(page, "#controls-view")
    show(page, "#controls-view .plot")
    plot = page.locator("#controls-view .plot").first
    mark = plot.locator("[data-series='0'] .mark").first
    mark.hover(force=True)
    cell = shared.interventions.sel(
        model="pixels", layer="input", readout="map", mode="remove-mean", band="ultra-low"
    )
    tip = page.locator("#tip")
    ends = "{:.3f} ({:.3f} to {:.3f})".format(*(float(cell[f"top1_drop{e}"]) for e in ENDS))
    assert tip.text_content() == f"ultra-low, the band\n{ends}"
    # A series that is hidden is not found.
    item = page.locator("#controls-view .series-legend button").first
    item.click()
    assert item.get_attribute("aria-pressed") == "false"
    assert mark.is_hidden()
    box = plot.locator("[data-series='1'] .mark").first.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    assert "ultra-low, random, equal bins" in (tip.text_content() or "")
    page.mouse.move(2, 2)
    assert tip.is_hidden()


def test_points_lie_where_their_numbers_are(page: Page, shared: Results) -> None:
    """Heights of markers against the axis, whose grid lines say what they are."""
    show(page, "#controls-view")
    show(page, "#controls-view .plot")
    at = page.evaluate(
        """() => { const plot = document.querySelector('#controls-view .plot');
            const middle = (element) => { const box = element.getBoundingClientRect();
                return box.top + box.height / 2; };
            const ticks = [...plot.querySelectorAll('text[text-anchor=end]:not([transform])')];
            return [ticks.map(text => [Number(text.textContent), middle(text.previousSibling)]),
                [...plot.querySelectorAll("[data-series='0'] .mark-0")].map(middle)]; }"""
    )
    ticks, marks = np.array(at[0]), np.array(at[1])
    slope, start = np.polyfit(ticks[:, 1], ticks[:, 0], 1)
    where = {"model": "pixels", "layer": "input", "readout": "map", "mode": "remove-mean"}
    drops = shared.interventions["top1_drop"].sel(where).dropna("band").to_numpy()
    np.testing.assert_allclose(start + slope * marks, drops, atol=0.004)


def test_the_keyboard_reaches_every_cell(page: Page) -> None:
    show(page, "#used-view")
    choose(page, readout="map")
    table = page.locator("#used-view table.heat").nth(1)
    assert table.locator("[tabindex='0']").count() == 1
    table.locator("[tabindex='0']").focus()
    for key in (
        "ArrowDown",
        "ArrowRight",
        "ArrowRight",
        "ArrowUp",
        "ArrowDown",
        "End",
        "ArrowLeft",
    ):
        page.keyboard.press(key)
    label = page.evaluate("document.activeElement.getAttribute('aria-label')")
    assert label.startswith("net, layer2, very-high")
    assert page.locator("#tip").is_visible()
    panel = page.locator("#cell")
    assert panel.get_attribute("aria-live") == "polite"
    assert "net / layer2 / map / remove-mean / very-high" in (panel.text_content() or "")
    links = panel.locator("a").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    assert links == [
        "figures/top1_drop_map.svg",
        "targets/net/layer2/map/remove-mean/very-high.json",
    ]
    # The box is in view wherever the table is, and closes.
    assert panel.evaluate("box => box.getBoundingClientRect().bottom <= innerHeight")
    page.keyboard.press("Escape")
    assert page.locator("#tip").is_hidden()
    panel.get_by_role("button", name="Close").click()
    assert panel.is_hidden()
    assert "cell=" not in page.url
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == label
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('#used-view table.heat tbody')") is None


def test_what_is_chosen_is_said(page: Page) -> None:
    said = "word => document.getElementById('status').textContent.includes(word)"
    assert page.locator("#status").get_attribute("aria-live") == "polite"
    show(page, "#used-view")
    choose(page, mode="perturb")
    page.wait_for_function(said, arg="perturb, all readouts")
    page.get_by_role("checkbox", name="net").uncheck()
    page.wait_for_function(said, arg="models: pixels")
    show(page, "#spectra-view")
    choose(page, spectra_quantity="bands:share_without_dc")
    page.wait_for_function(said, arg="without DC")


def test_spectra_follow_their_control(page: Page, shared: Results) -> None:
    show(page, "#spectra-view")
    for name in SPECTRA:
        choose(page, spectra_quantity=f"bands:{name}")
        rows = page.evaluate(CELLS, "spectra-view")
        (row,) = [row for row in rows if (row["model"], row["layer"]) == ("net", "layer3")]
        own = shared.spectra.sel(model="net", layer="layer3")
        empty = own["bins_without_dc" if name.endswith("without_dc") else "bins"].to_numpy() == 0
        expected = [
            "N/A" if no else shown(v) for no, v in zip(empty, own[name].to_numpy(), strict=True)
        ]
        assert [cell["text"] for cell in row["cells"]] == expected
    assert "N/A" in expected
    for name, cards in (
        ("curves:profile", 2),
        ("curves:delta_log_amplitude", 2),
        ("centroids:centroid", 1),
    ):
        choose(page, spectra_quantity=name)
        show(page, "#spectra-view .card")
        assert page.locator("#spectra-view .card").count() == cards
        assert page.locator("#spectra-view .plot svg").count() >= 1
        assert page.locator("#spectra-view table.heat").count() == 0
    page.locator("#spectra-view summary").click()
    text = page.locator("#spectra-view details table").text_content() or ""
    value = float(shared.spectra["centroid"].sel(model="net", layer="layer2"))
    assert f"{value:.3f}" in text


def test_used_against_available_follows_its_control(page: Page, shared: Results) -> None:
    show(page, "#available-view")
    for mode in ("remove-mean", "isolate-mean"):
        choose(page, available_mode=mode)
        show(page, "#available-view .card")
        page.locator("#available-view summary").nth(2).click()
        text = page.locator("#available-view .card").nth(2).locator("table").text_content() or ""
        for readout in ("map", "refit"):
            cell = shared.interventions.sel(
                model="net", layer="layer2", readout=readout, mode=mode, band="ultra-low"
            )
            assert f"{float(cell['top1']):.3f}" in text
    offered = page.locator("#available-mode option").evaluate_all("all => all.map(o => o.value)")
    assert offered == ["remove-mean", "isolate-mean"]


def test_shapley_values_follow_their_controls(page: Page, shared: Results) -> None:
    assert shared.shapley is not None
    show(page, "#shapley-view")
    for readout, score in (("map", "accuracy"), ("pooled", "margin")):
        choose(page, shapley_readout=readout, shapley_score=score)
        for row in page.evaluate(CELLS, "shapley-view"):
            one = shared.shapley.sel(model=row["model"], layer=row["layer"], readout=readout)
            for cell, value, bins, forced in zip(
                row["cells"],
                one[score].to_numpy(),
                one["bins"].to_numpy(),
                one["structural"].to_numpy(),
                strict=True,
            ):
                kind = "absent" if bins == 0 else "forced" if forced else "value"
                assert cell["kind"] == kind
                if kind == "value":
                    assert cell["text"].strip("()") == shown(value)


def test_the_table_sorts_filters_and_searches(page: Page, shared: Results) -> None:
    show(page, "#targets-view")
    table = cell_table(shared.interventions)
    info = page.locator("#targets-view .info")
    assert info.text_content() == f"1 to 25 of {len(table)} targets"
    page.get_by_role("button", name="Next").click()
    assert info.text_content() == f"26 to 50 of {len(table)} targets"
    page.get_by_role("button", name="Previous").click()
    assert page.get_by_role("button", name="Previous").is_disabled()
    heading = page.locator("#targets-view thead th", has_text="top-1 drop").first
    heading.get_by_role("button").focus()
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "ascending")
    page.keyboard.press("Enter")
    expect(heading).to_have_attribute("aria-sort", "descending")
    first = page.locator("#targets-view tbody tr").first.locator("td").all_text_contents()
    assert f"{table['top1_drop'].max():.3f}" in first
    choose(page, filter_readout="map", filter_mode="remove", filter_model="net")
    assert info.text_content() == "1 to 21 of 21 targets"
    choose(page, filter_state="N/A")
    rows = page.locator("#targets-view tbody tr")
    assert rows.count() == int((shared.interventions["bins"].sel(model="net") == 0).sum())
    choose(
        page,
        filter_state="",
        filter_flag="structural:nothing-left",
        filter_readout="",
        filter_mode="",
    )
    assert "forced" in (rows.first.text_content() or "")
    choose(page, filter_flag="")
    page.get_by_label("Search").fill("layer2 noise ultra-high")
    expect(rows).to_have_count(4)
    link = rows.first.locator("a").get_attribute("href")
    assert link == "targets/net/layer2/map/noise/ultra-high.json"


def download(page: Page, button: str) -> pd.DataFrame:
    with page.expect_download() as found:
        page.locator(button).click()
    return pd.read_csv(io.StringIO(Path(found.value.path()).read_text(encoding="utf-8")))


def test_downloads_are_the_summary_to_the_last_digit(page: Page, shared: Results) -> None:
    table = cell_table(shared.interventions)
    show(page, "#download-all")
    everything = download(page, "#download-all")
    pd.testing.assert_frame_equal(
        everything[list(table.columns)], table, check_exact=True, check_dtype=False
    )
    keys = shared.flags.groupby(list(AXES))["flag"].apply(" ".join)
    flagged = everything[everything["flags"].notna()].set_index(list(AXES))["flags"]
    assert flagged.to_dict() == keys.to_dict()
    choose(page, filter_band="mid", filter_readout="energy")
    part = download(page, "#download-shown")
    assert len(part) == ((table["band"] == "mid") & (table["readout"] == "energy")).sum()
    assert set(part["readout"]) == {"energy"}


def test_sentences_link_their_files(page: Page) -> None:
    links = page.locator("#effects .links a").evaluate_all(
        "all => all.map(a => a.getAttribute('href'))"
    )
    assert len(links) > 20
    assert all(link.startswith(("figures/", "targets/")) for link in links)


def test_a_phones_width_needs_no_sideways_scrolling(
    browser: Browser, file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with opened(browser, file, viewport={"width": 375, "height": 740}) as page:
        draw_all(page)
        for name in page.locator("#spectra-quantity option").evaluate_all(
            "all => all.map(o => o.value)"
        ):
            choose(page, spectra_quantity=name)
            assert page.evaluate("document.documentElement.scrollWidth") <= 375
        picture(page, tmp_path_factory, "phone")


def picture(page: Page, folder: pytest.TempPathFactory, name: str) -> None:
    """Keep a picture of the page for eyes."""
    path = folder.getbasetemp() / "screenshots" / f"{name}.png"
    page.evaluate("scrollTo(0, 0)")
    page.screenshot(path=path, full_page=True)
    assert path.stat().st_size > 10_000


def test_dark_and_light_follow_the_readers_choice(
    browser: Browser, file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    colours = """() => [getComputedStyle(document.body).backgroundColor,
        getComputedStyle(document.querySelector('#controls-view .plot text')).fill]"""
    with opened(browser, file, color_scheme="dark") as page:
        show(page, "#controls-view")
        show(page, "#controls-view .plot")
        dark = page.evaluate(colours)
        picture(page, tmp_path_factory, "dark")
        page.emulate_media(color_scheme="light")
        page.wait_for_function(f"before => ({colours})()[1] !== before", arg=dark[1])
        light = page.evaluate(colours)
        picture(page, tmp_path_factory, "wide")
    assert dark[0] != light[0]
    assert [sum(map(int, text[4:-1].split(","))) < 300 for text in (dark[0], light[0])] == [
        True,
        False,
    ]


@pytest.mark.parametrize("scheme", quick_and_slow(["light"], ["dark"]))
def test_an_accessibility_checker_finds_no_fault(browser: Browser, file: Path, scheme: str) -> None:
    # The checker is a script from outside, which the page's policy would not let in.
    with opened(browser, file, bypass_csp=True, color_scheme=scheme) as page:
        draw_all(page)
        choose(page, readout="pooled", mode="perturb")
        page.locator("#used-view td.value").first.focus()
        # Of the dark page only the colours are other.
        options = {"runOnly": ["color-contrast"]} if scheme == "dark" else {}
        found = Axe().run(page, options=options)
    faults = [
        (one["id"], [node["html"][:120] for node in one["nodes"]][:3])
        for one in found.response["violations"]
    ]
    assert faults == []


def test_paper_shows_all_of_it(
    browser: Browser, file: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with opened(browser, file, color_scheme="dark") as page:
        path = tmp_path_factory.getbasetemp() / "screenshots" / "print.pdf"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(page.pdf(format="A4"))
        assert path.stat().st_size > 50_000
        # Nobody scrolled: printing has drawn what it needs.
        assert page.locator(".plot").count() == page.locator(".plot[data-drawn]").count() > 4
        # In the colours of paper, whatever those of the screen are.
        page.emulate_media(media="print")
        fill = "getComputedStyle(document.querySelector('#controls-view .plot .empty')).fill"
        assert page.evaluate(fill) == "rgb(236, 236, 239)"
        assert page.get_by_label("Sections").is_hidden()
        assert page.locator("#mode").is_hidden()
        # As wide as the paper between its margins.
        page.set_viewport_size({"width": 703, "height": 1000})
        tables = "'#effects-table, #run table, [data-print] table'"
        wide = f"""() => [...document.querySelectorAll({tables})]
            .map(table => table.getBoundingClientRect().right)"""
        assert max(page.evaluate(wide)) <= 703
        assert (
            page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
        )


def test_without_scripts_the_words_are_there(browser: Browser, file: Path) -> None:
    with opened(browser, file, java_script_enabled=False) as page:
        text = page.locator("body").inner_text()
        for word in ("Scripts are off", "falls by", "structural:readout-blind", "Permuted labels"):
            assert word in text
        assert page.locator("#mode").is_hidden()


def test_hostile_names_do_nothing_in_a_browser(
    browser: Browser, results: Results, tmp_path: Path
) -> None:
    data = results.interventions.assign_coords(
        band=[HOSTILE, *results.interventions["band"].to_numpy()[1:]]
    )
    flags = results.flags.assign(band=results.flags["band"].replace("ultra-low", HOSTILE))
    facts = dataclasses.replace(results.facts, class_names=[HOSTILE])
    hostile = dataclasses.replace(
        results, dataset=HOSTILE, interventions=data, flags=flags, facts=facts
    )
    path = tmp_path / "report.html"
    path.write_text(page_of(hostile, config_text=HOSTILE), encoding="utf-8")
    with opened(browser, path) as page:
        draw_all(page)
        page.locator("#used-view td.value").first.focus()
        page.get_by_label("Search").fill("alert")
        assert HOSTILE in (page.locator("#targets-view tbody tr").first.text_content() or "")
        assert page.locator("img").count() == 0
        assert page.locator("script:not([type])").count() == 2
