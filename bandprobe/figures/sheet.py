"""A figure that is drawn on as on paper: in inches, from its upper left corner."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.patches import Rectangle

from bandprobe.figures.drawing import folded

# Distance of lines, as a multiple of the size of their font.
LEADING = 1.28


class Sheet:
    """A figure without axes; `figure` is what is saved.

    Parameters
    ----------
    width, height : float
        In inches. The height can be set at the end, with `cut`.
    """

    def __init__(self, width: float, height: float) -> None:
        self.width = width
        self.figure = plt.figure(figsize=(width, height))
        self._paper = self.figure.add_axes((0, 0, 1, 1))
        self._paper.set_axis_off()
        self._paper.set_xlim(0, width)
        self._paper.set_ylim(height, 0)

    def cut(self, height: float) -> None:
        """Make the sheet end at a height, in inches from its top."""
        self.figure.set_figheight(height)
        self._paper.set_ylim(height, 0)

    def text(self, left: float, top: float, text: str, *, size: float = 7, **more: Any) -> float:
        """Write lines, and return the height of their lower end."""
        for line in text.splitlines():
            own: dict[str, Any] = {"va": "top", "ha": "left", "in_layout": False}
            self._paper.text(left, top, line, fontsize=size, **own | more)
            top += LEADING * size / 72
        return top

    def paragraph(
        self, left: float, top: float, text: str, width: float, *, size: float = 7, **more: Any
    ) -> float:
        """Write a text in lines of at most a width, and return the height of their lower end."""
        return self.text(left, top, folded(text, width, size), size=size, **more)

    def box(self, left: float, top: float, width: float, height: float, **more: Any) -> None:
        """Fill a rectangle; arguments as of matplotlib's `Rectangle`."""
        self._paper.add_patch(Rectangle((left, top), width, height, **{"lw": 0.0} | more))

    def line(self, xs: Sequence[float], ys: Sequence[float], **more: Any) -> None:
        """Draw a line or marks; arguments as of matplotlib's `Line2D`."""
        options: dict[str, Any] = {"lw": 0.7, "solid_capstyle": "butt"} | more
        self._paper.plot(xs, ys, **options)


def lines_height(text: str, size: float) -> float:
    """Height in inches of the lines of a text, in a font of a size in points."""
    return LEADING * size / 72 * len(text.splitlines())
