"""The one palette of figures and of the page of results."""

from __future__ import annotations

from typing import Any

import matplotlib as mpl
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb

# Names without an order: after Okabe and Ito, for colour-vision deficiency; those that are faint on
# white are darkened until they stand out from it by 3 to 1. Markers tell apart what colours do not.
NAMED = ("#0072b2", "#d55e00", "#009e73", "#c46c9c", "#c07f00", "#3390c8")
MARKERS = "osD^vP"
# Worse, better, and no change.
MORE, LESS, MIDDLE = "#b35806", "#542788", "#f7f7f7"
# An amount that is never negative.
MANY = "#21618c"
# Bands and layers are ordered: viridis, perceptually uniform, as far as it stands out from white.
ORDERED = mpl.colormaps["viridis"]
ORDERED_END = 0.59
EFFECT = LinearSegmentedColormap.from_list("effect", [LESS, MIDDLE, MORE])
# Relative luminance above which black text is easier to read than white.
BRIGHT = 0.18


def colours(count: int) -> list[Any]:
    """Colours for an ordered series."""
    return [ORDERED(ORDERED_END * position / max(1, count - 1)) for position in range(count)]


def luminance(colour: Any) -> float:
    """Relative luminance of a colour, from 0 to 1, as WCAG 2.2 defines it."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in to_rgb(colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def text_on(colour: Any) -> str:
    """Black or white, whichever is easier to read on a colour."""
    return "black" if luminance(colour) > BRIGHT else "white"


def effect_scale(low: float, high: float) -> tuple[LinearSegmentedColormap, Normalize]:
    """Colours of effects from `low` to `high`: the middle is zero, equal sizes are equally strong.

    Only the part of the palette that is used is in the scale, so that a bar of it shows no range
    without values.

    Parameters
    ----------
    low, high : float
        Smallest and largest value; zero is always within the scale.
    """
    low, high = min(low, 0.0), max(high, 0.0)
    limit = max(-low, high, 1e-9)
    if low == high:
        low, high = -limit, limit
    ends = (0.5 + 0.5 * low / limit, 0.5 + 0.5 * high / limit)
    steps = [EFFECT(ends[0] + (ends[1] - ends[0]) * step / 255) for step in range(256)]
    return LinearSegmentedColormap.from_list("used", steps), Normalize(low, high)
