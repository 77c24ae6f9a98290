"""Which pictures the page of a data set gets, and in which order they are drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from bandprobe.fourier.bands import Bands
from bandprobe.fourier.modes import Mode

# Those that the answer of the page is about, in its order.
READOUTS = ("pattern", "map")


@dataclass(frozen=True)
class LayerPlace:
    """A layer, with the pass that its maps are stored under."""

    model: str
    layer: str
    passname: str


@dataclass(frozen=True)
class PictureSettings:
    """Which pictures to draw.

    Attributes
    ----------
    layers : tuple of LayerPlace
    readouts : tuple of str
        Both in the order in which they are drawn until the limit is reached.
    mode : Mode
    bands : Bands
    megabytes : float
        Most that all pictures together take on the page.
    seed : int
        Of the choice of images.
    """

    layers: tuple[LayerPlace, ...]
    readouts: tuple[str, ...]
    mode: Mode
    bands: Bands
    megabytes: float
    seed: int


def may_show(spec: Mapping[str, Any], asked: bool | None) -> bool:
    """Whether a page may show the images of a data set.

    Parameters
    ----------
    spec : mapping
        The data set, as configured.
    asked : bool, optional
        `report.images`. Without it only images that come with the package are shown.
    """
    return asked if asked is not None else "asset" in spec or spec.get("kind") == "phantom"


def last_first(layers: Mapping[str, Sequence[str]]) -> list[tuple[str, str]]:
    """Every (model, layer), the last layer of each model first, then the last but one of each."""
    most = max(map(len, layers.values()), default=0)
    return [
        (model, names[-depth])
        for depth in range(1, most + 1)
        for model, names in layers.items()
        if depth <= len(names)
    ]
