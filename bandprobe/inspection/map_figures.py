"""Figures of maps: one stored array, or one map with its bands and interventions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.explorer.predictions import best
from bandprobe.figures.drawing import STYLE, panels
from bandprobe.figures.palette import EFFECT, ORDERED
from bandprobe.inspection.one_map import ChangedMap
from bandprobe.inspection.pictures import Picture

SIDE = 1.05
SMALL = 6.5
MAP = ORDERED
# Classes below a map, and the most letters of a name.
BEST, LONGEST = 3, 17


def stored_array(picture: Picture) -> Figure:
    """A map in colours, or bars."""
    with plt.rc_context(STYLE):
        figure, axes = panels(1, 1, 3.2, 2.6)
        panel: Axes = axes[0, 0]
        if picture.values.ndim == 2:
            image = panel.imshow(picture.values, cmap=MAP)
            figure.colorbar(image, ax=panel)
            _bare(panel)
        else:
            panel.bar(range(len(picture.values)), picture.values, color="0.4")
            if len(picture.labels) <= 16:
                at = range(len(picture.labels))
                panel.set_xticks(at, picture.labels, rotation=45, ha="right")
        panel.set_title(picture.caption, fontsize=SMALL, wrap=True)
    return figure


@dataclass(frozen=True)
class Around:
    """What stands beside the maps.

    Attributes
    ----------
    image : array of shape (3, height, width), optional
        From 0 to 1, as the network saw it.
    class_names : sequence of str
        By label, for predictions.
    """

    image: MapArray | None = None
    class_names: Sequence[str] = ()


def interventions(maps: ChangedMap, title: str, around: Around | None = None) -> Figure:
    """The image, the map and its bands; below, two rows per mode: the changed map, the difference.

    The untouched map and all changed maps share one colour scale, and so do all differences; each
    band has its own, centred on zero. Where a readout has scored the maps, its three best classes
    are below each of them, with their margins.
    """
    around = around or Around()
    names, counts = maps.names, maps.bins
    shown = [maps.untouched, *maps.changed.values()]
    low, high = (float(f([f(values) for values in shown])) for f in (np.min, np.max))
    shared: dict[str, Any] = {"cmap": MAP, "vmin": low, "vmax": high}
    changes = {mode: values - maps.untouched for mode, values in maps.changed.items()}
    limit = max((float(np.abs(values).max()) for values in changes.values()), default=0.0)
    signed: dict[str, Any] = {"cmap": EFFECT, "vmin": -limit or -1e-12, "vmax": limit or 1e-12}
    scored = maps.logits is not None
    with plt.rc_context(STYLE):
        rows, columns = 1 + 2 * len(maps.changed), 1 + len(names)
        height = SIDE + (0.45 if scored else 0.2)
        figure, axes = panels(rows, columns, SIDE + (0.2 if scored else 0), height)
        _photo(axes[0, 0], around.image)
        for column, name in enumerate(names):
            panel = axes[0, column + 1]
            if counts[column]:
                part = maps.bands[column]
                own = max(float(np.abs(part).max()), 1e-12)
                panel.imshow(part, cmap=EFFECT, vmin=-own, vmax=own)
                panel.set_title(f"{name}\n± {own:.2g}", fontsize=SMALL)
            else:
                _nothing(panel, f"{name}\nno bin")
        image = change = None
        for number, (mode, changed) in enumerate(maps.changed.items()):
            after, difference = axes[1 + 2 * number], axes[2 + 2 * number]
            image = after[0].imshow(maps.untouched, **shared)
            after[0].set_title("untouched", fontsize=SMALL)
            if maps.logits is not None:
                _best(after[0], maps.logits, around.class_names)
            after[0].set_ylabel(mode, fontsize=7)
            _label(difference[0], "changed minus\nuntouched")
            for column in range(len(names)):
                if counts[column]:
                    after[column + 1].imshow(changed[column], **shared)
                    _note_if_same(after[column + 1], changed[column], maps.untouched)
                    change = difference[column + 1].imshow(changes[mode][column], **signed)
                    if mode in maps.changed_logits:
                        logits = maps.changed_logits[mode][column]
                        _best(after[column + 1], logits, around.class_names)
                else:
                    _nothing(after[column + 1], "N/A")
                    _nothing(difference[column + 1], "N/A")
        for panel in axes.flat:
            _bare(panel)
        for drawn, text in ((image, "untouched and changed maps"), (change, "difference")):
            if drawn is not None:
                bar = figure.colorbar(drawn, ax=axes, pad=0.01, shrink=min(1.0, 2 / rows))
                bar.set_label(text, fontsize=SMALL)
        figure.suptitle(title, fontsize=8)
    return figure


def _photo(panel: Axes, image: MapArray | None) -> None:
    if image is None:
        panel.set_visible(False)
        return
    panel.imshow(image.transpose(1, 2, 0).clip(0, 1))
    panel.set_title("the image", fontsize=SMALL)


def _best(panel: Axes, logits: FloatArray, names: Sequence[str]) -> None:
    """The three best classes below a map, each with its margin."""
    if not np.isfinite(logits).all():
        return
    lines = []
    for one in best(logits, BEST):
        name = names[one.label] if one.label < len(names) else str(one.label)
        short = name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"
        lines.append(f"{short} {one.margin:+.2f}")
    panel.set_xlabel("\n".join(lines), fontsize=6, labelpad=2, linespacing=1.1)


def _bare(panel: Axes) -> None:
    panel.set_xticks([])
    panel.set_yticks([])
    panel.spines[:].set_visible(False)


def _label(panel: Axes, text: str) -> None:
    panel.text(1.0, 0.5, text, transform=panel.transAxes, ha="right", va="center", fontsize=7)


def _nothing(panel: Axes, title: str) -> None:
    panel.set_facecolor("0.93")
    panel.add_patch(
        Rectangle((0, 0), 1, 1, transform=panel.transAxes, facecolor="0.93", hatch="////", lw=0)
    )
    panel.set_title(title, fontsize=SMALL)


def _note_if_same(panel: Axes, changed: MapArray, untouched: NDArray[Any]) -> None:
    spread = float(np.abs(untouched).max())
    if float(np.abs(changed - untouched).max()) <= 1e-5 * spread:
        panel.set_title("unchanged", fontsize=6, color="0.4", pad=2)
