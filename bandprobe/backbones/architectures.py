"""Networks by their configured names, with their weights and their own preprocessing."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import timm
import torch
import torchvision.models
from timm.data.config import resolve_model_data_config
from timm.models import get_model_input_config
from torch import nn

from bandprobe.backbones.checkpoints import RESAMPLED, Checkpoint, check_loaded, read_checkpoint
from bandprobe.backbones.filling import Library, filled
from bandprobe.backbones.published import (
    Published,
    require_published,
    timm_tag,
    timm_weights,
    torchvision_entry,
    torchvision_entry_of,
    torchvision_weights,
)
from bandprobe.backbones.renaming import (
    is_timm_vit,
    is_torchvision_vit,
    vit_to_timm,
    vit_to_torchvision,
)
from bandprobe.backbones.state_dicts import Tensors
from bandprobe.base.callables import import_callable
from bandprobe.data.images import FILTERS
from bandprobe.errors import ModelError, unknown_name

# Every image classification weight of torchvision was trained on inputs normalised so.
TORCHVISION_MEAN, TORCHVISION_STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
# Their published weights come with inputs normalised once more inside.
NORMALISE_AGAIN = ("googlenet", "inception_v3")


@dataclass(frozen=True)
class Wanted:
    """A network as a configuration asks for it; see `docs/config.md`."""

    architecture: str
    weights: str
    arguments: Mapping[str, Any]
    file: Path | None = None
    sha256: str | None = None
    key: str | None = None
    prefix: str | None = None

    @property
    def name(self) -> str:
        """The architecture's name without its family."""
        return self.architecture.partition("/")[2]

    @property
    def pretrained(self) -> bool:
        """Whether published weights are asked for by name."""
        return self.weights.partition("/")[0] == "pretrained"


@dataclass(frozen=True)
class Built:
    """A network, the checkpoint that fills it, and the preprocessing that comes with it.

    `lacking` names the modules of a classifier that the checkpoint does not have.
    """

    network: nn.Module
    checkpoint: Checkpoint | None
    preprocess: Mapping[str, Any]
    preprocess_source: str
    lacking: tuple[str, ...] = ()


def build(wanted: Wanted) -> Built:
    """Build a network and fill it with its weights.

    Random weights come from torch's global generator, which the caller seeds.

    Raises
    ------
    ModelError
        If the architecture or the weights are unknown, or do not fit each other.
    """
    family = wanted.architecture.partition("/")[0]
    if family == "torchvision":
        return build_torchvision(wanted)
    return build_python(wanted) if family == "python" else build_timm(wanted)


def build_timm(wanted: Wanted) -> Built:
    """A timm architecture; timm adapts a checkpoint to the arguments, such as the input's size."""
    name = wanted.architecture.removeprefix("timm/")
    if not timm.is_model(name):
        raise ModelError(
            unknown_name("timm architecture", name, timm.list_models()),
            hint="python -c 'import timm; print(*timm.list_models())' lists all",
        )
    if wanted.file is not None and not wanted.pretrained:
        checkpoint = read_checkpoint(wanted.file, wanted.weights, wanted.sha256)
        done = filled(
            checkpoint,
            Library(
                make=lambda arguments: _create_timm(wanted, name, arguments),
                sets_classes=True,
                adapt=lambda arguments, tensors: _adapted_by_timm(wanted, name, arguments, tensors),
                resampled=RESAMPLED,
                foreign=(is_torchvision_vit, vit_to_torchvision, vit_to_timm),
            ),
            wanted.arguments,
            wanted.key,
            wanted.prefix,
        )
        return _timm_built(done.network, done.checkpoint, done.foreign, done.lacking)
    if not wanted.pretrained:
        return _timm_built(_create_timm(wanted, name, wanted.arguments), None)
    name = timm_tag(name, wanted.weights)
    published = timm_weights(name)
    checkpoint = _read_published(wanted, published)
    network = _adapted_by_timm(wanted, name, wanted.arguments, checkpoint.tensors)
    check_loaded(network, checkpoint.tensors, checkpoint.file)
    return _timm_built(network, checkpoint)


def _read_published(wanted: Wanted, published: Published) -> Checkpoint:
    """The tensors of a published file, which is the one that it is named as, or the pinned one."""
    checkpoint = read_checkpoint(published.file, published.source, wanted.sha256)
    if wanted.sha256 is None:
        require_published(published.file, checkpoint.sha256)
    return checkpoint


