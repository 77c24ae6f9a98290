"""How the readouts of a layer are fitted and what they are compared with, as a job is told."""

from __future__ import annotations

from dataclasses import dataclass

from bandprobe.fourier.bands import Bands


@dataclass(frozen=True)
class FitSettings:
    """How readouts are fitted.

    Attributes
    ----------
    penalties : tuple of float
        Increasing, relative to the mean squared norm of the centred training maps.
    estimator : {"ridge", "logistic"}
    permutations : int
        Readouts fitted on permuted labels.
    seed : int
        Of the permutations.
    by_band : bool
        Whether each band of `map` and `pattern` has a penalty of its own.
    """

    penalties: tuple[float, ...]
    estimator: str
    permutations: int
    seed: int
    by_band: bool = False


@dataclass(frozen=True)
class FitBands:
    """Bands for the readouts that are fitted by band.

    Attributes
    ----------
    names, edges : tuple
        As of `bandprobe.fourier.bands.Bands`.
    kinds : tuple of str
        Kinds of the modes that `refit` is fitted for.
    unit : str, optional
        As of `bandprobe.fourier.bands.Bands`.
    """

    names: tuple[str, ...]
    edges: tuple[float, ...]
    kinds: tuple[str, ...]
    unit: str | None = None

    @property
    def bands(self) -> Bands:
        """The bands alone."""
        return Bands(self.names, self.edges, self.unit)


@dataclass(frozen=True)
class MaskSettings:
    """Random masks that a band's effect is compared with.

    Attributes
    ----------
    draws, seed : int
        Draws of each kind, and their seed.
    masks : int
        Masks of each kind outside a band.
    changes : tuple of str
        Modes, as KIND/FILL, by which masks outside a band are changed.
    """

    draws: int
    seed: int
    masks: int = 0
    changes: tuple[str, ...] = ()
