"""What can be done to a band, as a frozen specification."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bandprobe.errors import ConfigError

Kind = Literal["remove", "isolate", "phase"]
Fill = Literal["zero", "mean"]


@dataclass(frozen=True)
class Mode:
    """One intervention on a band, by the name that paths and axes show.

    Parameters
    ----------
    name : str
    kind : {"remove", "isolate", "phase"}
    fill : {"zero", "mean"}
        What stands where a band was taken out: nothing in the raw map, or the training mean of
        that band. Unused by ``phase``.
    draws : int
        Independent random draws; 1 unless the kind is random.
    seed : int
        Seed of the draws.
    """

    name: str
    kind: Kind
    fill: Fill = "zero"
    draws: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if self.draws < 1:
            raise ConfigError(f"mode {self.name!r}: draws", expected="1 or more", found=self.draws)
        if self.kind == "phase" and self.fill != "zero":
            raise ConfigError(f"mode {self.name!r}: phase leaves no gap to fill", found="fill")
        if self.kind != "phase" and self.draws != 1:
            raise ConfigError(
                f"mode {self.name!r}: {self.kind} has nothing random to draw",
                expected="draws: 1",
                found=f"draws: {self.draws}",
            )
