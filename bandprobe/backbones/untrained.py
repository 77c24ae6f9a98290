"""The untrained twin of a network: random weights, and the input of the trained ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bandprobe.backbones.architectures import (
    NORMALISE_AGAIN,
    Built,
    Wanted,
    build,
    torchvision_preprocess,
)
from bandprobe.backbones.published import timm_tag, torchvision_entry


def build_twin(wanted: Wanted, seed: Callable[[], object]) -> Built:
    """A network as its weights ask for it, but untrained.

    What follows from the weights besides the numbers in them stays: the preprocessing of images,
    and the size of the input that the architecture is built for. Published weights are not needed
    for that. A file is read, since its contents decide.

    Parameters
    ----------
    wanted : Wanted
        With the weights of the trained network.
    seed : callable
        Seeds torch's global generator; called just before the random weights are drawn.

    Raises
    ------
    ModelError
        If the architecture or the weights are unknown, or do not fit each other.
    """
    bare = replace(wanted, weights="random", file=None, sha256=None, key=None, prefix=None)
    family = wanted.architecture.partition("/")[0]
    trained = None
    if wanted.pretrained and family == "timm":
        bare = replace(bare, architecture=f"timm/{timm_tag(wanted.name, wanted.weights)}")
    elif wanted.pretrained:
        entry = torchvision_entry(wanted.name, wanted.weights)
        bare = replace(bare, arguments={**_of_weights(wanted.name, entry), **wanted.arguments})
    elif family != "python":
        # The preprocessing of a network of the user's comes with its code.
        trained = build(wanted)
    seed()
    built = build(bare)
    if trained is not None:
        own, source = trained.preprocess, trained.preprocess_source
    elif wanted.pretrained and family == "torchvision":
        own, source = torchvision_preprocess(entry, built.network), f"torchvision {entry}"
    else:
        return built
    return replace(built, preprocess=own, preprocess_source=source)


def _of_weights(name: str, entry: Any) -> dict[str, Any]:
    """Arguments about the input that torchvision sets where it loads published weights itself."""
    if name in NORMALISE_AGAIN:
        return {"transform_input": True}
    if name.startswith("vit_"):
        return {"image_size": entry.meta["min_size"][0]}
    return {}
