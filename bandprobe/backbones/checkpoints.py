"""Checkpoint files: read without running code, unwrapped, and held against the network."""

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

from bandprobe.errors import ModelError

Tensors = dict[str, torch.Tensor]
# Where training scripts put the network, outermost first.
NESTS = ("state_dict", "model", "model_state_dict")
AVERAGED = ("state_dict_ema", "model_ema")
# What DataParallel and torch.compile put before every name.
WRAPPERS = ("module.", "_orig_mod.")
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
    tensors : dict
        By the file's own names, without what wraps them.
    """

    file: Path
    sha256: str
    source: str
    tensors: Tensors = field(repr=False)


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
    return Checkpoint(file, digest, source, unwrap(content, file))


def _read_safetensors(file: Path) -> Mapping[str, Any]:
    try:
        tensors: Mapping[str, Any] = load_file(file)
    except (SafetensorError, OSError, ValueError) as error:
        raise ModelError(f"{file} is no safetensors file", found=error) from error
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


def unwrap(content: Any, file: Path) -> Tensors:
    """The tensors by name, out of what a training script nests them in.

    Raises
    ------
    ModelError
        If there are none, or two sets to choose from.
    """
    while isinstance(content, Mapping):
        averaged = [key for key in AVERAGED if content.get(key) is not None]
        nests = [key for key in NESTS if isinstance(content.get(key), Mapping)]
        if len(averaged) + len(nests) > 1:
            raise ModelError(
                f"{file} holds more than one set of weights",
                expected="one",
                found=", ".join([*nests, *averaged]),
                hint="save the one you want: torch.save(content[KEY], 'weights.pth')",
            )
        if not averaged and not nests:
            break
        content = content[(averaged + nests)[0]]
    found = content if isinstance(content, Mapping) else {}
    if not found or not all(isinstance(value, torch.Tensor) for value in found.values()):
        kinds = {str(key): type(value).__name__ for key, value in list(found.items())[:8]}
        raise ModelError(
            f"{file} holds no state dict",
            expected=f"tensors by name, or nested in one of {', '.join(NESTS)}",
            found=kinds or type(content).__name__,
        )
    # A plain dict, without versions: torch then fills in what old checkpoints lack.
    tensors = {str(name): value for name, value in found.items()}
    while prefix := next((w for w in WRAPPERS if all(k.startswith(w) for k in tensors)), None):
        tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors


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


def tensors_digest(tensors: Mapping[str, torch.Tensor]) -> str:
    """SHA-256 over names and values."""
    total = hashlib.sha256()
    for name in sorted(tensors):
        total.update(name.encode())
        total.update(tensors[name].detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()
