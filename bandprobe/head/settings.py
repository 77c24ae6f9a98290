"""How the classifier at the end of a network is chosen and fitted, as a job is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class ClassifierSettings:
    """Images and classifier of a head.

    Attributes
    ----------
    samples : int
        Evaluation images.
    train_samples : int
        Training images of the probe on the final embedding.
    classifier : {"auto", "own", "probe"}
    seed : int
        Of the choice of both sets of images.
    """

    samples: int
    train_samples: int
    classifier: Literal["auto", "own", "probe"]
    seed: int