def _create_timm(
    wanted: Wanted, name: str, arguments: Mapping[str, Any], **options: Any
) -> nn.Module:
    try:
        network: nn.Module = timm.create_model(name, **options, **arguments)
    except (RuntimeError, TypeError, ValueError, OSError, KeyError, AssertionError) as error:
        raise _cannot_build(wanted, error) from error
    return network


def _adapted_by_timm(
    wanted: Wanted, name: str, arguments: Mapping[str, Any], tensors: Tensors
) -> nn.Module:
    """A network that timm has filled itself, with its own names and input size in view."""
    overlay: dict[str, Any] = {"state_dict": dict(tensors)}
    if arguments.get("num_classes"):
        # Otherwise timm drops a classifier of another size than its own checkpoint's.
        overlay["num_classes"] = arguments["num_classes"]
    options = {"pretrained": True, "pretrained_cfg_overlay": overlay}
    network: Any = _create_timm(wanted, name, arguments, **options)
    network.pretrained_cfg.pop("state_dict", None)
    return cast(nn.Module, network)


def _timm_built(
    network: nn.Module,
    checkpoint: Checkpoint | None,
    foreign: bool = False,
    lacking: tuple[str, ...] = (),
) -> Built:
    own, source = _timm_preprocess(network)
    entry = torchvision_entry_of(checkpoint.sha256) if checkpoint else None
    if entry is not None:
        own, source = _torchvision_transform(entry) | {"size": own["size"]}, f"torchvision {entry}"
    elif foreign:
        own |= {"crop_fraction": 0.875, "interpolation": "bilinear"}
        own |= {"mean": TORCHVISION_MEAN, "std": TORCHVISION_STD}
        source = "torchvision's usual, for a checkpoint under torchvision's names"
    return Built(network, checkpoint, own, source, lacking)


def _cannot_build(wanted: Wanted, error: Exception) -> ModelError:
    return ModelError(
        f"cannot build {wanted.architecture} with weights {wanted.weights}",
        found=" ".join(f"{type(error).__name__}: {error}".split())[:400],
        hint="check the architecture's arguments and that the weights were made for it",
    )


def _timm_preprocess(network: Any) -> tuple[dict[str, Any], str]:
    """What timm's evaluation does for a network; without a crop where that is not central."""
    resolve: Any = resolve_model_data_config
    config = resolve(network)
    own = {
        "size": [int(side) for side in get_model_input_config(network)["input_size"][1:]],
        "interpolation": config["interpolation"],
        "mean": [float(value) for value in config["mean"]],
        "std": [float(value) for value in config["std"]],
    }
    if config["interpolation"] not in FILTERS:
        del own["interpolation"]
    if _input_channels(network) != len(config["mean"]):
        # Those of colours tell nothing of other channels.
        del own["mean"], own["std"]
    if config["crop_mode"] == "center":
        own["crop_fraction"] = float(config["crop_pct"])
    named = network.pretrained_cfg
    name = ".".join(filter(None, (named.get("architecture"), named.get("tag"))))
    return own, f"timm {name}"


def _input_channels(network: Any) -> int:
    """Channels of the images that a timm network takes."""
    first = network.pretrained_cfg.get("first_conv")
    names = [first] if isinstance(first, str) else list(first or ())
    found = [getattr(network.get_submodule(name), "in_channels", None) for name in names]
    return int(next(filter(None, found), len(network.pretrained_cfg.get("mean", (0, 0, 0)))))


