"""What a figure is drawn from, as data: independent of any study, and without drawing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# Widths of one and two columns of a printed page in inches: 89 and 183 mm, as Nature asks for.
COLUMNS = {1: 89 / 25.4, 2: 183 / 25.4}
# Height of a printed page without its caption, in inches: 240 mm.
PAGE_HIGH = 240 / 25.4


@dataclass(frozen=True)
class Entry:
    """One figure.

    Attributes
    ----------
    table : str
        The summary with everything that it shows: "spectra", "planes", "transfer", "probes",
        "interventions", "shapley" or "replicates"; "verdict": no one summary, but those of effects
        and spectra, and the flags.
    kind : str
        The function that draws it, by its name in `bandprobe.figures.registry.KINDS`; of the
        verdict, `bandprobe.figures.verdict`.
    options : mapping
        Further arguments of that function, which can be written as JSON.
    """

    table: str
    kind: str
    options: Mapping[str, Any]
