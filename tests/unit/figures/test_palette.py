"""Colours that stand out from paper, and scales that show the range they are used for."""

from __future__ import annotations

import re
from pathlib import Path

import matplotlib as mpl
import pytest

from bandprobe.figures import palette
from bandprobe.figures.palette import (
    EFFECT,
    LESS,
    MANY,
    MIDDLE,
    MORE,
    NAMED,
    ORDERED_END,
    colours,
    effect_scale,
    luminance,
    text_on,
)


def contrast(one: object, other: object) -> float:
    """Contrast of two colours, from 1 to 21, after WCAG 2.2."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_contrast_of_known_colours() -> None:
    assert contrast("black", "white") == pytest.approx(21)
    assert contrast("#767676", "white") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("colour", [*NAMED, *colours(7), *colours(12), MORE, MANY])
def test_marks_stand_out_from_white_by_three_to_one(colour: object) -> None:
    assert contrast(colour, "white") >= 3


@pytest.mark.parametrize("part", [0.0, 0.2, 0.4, 0.5, 0.7, 0.9, 1.0])
def test_numbers_can_be_read_on_every_effect(part: float) -> None:
    assert contrast(text_on(EFFECT(part)), EFFECT(part)) >= 4.5


def test_a_scale_ends_where_values_end_and_is_as_strong_on_both_sides() -> None:
    used, norm = effect_scale(-0.1, 0.8)
    assert (norm.vmin, norm.vmax) == (-0.1, 0.8)
    for value in (-0.1, 0.0, 0.1, 0.4, 0.8):
        assert used(norm(value)) == pytest.approx(EFFECT(0.5 + 0.5 * value / 0.8), abs=0.02)
    assert used(norm(0.0)) == pytest.approx(EFFECT(0.5), abs=0.01)
    assert MIDDLE == "#f7f7f7"


@pytest.mark.parametrize(("low", "high", "ends"), [(0.2, 0.5, (0, 0.5)), (-3.0, -1.0, (-3, 0))])
def test_zero_is_within_every_scale(low: float, high: float, ends: tuple[float, float]) -> None:
    _, norm = effect_scale(low, high)
    assert (norm.vmin, norm.vmax) == ends


def test_without_effects_there_is_a_scale() -> None:
    used, norm = effect_scale(0.0, 0.0)
    assert (norm.vmin, norm.vmax) == (-1e-9, 1e-9)
    assert used(norm(0.0)) == pytest.approx(EFFECT(0.5), abs=0.01)


TEMPLATES = Path(palette.__file__).parents[1] / "report" / "templates"


def test_the_page_has_the_same_colours_as_the_figures() -> None:
    style = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    day = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", style.partition("}")[0]))
    assert tuple(day[f"series-{number}"] for number in range(len(NAMED))) == NAMED
    assert (day["more"], day["less"], day["mid"], day["many"]) == (MORE, LESS, MIDDLE, MANY)


def test_the_page_orders_by_the_same_part_of_viridis() -> None:
    script = (TEMPLATES / "plots.js").read_text(encoding="utf-8")
    stops = re.findall(r"\[(\d+), (\d+), (\d+)\]", script.partition("VIRIDIS =")[2].split(";")[0])
    for number, stop in enumerate(stops):
        expected = mpl.colormaps["viridis"](number / (len(stops) - 1))
        assert [int(part) / 255 for part in stop] == pytest.approx(expected[:3], abs=0.01)
    assert f"viridis({ORDERED_END} * place)" in script
