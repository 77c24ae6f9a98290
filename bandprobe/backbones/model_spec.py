"""Which network a job runs, with which weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, kw_only=True)
class ModelSpec:
    """A model as the jobs that run it know it.

    Attributes
    ----------
    architecture : str
        `pixels`, `timm/NAME`, `torchvision/NAME` or `python/package.module:function`.
    preprocess : mapping
        Keys of the preprocessing that the configuration gives; the network brings the others.
    seed : int
        Of random weights.
    weights_sha256 : str, optional
        That the file of weights must have.
    layout : mapping, optional
        How a `python/` network's outputs are laid out, where it does not say so itself.
    weights : str
        `none`, `random`, `pretrained`, `pretrained/TAG`, `file/PATH` or `asset/NAME`.
    arguments : mapping
        Keyword arguments of the architecture.
    source_sha256 : str, optional
        Of the source of a `python/` network, so that an edit runs it again.
    preprocess_sha256 : str, optional
        Of the source of a user's `preprocess.function`.
    versions : mapping, optional
        Of the libraries that run networks, so that others run it again.
    weights_key, weights_prefix : str, optional
        Which tensors of a file of weights, where more than one set fills the network.
    untrained : bool, optional
        Whether this is an untrained twin: of these weights the input counts, not the numbers.
    """

    architecture: str
    preprocess: Mapping[str, Any]
    seed: int
    weights_sha256: str | None = None
    layout: Mapping[str, Any] | None = None
    weights: str
    arguments: Mapping[str, Any]
    source_sha256: str | None = None
    preprocess_sha256: str | None = None
    versions: Mapping[str, str] | None = None
    weights_key: str | None = None
    weights_prefix: str | None = None
    untrained: bool | None = None

    @property
    def is_trained(self) -> bool:
        """Whether its weights are not random."""
        return self.weights != "random" and not self.untrained
