"""What a network asks of a checkpoint: its tensors, and which are the classifier's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

Shapes = Mapping[str, tuple[int, ...]]
# First parts of the names of classifiers, where a network does not say which of its modules it is.
CLASSIFIERS = ("classifier", "fc", "head", "heads", "last_linear", "linear")


@dataclass(frozen=True)
class Outline:
    """What a network asks of a checkpoint.

    Attributes
    ----------
    shapes : mapping
        Shape of each of its tensors, by name.
    classifier : tuple of str
        Those of its tensors that belong to the classifier, which nothing but the classes needs.
    resampled : tuple of str
        Endings of names whose tensors are adapted to the size of the input once they are loaded.
    """

    shapes: Shapes
    classifier: tuple[str, ...] = ()
    resampled: tuple[str, ...] = ()

    @property
    def n_classes(self) -> int | None:
        """Rows of the classifier."""
        return self.shapes[self.classifier[0]][0] if self.classifier else None

    def renamed(self, rename: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Outline:
        """The same under the names of another library."""
        classifier = tuple(rename(dict.fromkeys(self.classifier)))
        return replace(self, shapes=rename(self.shapes), classifier=classifier)


def outline_of(network: nn.Module, resampled: tuple[str, ...] = ()) -> Outline:
    """What a network asks of a checkpoint."""
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    modules = classifier_modules(network)
    inside = tuple(f"{module}." for module in modules)
    names = tuple(name for name in shapes if inside and name.startswith(inside))
    return Outline(shapes, names, resampled)


def classifier_modules(network: nn.Module) -> tuple[str, ...]:
    """Names of the modules that give a network's logits, where they are known.

    timm's networks say so; of others the last module with weights is one if it is linear and has a
    usual name.
    """
    config = getattr(network, "pretrained_cfg", None)
    if isinstance(config, Mapping) and config.get("classifier"):
        named = config["classifier"]
        return (named,) if isinstance(named, str) else tuple(named)
    with_weights = [
        (name, module)
        for name, module in network.named_modules()
        if name and any(True for _ in module.parameters(recurse=False))
    ]
    if not with_weights:
        return ()
    name, module = with_weights[-1]
    linear = isinstance(module, nn.Linear) or (
        isinstance(module, nn.Conv2d) and module.kernel_size == (1, 1)
    )
    return (name,) if linear and name.partition(".")[0] in CLASSIFIERS else ()