def build_torchvision(wanted: Wanted) -> Built:
    """One of torchvision's classification networks."""
    models = torchvision.models.list_models(module=torchvision.models)
    if wanted.name not in models:
        raise ModelError(unknown_name("torchvision architecture", wanted.name, models))
    entry = checkpoint = None
    if wanted.pretrained:
        entry = torchvision_entry(wanted.name, wanted.weights)
        published = torchvision_weights(entry)
        checkpoint = _read_published(wanted, published)
        if torchvision_entry_of(checkpoint.sha256) is not entry:
            odd = f"{published.source}, but not the published file"
            logging.warning("%s: %s", odd, published.file)
            checkpoint = replace(checkpoint, source=odd)
    elif wanted.file is not None:
        checkpoint = read_checkpoint(wanted.file, wanted.weights, wanted.sha256)
        entry = torchvision_entry_of(checkpoint.sha256)
        if wanted.name in NORMALISE_AGAIN and "transform_input" not in wanted.arguments:
            raise ModelError(
                f"torchvision/{wanted.name} may normalise its inputs once more",
                expected="arguments: {transform_input: ...}",
                hint="true for the weights that torchvision publishes",
            )

    def make(arguments: Mapping[str, Any]) -> nn.Module:
        try:
            # The builder reads the file once more, from the cache. It was read by the restricted
            # reader first, so it holds nothing that runs.
            network: nn.Module = torchvision.models.get_model(
                wanted.name, weights=entry if wanted.pretrained else None, **arguments
            )
        except (RuntimeError, TypeError, ValueError, OSError, AssertionError) as error:
            raise _cannot_build(wanted, error) from error
        return network

    lacking: tuple[str, ...] = ()
    if checkpoint is not None and not wanted.pretrained:
        foreign = (is_timm_vit, vit_to_timm, vit_to_torchvision)
        library = Library(make, sets_classes=True, foreign=foreign)
        done = filled(checkpoint, library, wanted.arguments, wanted.key, wanted.prefix)
        network, checkpoint, lacking = done.network, done.checkpoint, done.lacking
    else:
        network = make(wanted.arguments)
        if checkpoint is not None:
            check_loaded(network, checkpoint.tensors, checkpoint.file)
    entry = entry or torchvision.models.get_model_weights(wanted.name).DEFAULT
    own = torchvision_preprocess(entry, network)
    return Built(network, checkpoint, own, f"torchvision {entry}", lacking)


def torchvision_preprocess(entry: Any, network: nn.Module) -> dict[str, Any]:
    """What comes with torchvision's weights, at the size that the network takes."""
    own = _torchvision_transform(entry)
    if isinstance(network, torchvision.models.VisionTransformer):
        own["size"] = [network.image_size] * 2
    return own


def _torchvision_transform(entry: Any) -> dict[str, Any]:
    """The transform of torchvision's weights; the resized shorter side as a share."""
    transform = entry.transforms()
    (side,), (resized,) = transform.crop_size, transform.resize_size
    return {
        "size": [side, side],
        "crop_fraction": side / resized,
        "interpolation": transform.interpolation.value,
        "mean": list(transform.mean),
        "std": list(transform.std),
    }


def _in_single_precision(network: nn.Module, wanted: Wanted) -> nn.Module:
    """A network with float32 parameters, as its inputs and all that is computed from its maps."""
    tensors = (*network.parameters(), *network.buffers())
    others = {str(t.dtype) for t in tensors if t.is_floating_point()} - {str(torch.float32)}
    if not others:
        return network
    names = ", ".join(sorted(name.removeprefix("torch.") for name in others))
    logging.info("%s: parameters in %s become float32", wanted.architecture, names)
    return network.float()


def build_python(wanted: Wanted) -> Built:
    """What a callable of the user's returns; it is the only code of theirs that is imported."""
    function = import_callable(wanted.name, f"architecture: {wanted.architecture}")

    def make(arguments: Mapping[str, Any]) -> nn.Module:
        try:
            network = function(**arguments)
        except Exception as error:  # whatever a user's code raises
            raise _cannot_build(wanted, error) from error
        if not isinstance(network, nn.Module):
            raise ModelError(
                f"{wanted.architecture} returns no network",
                expected="a torch.nn.Module",
                found=type(network).__name__,
            )
        return _in_single_precision(network, wanted)

    checkpoint: Checkpoint | None = None
    lacking: tuple[str, ...] = ()
    if wanted.file is None:
        network = make(wanted.arguments)
    else:
        checkpoint = read_checkpoint(wanted.file, wanted.weights, wanted.sha256)
        library = Library(make, sets_classes=False)
        done = filled(checkpoint, library, wanted.arguments, wanted.key, wanted.prefix)
        network, checkpoint, lacking = done.network, done.checkpoint, done.lacking
    if isinstance(getattr(network, "pretrained_cfg", None), dict):
        return Built(network, checkpoint, *_timm_preprocess(network), lacking)
    return Built(network, checkpoint, {}, "none of its own", lacking)
