"""Per-image outcomes of logits: correct, rank and margin of the ground-truth class."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import MapArray
from bandprobe.scoring.randomisation import MaskScores


class Outcomes(NamedTuple):
    """Per-image outcomes; each array has the shape of the logits without the class axis.

    Attributes
    ----------
    correct : 1 where the ground-truth class alone has the highest logit, else 0
    rank : realistic rank of the ground-truth class: 1 is best, ties get the mean of the
        optimistic and the pessimistic rank
    margin : ground-truth logit minus the highest other logit
    top5 : probability that the ground-truth class is among the first five, if ties are broken at
        random: 1 or 0 unless a tie spans the fifth place
    """

    correct: MapArray
    rank: MapArray
    margin: MapArray
    top5: MapArray


def outcomes(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> Outcomes:
    """Outcomes of logits of shape (..., n_samples, n_classes) against labels (n_samples,)."""
    n_classes = logits.shape[-1]
    truth = np.take_along_axis(logits, labels.reshape((1,) * (logits.ndim - 2) + (-1, 1)), axis=-1)
    better = (logits > truth).sum(-1)
    tied = (logits == truth).sum(-1) - 1
    rank = 1.0 + better + tied / 2.0
    others = np.where(np.arange(n_classes) == labels[:, None], -np.inf, logits).max(-1)
    margin = truth[..., 0] - others
    among_five = np.clip((5 - better) / np.maximum(tied + 1, 1), 0.0, 1.0)
    return Outcomes(*(v.astype(np.float32) for v in (rank == 1.0, rank, margin, among_five)))


@dataclass(frozen=True)
class ModeOutcomes:
    """Everything that is stored for one mode: per-image outcomes of each band and draw.

    Attributes
    ----------
    changed : Outcomes
        Arrays of shape (n_bands, n_draws, n_samples); NaN if a band is empty.
    clean : Outcomes
        Arrays of shape (n_samples,).
    label, group : arrays of shape (n_samples,)
    bins : array of shape (n_bands,)
    sees : array of shape (n_bands,)
        Whether the contribution of the band to the logits differs between images.
    n_classes : int
    controls : mapping of str to Outcomes
        Arrays of shape (n_bands, n_control_draws, n_samples), by the kind of control.
    flags : tuple of str
        Of all bands that are not empty.
    turnable : array of shape (n_bands,), optional
        Bins that are not their own conjugates.
    at_end : bool array of shape (n_bands,), optional
        Bands whose readout has a penalty at an end of the list, where it differs between bands.
    alike : mapping of str to bool arrays of shape (n_bands,)
        Bands for which a kind of control changes what the mode changes.
    below_rounding : bool array of shape (n_bands,), optional
        Bands that hold hardly more than the rounding of the stored maps.
    above_source : bool array of shape (n_bands,), optional
        Bands that the images could not hold before they were enlarged to the network's input.
    outside : mapping of str to MaskScores
        By the kind of control, of masks outside each band; they take the place of `controls`.
    cut : bool array of shape (n_bands,), optional
        Bands in cycles per image of which the layer's grid holds a part only.
    """

    changed: Outcomes
    clean: Outcomes
    label: NDArray[np.int64]
    group: NDArray[np.int64]
    bins: NDArray[np.int64]
    sees: NDArray[np.bool_]
    n_classes: int
    controls: Mapping[str, Outcomes] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    turnable: NDArray[np.int64] | None = None
    at_end: NDArray[np.bool_] | None = None
    alike: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)
    below_rounding: NDArray[np.bool_] | None = None
    above_source: NDArray[np.bool_] | None = None
    outside: Mapping[str, MaskScores] = field(default_factory=dict)
    cut: NDArray[np.bool_] | None = None

    @property
    def rounding(self) -> NDArray[np.bool_]:
        """`below_rounding`, or no band if nothing is known."""
        if self.below_rounding is None:
            return np.zeros(len(self.bins), bool)
        return self.below_rounding


def blank_missing(changed: Outcomes, exists: NDArray[np.bool_]) -> Outcomes:
    """Outcomes with NaN for bands without a result, such as those without bins."""
    missing = ~exists[:, None, None]
    return Outcomes(*(np.where(missing, np.float32(np.nan), values) for values in changed))
