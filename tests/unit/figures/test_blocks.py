"""Heat maps: cells of one size, what is in them, and what is not drawn."""

from __future__ import annotations

import json

import numpy as np
import pytest
import xarray as xr
from matplotlib.figure import Figure
from matplotlib.text import Text

from bandprobe.figures.blocks import CELL_HEIGHT, NOTHING, Block, heat_blocks, short
from bandprobe.figures.drawing import as_wide_as
from bandprobe.figures.entry import COLUMNS, PAGE_HIGH

LAYERS = {"pixels": ["input"], "net": ["a", "b", "c"]}
BANDS = ["low", "mid", "high"]


def cells_of(value: float = 0.25, structural: float = 0.0) -> xr.Dataset:
    """Every layer of every model with one value, its interval from 0.1 to 0.4."""
    shape = (2, 4, 3)
    exists = np.zeros(shape, bool)
    exists[0, 0] = exists[1, 1:] = True
    axes = ("model", "layer", "band")
    numbers = {"drop": value, "drop_low": 0.1, "drop_high": 0.4, "structural": structural}
    data = {name: (axes, np.where(exists, number, np.nan)) for name, number in numbers.items()}
    labels = {"model": list(LAYERS), "layer": ["input", "a", "b", "c"], "band": BANDS}
    return xr.Dataset(data, labels, {"layers": json.dumps(LAYERS)})


def words(figure: Figure) -> list[str]:
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [text.get_text() for text in texts if text.get_text()]


def sizes(figure: Figure) -> list[tuple[float, float]]:
    """Width and height of a cell of each heat map, in inches."""
    width, height = figure.get_size_inches()
    panels = [panel for panel in figure.axes if panel.texts]
    found = []
    for panel in panels:
        box, rows = panel.get_position(), np.asarray(panel.images[0].get_array()).shape[0]
        found.append((box.width * width / 3, box.height * height / rows))
    return found


def test_cells_of_all_models_are_of_one_size() -> None:
    figure = heat_blocks([Block("map", "", cells_of()), Block("refit", "", cells_of())], "drop", "")
    cells = sizes(figure)
    assert len(cells) == 4
    assert np.ptp(cells, axis=0) == pytest.approx([0, 0], abs=1e-9)
    assert cells[0][1] == pytest.approx(CELL_HEIGHT)


def test_brackets_are_for_intervals_with_zero() -> None:
    cells = cells_of()
    cells["drop_low"].loc["net", "b", "mid"] = -0.05
    figure = heat_blocks([Block("map", "", cells)], "drop", "")
    assert words(figure).count(".25") == 11
    assert words(figure).count("(.25)") == 1


def test_what_is_all_fixed_is_not_drawn_but_named() -> None:
    blocks = [Block("map", "", cells_of()), Block("pooled", "", cells_of(0.9, structural=1))]
    figure = heat_blocks(blocks, "drop", "the drop")
    assert "pooled" not in words(figure)
    assert any("Not drawn" in text and "pooled" in text for text in words(figure))
    norm = figure.axes[0].images[0].norm
    assert norm.vmax == 0.25, "the range of what is drawn"
    nothing = heat_blocks(blocks[1:], "drop", "the drop")
    assert not nothing.axes
    (text,) = words(nothing)
    assert text.replace("\n", " ") == f"the drop (pooled): {NOTHING}"


def test_a_model_without_a_result_is_said_to_have_none() -> None:
    head = cells_of()
    head["drop"].loc["pixels"] = np.nan
    figure = heat_blocks([Block("map", "", cells_of()), Block("head", "", head)], "drop", "")
    assert words(figure).count("pixels") == 1
    assert words(figure).count("pixels: no result") == 1
    assert len(sizes(figure)) == 3


@pytest.mark.parametrize("columns", COLUMNS)
def test_many_blocks_fit_a_page_with_numbers_of_six_points(columns: int) -> None:
    blocks = [Block(f"mode {number}", "what it does", cells_of()) for number in range(9)]
    with as_wide_as(COLUMNS[columns]):
        figure = heat_blocks(blocks, "drop", "drop")
    assert figure.get_figwidth() == pytest.approx(COLUMNS[columns])
    assert figure.get_figheight() <= PAGE_HIGH
    texts = [text for text in figure.findobj(Text) if isinstance(text, Text) and text.get_text()]
    assert min(float(text.get_fontsize()) for text in texts) >= 6


def test_each_block_may_have_a_scale_of_its_own() -> None:
    blocks = [Block("map", "", cells_of(0.25)), Block("energy", "", cells_of(7.0))]
    figure = heat_blocks(blocks, "drop", "", one_scale=False)
    limits = {panel.images[0].norm.vmax for panel in figure.axes if panel.texts}
    assert limits == {0.25, 7.0}


@pytest.mark.parametrize(
    ("value", "limit", "text"),
    [(0.123, 1, ".12"), (-0.5, 1, "-.50"), (0.001, 1, "0"), (1.2, 2, "1.20"), (12.34, 20, "12.3")],
)
def test_numbers_are_short(value: float, limit: float, text: str) -> None:
    assert short(value, limit) == text
