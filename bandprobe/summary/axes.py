"""All names along the axes of a summary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class HeadAxes:
    """Names of the readouts that are networks' own heads: models that have one, their modes."""

    models: tuple[str, ...]
    readouts: tuple[str, ...]
    modes: tuple[str, ...]


@dataclass(frozen=True)
class SummaryAxes:
    """Names along the axes of a summary.

    Attributes
    ----------
    layers : mapping of str to tuple of str
        Layers of each model.
    readouts, modes, bands : tuple of str
    networks : tuple of str
        Models that are networks; claims about them do not depend on tests of the others.
    heads : HeadAxes, optional
        Where the summary has targets of the heads.
    """

    layers: Mapping[str, tuple[str, ...]]
    readouts: tuple[str, ...]
    modes: tuple[str, ...]
    bands: tuple[str, ...]
    networks: tuple[str, ...]
    heads: HeadAxes | None = None
