"""The figure of the verdict says what the page says, with intervals, and nothing where none is."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import pyplot as plt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from bandprobe.cli.draw_verdict import fewer_models
from bandprobe.errors import BandprobeError
from bandprobe.figures.drawing import as_wide_as
from bandprobe.figures.entry import COLUMNS, PAGE_HIGH
from bandprobe.figures.palette import MANY, MORE
from bandprobe.figures.printable import refuse_unprintable
from bandprobe.figures.verdict import verdict
from bandprobe.report.answer import answer
from bandprobe.report.context import Facts, Results
from bandprobe.scoring.flags import NO_BETTER_THAN_CHANCE
from bandprobe.summary.names import CONTROLS
from bandprobe.summary.verdict import (
    StudyVerdict,
    study_verdict,
)
from bandprobe.summary.verdict_sentences import (
    BANNER,
)
from tests.unit.summary.test_verdict import (
    EFFECT,
    LAYERS,
    MODE,
    NO_FLAGS,
    flag,
    interventions,
    put,
    spectra,
)

MODES = {MODE: {"kind": "remove", "fill": "mean"}}


def results(flags: pd.DataFrame = NO_FLAGS) -> Results:
    """One band is used by one reader, another costs what random masks cost, one is fixed."""
    data = interventions().assign_attrs(layers=json.dumps(LAYERS), unit="group")
    put(data, "last", "middle", **EFFECT)
    alike = {f"{name}_top1_drop_excess_low": -0.01 for name in CONTROLS}
    put(data, "first", "top", "map", **(EFFECT | alike | {"top1_drop": 0.15}))
    put(data, "first", "lowest", structural=1.0)
    put(data, "last", "top", top1_drop=np.nan)
    config = {"modes": MODES, "statistics": {"level": 0.95}}
    energies = spectra([0.1, 0.6, 0.3], [0, 8, 12])
    return Results("data", data, energies, None, None, flags, config, (), Facts())


def found(shown: Results) -> StudyVerdict:
    return study_verdict(shown.interventions, shown.spectra, shown.flags, MODE, 0.95)


@pytest.fixture(autouse=True)
def closed() -> Iterator[None]:
    yield
    plt.close("all")


def words(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def faces(figure: Figure) -> set[str]:
    """Colours of all cells."""
    patches = [patch for patch in figure.axes[0].patches if isinstance(patch, Rectangle)]
    return {to_hex(patch.get_facecolor()) for patch in patches}


def colourful(colour: str) -> bool:
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    return max(red, green, blue) - min(red, green, blue) > 20


@pytest.mark.parametrize("columns", COLUMNS)
def test_the_figure_and_the_page_say_the_same(columns: int) -> None:
    shown = results()
    page = answer(shown)
    with as_wide_as(COLUMNS[columns]):
        figure = verdict(found(shown))
    told = " ".join(words(figure))
    for model in page["models"]:
        assert model["name"] in words(figure)
        for sentence in model["sentences"]:
            assert " ".join(sentence.split()) in told
        for strip in model["strips"]:
            assert strip["title"] in told
    strips = [strip for model in page["models"] for strip in model["strips"]]
    numbers = [
        cell["text"]
        for strip in strips
        for row in strip["rows"]
        for cell in row["cells"]
        if cell["text"]
    ]
    # Two layers with two bands that have more than DC, and two effects.
    assert sorted(numbers) == sorted([".60", ".30"] * 2 + [".20", ".15"])
    assert Counter(numbers) <= Counter(words(figure))
    assert sum(word.startswith(".") for word in words(figure)) == len(numbers)
    kinds = {cell["kind"] for strip in strips for row in strip["rows"] for cell in row["cells"]}
    for kind, text in page["legend"]:
        used = kind in kinds or (kind == "used" and any("up" in one for one in kinds))
        assert (text in told) == used


def test_intervals_are_lines_on_one_scale() -> None:
    figure = verdict(found(results()))
    axes: Any = figure.axes[0]
    number = next(text for text in axes.texts if text.get_text() == ".20")
    middle = number.get_position()[0]
    cell = next(
        patch
        for patch in axes.patches
        if to_hex(patch.get_facecolor()) == MORE
        and patch.get_x() < middle < patch.get_x() + patch.get_width()
    )
    left, width = cell.get_x() + 0.01, cell.get_width() - 0.02
    inside = [
        np.asarray(line.get_xdata(), float)
        for line in axes.lines
        if cell.get_y() < line.get_ydata()[0] < cell.get_y() + cell.get_height()
        and cell.get_x() <= line.get_xdata()[0] <= cell.get_x() + cell.get_width()
    ]
    interval, estimate = sorted(inside, key=len, reverse=True)
    # The largest end of an interval, 0.3, is the right end of a cell.
    np.testing.assert_allclose((interval - left) / width, [0.1 / 0.3, 1.0])
    np.testing.assert_allclose((estimate - left) / width, [0.2 / 0.3])


def test_what_is_held_and_what_is_used_have_their_colours() -> None:
    assert {MANY, MORE} <= faces(verdict(found(results())))


def test_a_study_at_chance_is_grey_and_hatched_below_its_banner() -> None:
    flags = [
        flag(layer, reader, NO_BETTER_THAN_CHANCE)
        for layer in LAYERS["net"]
        for reader in ("map", "pattern")
    ]
    figure = verdict(found(results(pd.concat(flags))))
    assert " ".join(BANNER) in " ".join(words(figure))
    assert not any(map(colourful, faces(figure)))
    hatched = [patch for patch in figure.axes[0].patches if patch.get_hatch() == "xxxx"]
    # But what is missing or fixed; and the legend.
    assert len(hatched) == 2 * 2 * 3 - 2 + 1
    assert not set(BANNER) & set(words(verdict(found(results()))))


@pytest.mark.parametrize("columns", COLUMNS)
@pytest.mark.parametrize("layers", [2, 14])
def test_the_figure_fits_a_page_and_can_be_read(columns: int, layers: int) -> None:
    shown = results()
    names = [f"layer{number}" for number in range(layers)]
    data = shown.interventions.sel(layer=(["first", "last"] * layers)[:layers])
    data = data.assign_coords(layer=names).assign_attrs(layers=json.dumps({"net": names}))
    held = shown.spectra.sel(layer=(["first", "last"] * layers)[:layers]).assign_coords(layer=names)
    with as_wide_as(COLUMNS[columns]):
        figure = verdict(study_verdict(data, held, NO_FLAGS, MODE, 0.95))
    refuse_unprintable(figure, columns)
    assert figure.get_figwidth() == COLUMNS[columns]
    assert figure.get_figheight() <= PAGE_HIGH
    page, renderer = figure.bbox, FigureCanvasAgg(figure).get_renderer()
    boxes = [text.get_window_extent(renderer) for text in figure.axes[0].texts]
    boxes += [patch.get_window_extent(renderer) for patch in figure.axes[0].patches]
    for box in boxes:
        assert page.x0 - 1 <= box.x0 <= box.x1 <= page.x1 + 1
        assert page.y0 - 1 <= box.y0 <= box.y1 <= page.y1 + 1


def with_many(models: int, layers: int) -> StudyVerdict:
    """The same two layers in turn, in as many layers of several models."""
    shown = results()
    names = {f"net-{n}": [f"blocks.{at}" for at in range(layers)] for n in range(models)}

    def repeated(data: xr.Dataset) -> xr.Dataset:
        wide = data.sel(layer=(["first", "last"] * layers)[:layers], model=["net"] * models)
        return wide.assign_coords(layer=names["net-0"], model=list(names))

    data = repeated(shown.interventions).assign_attrs(layers=json.dumps(names))
    return study_verdict(data, repeated(shown.spectra), NO_FLAGS, MODE, 0.95)


@pytest.mark.parametrize(("models", "layers", "columns"), [(2, 12, 1), (2, 12, 2), (3, 8, 2)])
def test_several_models_fit_a_page(models: int, layers: int, columns: int) -> None:
    with as_wide_as(COLUMNS[columns]):
        figure = verdict(with_many(models, layers))
    refuse_unprintable(figure, columns)
    assert figure.get_figheight() <= PAGE_HIGH


@pytest.mark.parametrize("columns", COLUMNS)
def test_more_models_than_fit_a_page_are_refused_with_those_to_leave_out(columns: int) -> None:
    found = with_many(3, 12)
    names = [model.model for model in found.models]
    with as_wide_as(COLUMNS[columns]):
        figure = verdict(found)
    with pytest.raises(BandprobeError, match="higher than a printed page") as error:
        refuse_unprintable(figure, columns, fewer_models(names))
    assert "such as --model net-0 net-1" in str(error.value)
    assert "--mode " not in str(error.value), "the verdict has no modes to choose"
    assert ("--columns 2" in str(error.value)) == (columns == 1)
    assert "--model" not in fewer_models(names[:1])


def test_long_names_are_cut_from_the_left_and_leave_room_for_cells() -> None:
    shown = results()
    names = [f"encoder.{'block.' * 12}{end}" for end in ("first", "last")]
    data = shown.interventions.assign_coords(layer=names)
    data = data.assign_attrs(layers=json.dumps({"net": names}))
    held = shown.spectra.assign_coords(layer=names)
    with as_wide_as(COLUMNS[1]):
        figure = verdict(study_verdict(data, held, NO_FLAGS, MODE, 0.95))
    labels = [word for word in words(figure) if word.startswith("…")]
    # Once for each row of strips.
    assert {word[-5:] for word in labels} == {"first", ".last"}
    assert max(map(len, labels)) < len(names[0])
    assert ".60" in words(figure)
    left = [text.get_window_extent().x0 for text in figure.axes[0].texts]
    assert min(left) >= -1


def test_a_study_without_removal_shows_what_is_held() -> None:
    shown = results()
    figure = verdict(study_verdict(shown.interventions, shown.spectra, NO_FLAGS, None, 0.95))
    assert not any("uses" in word for word in words(figure))
    assert MANY in faces(figure)
    assert MORE not in faces(figure)
