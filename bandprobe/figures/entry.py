"""What a figure is drawn from, as data: nothing here knows a study, and nothing is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Widths of one and of two columns of a printed page in inches: 89 and 183 mm, as Nature asks for.
COLUMNS = {1: 89 / 25.4, 2: 183 / 25.4}
SHAPLEY_SCORES = {"accuracy": "accuracy that a band brings", "margin": "margin that a band brings"}


@dataclass(frozen=True)
class Entry:
    """One figure.

    Attributes
    ----------
    table : {"spectra", "probes", "interventions", "shapley"}
        The summary that holds all that it shows.
    kind : str
        What draws it, by the name in `bandprobe.figures.registry.KINDS`.
    options : mapping
        Arguments of that function beside the summary; they can be written as JSON.
    """

    table: str
    kind: str
    options: Mapping[str, Any]
