"""Whether a figure can be printed: within a page, and with text that can be read."""

from __future__ import annotations

from itertools import pairwise

from matplotlib.figure import Figure
from matplotlib.text import Text

from bandprobe.errors import BandprobeError
from bandprobe.figures.entry import COLUMNS, PAGE_HIGH

# Smallest font in points, and smallest panel in inches that shows a curve.
SMALLEST = 6.0
LEAST_PANEL = 0.7
MM = 25.4
FEWER = "fewer models, readouts or modes: --model, --mode"


def refuse_unprintable(figure: Figure, columns: int, fewer: str = FEWER) -> None:
    """Refuse a figure that a page cannot hold or nobody can read, with what would help.

    Parameters
    ----------
    figure : Figure
        Drawn at its printed size.
    columns : int
        Of the page, which it fills.
    fewer : str
        How to show less, for the hint.

    Raises
    ------
    BandprobeError
        If it is higher than a page, has text below 6 points, panels that are too narrow for it, or
        cells without room for their numbers.
    """
    wider = "--columns 2, or " if columns < max(COLUMNS) else ""
    hint = f"{wider}{fewer}"
    if figure.get_figheight() > PAGE_HIGH + 1e-6:
        raise BandprobeError(
            "the figure is higher than a printed page",
            expected=f"at most {PAGE_HIGH * MM:.0f} mm",
            found=f"{figure.get_figheight() * MM:.0f} mm",
            hint=hint,
        )
    engine = figure.get_layout_engine()
    if engine is not None:
        engine.execute(figure)
    small = [text for text in _texts(figure) if float(text.get_fontsize()) < SMALLEST - 1e-6]
    if small:
        raise BandprobeError(
            "text of the figure would be too small to read",
            expected=f"at least {SMALLEST:g} points at the printed size",
            found=f"{float(small[0].get_fontsize()):.2g} points: {small[0].get_text()!r}",
            hint=hint,
        )
    narrow = _narrowest_panel(figure)
    if narrow < LEAST_PANEL:
        raise BandprobeError(
            "panels of the figure would be too narrow to read",
            expected=f"at least {LEAST_PANEL * MM:.0f} mm each",
            found=f"{narrow * MM:.0f} mm",
            hint=hint,
        )
    if _overlapping_titles(figure):
        raise BandprobeError("titles of panels would lie over each other", hint=hint)


def _texts(figure: Figure) -> list[Text]:
    """All text that is shown."""
    found = [text for text in figure.findobj(Text) if isinstance(text, Text)]
    return [text for text in found if text.get_visible() and text.get_text().strip()]


def _narrowest_panel(figure: Figure) -> float:
    """Width in inches of the narrowest panel that is shown."""
    widths = [
        panel.get_position().width * figure.get_figwidth() for panel in figure.axes if panel.axison
    ]
    return min(widths, default=LEAST_PANEL)


def _overlapping_titles(figure: Figure) -> bool:
    """Whether titles side by side overlap."""
    boxes = [panel.title.get_window_extent() for panel in figure.axes if panel.title.get_text()]
    boxes.sort(key=lambda box: (round(box.y1), box.x0))
    return any(
        right.x0 < left.x1 and abs(right.y1 - left.y1) < 2 for left, right in pairwise(boxes)
    )
