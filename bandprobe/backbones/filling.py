"""A network filled from a user's file of weights, whatever else the file holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from bandprobe.backbones.checkpoints import Checkpoint, check_loaded, fill
from bandprobe.backbones.outline import classifier_modules, outline_of
from bandprobe.backbones.state_dicts import Fit, Tensors, choose_fit, no_fit, only_set
from bandprobe.errors import ModelError

Rename = Callable[[Mapping[str, Any]], dict[str, Any]]


@dataclass(frozen=True)
class Library:
    """How the networks of a library are built, and what it knows of their weights.

    Attributes
    ----------
    make : callable
        From keyword arguments to a network with weights of its own.
    sets_classes : bool
        Whether `num_classes` may be given to it where the configuration does not.
    adapt : callable, optional
        From arguments and tensors to a network that took them, after the library's own adaptations.
    resampled : tuple of str
        Endings of the names that `adapt` fits to the size of the input.
    foreign : (is_foreign, to_foreign, from_foreign), optional
        Whether tensors have another library's names; to these names, and back.
    """

    make: Callable[[Mapping[str, Any]], nn.Module]
    sets_classes: bool
    adapt: Callable[[Mapping[str, Any], Tensors], nn.Module] | None = None
    resampled: tuple[str, ...] = ()
    foreign: tuple[Callable[[Mapping[str, Any]], bool], Rename, Rename] | None = None


@dataclass(frozen=True)
class Filled:
    """A network with the tensors of a file.

    Attributes
    ----------
    network : torch.nn.Module
    checkpoint : Checkpoint
        Its source says where in the file the tensors were.
    foreign : bool
        Whether the file has another library's names.
    lacking : tuple of str
        The classifier's modules, if the file has none for it; their weights are random.
    """

    network: nn.Module
    checkpoint: Checkpoint
    foreign: bool
    lacking: tuple[str, ...]


def filled(
    checkpoint: Checkpoint,
    library: Library,
    arguments: Mapping[str, Any],
    key: str | None = None,
    prefix: str | None = None,
) -> Filled:
    """Build a network and fill all of it but a classifier that the file does not have.

    Parameters
    ----------
    checkpoint : Checkpoint
    library : Library
    arguments : mapping
        Keyword arguments of the network.
    key, prefix : str, optional
        As of `bandprobe.backbones.state_dicts.choose_fit`.

    Raises
    ------
    ModelError
        If no set of the file's tensors fills the network, or more than one does.
    """
    network = library.make(arguments)
    fit = _fit(network, checkpoint, library, key, prefix)
    if fit is None:
        return _whatever_the_names(network, checkpoint, library, arguments, key, prefix)
    if fit.n_classes is not None:
        if not library.sets_classes or "num_classes" in arguments:
            raise ModelError(
                f"{checkpoint.file}: the classifier has another number of classes",
                expected=f"that of the network, {fit.outline.n_classes}",
                found=fit.n_classes,
                hint=f"arguments: {{num_classes: {fit.n_classes}}}",
            )
        logging.info("the classifier of %s has %d classes", checkpoint.file, fit.n_classes)
        arguments = {**arguments, "num_classes": fit.n_classes}
        network = library.make(arguments)
        fit = _fit(network, checkpoint, library, fit.key, fit.prefix)
        if fit is None or fit.n_classes is not None:
            raise no_fit(checkpoint.file, checkpoint.sets, [outline_of(network)])
    tensors = fit.wanted()
    foreign = library.foreign is not None and library.foreign[0](tensors)
    if foreign and library.foreign:
        tensors = library.foreign[2](tensors)
    lacking: tuple[str, ...] = ()
    if not fit.has_classifier:
        lacking = classifier_modules(network)
        own = network.state_dict()
        inside = tuple(f"{module}." for module in lacking)
        tensors |= {name: own[name].clone() for name in own if name.startswith(inside)}
        logging.warning("%s has no classifier; its weights are random", checkpoint.file)
    if fit.exact or library.adapt is None:
        fill(network, checkpoint, tensors)
    else:
        network = library.adapt(arguments, tensors)
    check_loaded(network, tensors, checkpoint.file)
    if fit.key or fit.prefix:
        checkpoint = replace(checkpoint, source=f"{checkpoint.source} ({fit.described()})")
    return Filled(network, checkpoint, foreign, lacking)


def _fit(
    network: nn.Module,
    checkpoint: Checkpoint,
    library: Library,
    key: str | None,
    prefix: str | None,
) -> Fit | None:
    outlines = [outline_of(network, library.resampled)]
    if library.foreign is not None:
        renamed = outlines[0].renamed(library.foreign[1])
        outlines += [renamed] if library.foreign[0](renamed.shapes) else []
    return choose_fit(checkpoint.file, checkpoint.sets, outlines, key, prefix)


def _whatever_the_names(
    network: nn.Module,
    checkpoint: Checkpoint,
    library: Library,
    arguments: Mapping[str, Any],
    key: str | None,
    prefix: str | None,
) -> Filled:
    """Tensors under names that only the library itself can tell, such as those of old releases."""
    outline = outline_of(network, library.resampled)
    tops = frozenset(name.partition(".")[0] for name in outline.shapes)
    try:
        tensors = only_set(checkpoint.file, checkpoint.sets, key, prefix, tops)
        foreign = library.foreign is not None and library.foreign[0](tensors)
        if foreign and library.foreign:
            tensors = library.foreign[2](tensors)
        if library.adapt is not None:
            network = library.adapt(arguments, tensors)
        else:
            fill(network, checkpoint, tensors)
        check_loaded(network, tensors, checkpoint.file)
    except ModelError as error:
        raise no_fit(checkpoint.file, checkpoint.sets, [outline]) from error
    return Filled(network, checkpoint, foreign, ())
