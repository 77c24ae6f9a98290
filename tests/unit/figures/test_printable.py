"""What cannot be printed is refused, and says what would help."""

from __future__ import annotations

import pytest
from matplotlib import pyplot as plt

from bandprobe.errors import BandprobeError
from bandprobe.figures.entry import COLUMNS, PAGE_HIGH
from bandprobe.figures.printable import refuse_unprintable


def test_a_plain_figure_is_printed() -> None:
    figure, panels = plt.subplots(1, 2, figsize=(COLUMNS[2], PAGE_HIGH), layout="constrained")
    for panel in panels:
        panel.set_title("a title")
    refuse_unprintable(figure, 2)


def test_a_figure_higher_than_a_page_is_refused() -> None:
    figure = plt.figure(figsize=(COLUMNS[2], PAGE_HIGH + 0.1))
    with pytest.raises(BandprobeError, match=r"(?s)higher than .* at most 240 mm.*--mode") as error:
        refuse_unprintable(figure, 2)
    assert "--columns" not in str(error.value), "there is nothing wider"


def test_text_below_six_points_is_refused() -> None:
    figure, panel = plt.subplots(figsize=(COLUMNS[1], 3))
    panel.text(0.5, 0.5, "tiny", fontsize=5.5)
    with pytest.raises(BandprobeError, match=r"(?s)5.5 points: 'tiny'.*--columns 2"):
        refuse_unprintable(figure, 1)


def test_panels_side_by_side_need_room() -> None:
    figure, _ = plt.subplots(1, 6, figsize=(COLUMNS[1], 3), layout="constrained")
    with pytest.raises(BandprobeError, match="too narrow to read"):
        refuse_unprintable(figure, 1)


def test_titles_that_overlap_are_refused() -> None:
    figure, panels = plt.subplots(1, 2, figsize=(COLUMNS[1], 3))
    for panel in panels:
        panel.set_title("a title that is much too long for this")
    with pytest.raises(BandprobeError, match="lie over each other"):
        refuse_unprintable(figure, 1)
