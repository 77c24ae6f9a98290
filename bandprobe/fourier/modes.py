"""What can be done to a band, as a frozen specification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bandprobe.errors import ConfigError

Kind = Literal["remove", "isolate", "lowpass", "highpass", "resample", "phase", "noise"]
Fill = Literal["zero", "mean"]
KINDS: tuple[str, ...] = get_args(Kind)
# Of these a band's outcome depends on which bands are kept, and on nothing that is drawn.
KEEPING = ("remove", "isolate", "lowpass", "highpass")
# These change the coefficients of the band itself.
COEFFICIENTS = ("phase", "noise")


@dataclass(frozen=True)
class Mode:
    """One intervention on a band, by the name that paths and axes show.

    Parameters
    ----------
    name : str
    kind : {"remove", "isolate", "lowpass", "highpass", "resample", "phase", "noise"}
        ``remove`` takes the band out, ``isolate`` all others; ``lowpass`` all above it and
        ``highpass`` all below it. ``resample`` takes the band from another image of another class.
        ``phase`` turns its phases at random, ``noise`` adds noise to it.
    fill : {"zero", "mean"}
        What stands where a band was taken out: nothing in the raw map, or the training mean of
        that band. Only for the first four kinds.
    draws : int
        Independent random draws; 1 unless the kind is random.
    seed : int
        Seed of the draws.
    strength : float
        Of ``phase`` and ``noise``. Phases turn by `strength` times the angle of white noise, so at
        1 they become uniform; noise has `strength` times the band's own energy in each channel.

    Examples
    --------
    >>> from bandprobe import Mode
    >>> Mode("remove-mean", "remove", fill="mean").is_linear
    True
    >>> Mode("perturb", "phase", draws=3).is_linear
    False
    """

    name: str
    kind: Kind
    fill: Fill = "zero"
    draws: int = 1
    seed: int = 0
    strength: float = 1.0

    def __post_init__(self) -> None:
        where = f"mode {self.name!r}"
        if self.draws < 1:
            raise ConfigError(f"{where}: draws", expected="1 or more", found=self.draws)
        if self.kind not in KEEPING and self.fill != "zero":
            raise ConfigError(f"{where}: {self.kind} leaves no gap to fill", found="fill")
        if self.kind in KEEPING and self.draws != 1:
            raise ConfigError(
                f"{where}: {self.kind} has nothing random to draw",
                expected="draws: 1",
                found=f"draws: {self.draws}",
            )
        if self.kind not in COEFFICIENTS and self.strength != 1:
            raise ConfigError(f"{where}: {self.kind} has no strength", found=self.strength)
        if self.strength <= 0 or (self.kind == "phase" and self.strength > 1):
            bound = "above 0" if self.kind == "noise" else "above 0, at most 1"
            raise ConfigError(f"{where}: strength", expected=bound, found=self.strength)

    @classmethod
    def from_spec(cls, spec: Mapping[str, Any]) -> Mode:
        """A mode from a mapping that may say other things too, as a store's attributes."""
        return cls(**{item.name: spec[item.name] for item in fields(cls) if item.name in spec})

    @property
    def controls(self) -> tuple[str, ...]:
        """Kinds of random masks, as of `bandprobe.fourier.random_masks`, that can stand for a band.

        ``noise`` is as strong as what it is added to, so each mask would get different noise. Masks
        of equal energy are not a partition, so a mode that keeps several has no such control.
        """
        if self.kind == "noise":
            return ()
        several = self.kind in ("lowpass", "highpass")
        return ("equal-bins",) if several else ("equal-bins", "equal-energy")

    @property
    def is_linear(self) -> bool:
        """Whether band logits of clean maps are enough to know the outcome."""
        return self.kind not in COEFFICIENTS


def removals(modes: Iterable[Mode]) -> list[str]:
    """Names of the modes that remove, those first that put the training mean in the band's place.

    The mean tells a loss of information from the shock of an unfamiliar input.
    """
    removing = [mode for mode in modes if mode.kind == "remove"]
    return [mode.name for mode in sorted(removing, key=lambda mode: mode.fill != "mean")]


def kept_bands(kind: str, n_bands: int) -> NDArray[np.bool_]:
    """Which bands stay when a kind is applied to each band in turn, shape (n_bands, n_bands).

    Row b belongs to the intervention on band b. Kinds that change a band keep all others.
    """
    at = np.arange(n_bands)
    row, column = at[:, None], at[None, :]
    kept: NDArray[np.bool_]
    if kind == "isolate":
        kept = np.equal(row, column)
    elif kind == "lowpass":
        kept = np.less_equal(column, row)
    elif kind == "highpass":
        kept = np.greater_equal(column, row)
    else:
        kept = np.not_equal(row, column)
    return kept
