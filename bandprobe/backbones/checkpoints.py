"""Checkpoint files: read without running code, unwrapped, and compared with the network."""

from __future__ import annotations

import argparse
import hashlib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from bandprobe.backbones.state_dicts import Tensors, only_set, state_dicts
from bandprobe.errors import ModelError

# Read off a checkpoint's other input size by timm.
RESAMPLED = ("pos_embed", "relative_position_bias_table")


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of one file.

    Attributes
    ----------
    file : Path
    sha256 : str
        Of the file.
    source : str
        Where the file comes from, in words.
    sets : dict
        All sets of tensors in the file, as of `bandprobe.backbones.state_dicts.state_dicts`.
    """

    file: Path
    sha256: str
    source: str
    sets: Mapping[str, Tensors] = field(repr=False)

    @property
    def tensors(self) -> Tensors:
        """Those of the one set of weights, by the file's own names without `module.`."""
        return only_set(self.file, self.sets)


def read_checkpoint(file: Path, source: str, pin: str | None = None) -> Checkpoint:
    """A checkpoint whose file is safetensors, or a pickle that holds nothing but tensors.

    Parameters
    ----------
    file : Path
    source : str
        Where it comes from, for the results' attributes.
    pin : str, optional
        SHA-256 that the file must have; it is compared before the file is read.

    Raises
    ------
    ModelError
        If the file is missing, is not the pinned one, needs code to be read, or holds no weights.
    """
    try:
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise ModelError(f"cannot read the weights {file}", found=error.strerror) from error
    if pin is not None and digest != pin:
        raise ModelError(
            f"{file}: wrong digest",
            expected=f"SHA-256 {pin} (weights_sha256)",
            found=f"SHA-256 {digest}",
            hint="get the pinned file, or correct weights_sha256 if this is the file you want",
        )
    content = _read_safetensors(file) if file.suffix == ".safetensors" else _read_pickle(file)
    sets = state_dicts(content)
    if not sets:
        found = content if isinstance(content, Mapping) else {}
        kinds = {str(key): type(value).__name__ for key, value in list(found.items())[:8]}
        raise ModelError(
            f"{file} holds no state dict",
            expected="tensors by name, at any depth",
            found=kinds or type(content).__name__,
        )
    return Checkpoint(file, digest, source, sets)


def _read_safetensors(file: Path) -> Mapping[str, Any]:
    try:
        tensors: Mapping[str, Any] = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{file} is not a safetensors file", found=error) from error
    return tensors


def _read_pickle(file: Path) -> Any:
    """The content of a pickle of tensors; torch's restricted reader looks up no other names."""
    try:
        # timm's training script stores its arguments beside the weights.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever the reader makes of rotten bytes
        raise ModelError(
            f"{file} cannot be read without running code",
            expected="a file that torch.load(..., weights_only=True) reads: tensors, and plain "
            "numbers, texts and lists",
            found=_needed_code(file) or " ".join(str(error).split())[:200],
            hint="it was not run. Where you trust the file and have the code it names, keep its "
            "tensors alone: torch.save(network.state_dict(), 'weights.pth')",
        ) from error


def _needed_code(file: Path) -> str:
    """The names that a pickle would look up and call; the file is scanned, not run."""
    try:
        names = torch.serialization.get_unsafe_globals_in_checkpoint(file)
    except Exception:  # the scan is a courtesy; on a damaged file anything may come
        return ""
    return f"names of code: {', '.join(names[:5])}" if names else ""


def fill(network: nn.Module, checkpoint: Checkpoint, tensors: Tensors) -> None:
    """Load tensors into a network that must take all of them.

    Raises
    ------
    ModelError
        If a tensor is missing, left over, or has another shape.
    """
    try:
        network.load_state_dict(tensors, strict=True)
    except RuntimeError as error:
        raise ModelError(
            f"{checkpoint.file} does not fit the architecture",
            expected=f"{len(network.state_dict())} tensors by name and shape",
            found=" ".join(str(error).split())[:400],
            hint="check the architecture and its arguments, such as num_classes",
        ) from error


def check_loaded(network: nn.Module, stored: Mapping[str, torch.Tensor], file: Path) -> None:
    """Raise `ModelError` unless the network holds the tensors of the file.

    timm passes over a classifier that does not fit, and then over anything else. A tensor that the
    file has under another name must be one that no other tensor of the network took. What timm
    resamples to the input's size may differ where it had to be, and batch norm's count of steps,
    which old checkpoints lack, changes nothing.
    """
    broken = [
        name
        for name, _ in network.named_parameters()
        if name in stored and not torch.isfinite(stored[name]).all()
    ]
    if broken:
        raise ModelError(
            f"{file} holds values that are not finite",
            expected="finite weights",
            found=f"{len(broken)} tensors with inf or nan: {', '.join(broken[:3])}",
        )
    held = network.state_dict()
    wrong = [
        name
        for name, tensor in held.items()
        if name in stored
        and not torch.equal(tensor, stored[name].to(tensor.dtype))
        and not (name.endswith(RESAMPLED) and _resampled(network, tensor, stored[name]))
    ]
    missing = [
        name for name in held if name not in stored and not name.endswith("num_batches_tracked")
    ]
    if missing:
        spare = Counter(_content(tensor) for name, tensor in stored.items() if name not in held)
        for name in missing:
            content = _content(held[name])
            if not spare[content]:
                wrong.append(name)
            spare[content] -= 1
    if wrong:
        raise ModelError(
            f"{file} does not fill the architecture",
            expected=f"{len(held)} tensors under the network's names",
            found=f"{len(wrong)} that are missing or of another shape: {', '.join(wrong[:3])} ...",
            hint="give the checkpoint's number of classes: arguments: {num_classes: ...}",
        )


def _content(tensor: torch.Tensor) -> tuple[int, str]:
    values = tensor.detach().float().contiguous().numpy()
    return tensor.numel(), hashlib.sha256(values.tobytes()).hexdigest()


def _resampled(network: nn.Module, tensor: torch.Tensor, found: torch.Tensor) -> bool:
    """Whether timm had to resample: another number of tokens, or as many on another grid."""
    grid = getattr(getattr(network, "patch_embed", None), "grid_size", (1, 1))
    other = tensor.shape != found.shape or grid[0] != grid[1]
    return other and tensor.shape[-1] == found.shape[-1]


def has_initial_statistics(network: nn.Module) -> bool:
    """Whether all batch norms have the statistics that they were built with, and there are some.

    Training changes them with the first batch, so weights with these were not trained.
    """
    norms = [dict(module.named_buffers(recurse=False)) for module in network.modules()]
    norms = [buffers for buffers in norms if {"running_mean", "running_var"} <= buffers.keys()]
    return bool(norms) and not any(
        buffers["running_mean"].any()
        or (buffers["running_var"] != 1).any()
        # A count of batches, where there is one.
        or buffers.get("num_batches_tracked", torch.zeros(1)).any()
        for buffers in norms
    )


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names and values."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()
