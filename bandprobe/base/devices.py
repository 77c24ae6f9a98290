"""Where arrays are: NumPy arrays in main memory, PyTorch tensors on a GPU.

Numerical code accepts both; this module has what differs between the libraries. Without a GPU it
does not import PyTorch. On a GPU products stay in full float32: TF32 is switched off.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.arrays import FloatArray
from bandprobe.errors import DeviceError

DEVICES = ("cpu", "cuda")

# Of this process: all that its job computes is computed there.
_opened = "cpu"


def open_device(name: str) -> str:
    """Check that a device can be used, prepare it, and let this process compute on it.

    Raises
    ------
    DeviceError
        If a GPU is requested and none can be used.
    """
    global _opened
    if name == "cpu":
        _opened = name
        return name
    if name not in DEVICES:
        raise DeviceError("device", expected=f"one of {', '.join(DEVICES)}", found=name)
    import torch

    if not torch.cuda.is_available():
        built = torch.version.cuda or "none: this PyTorch was built without it"
        raise DeviceError(
            "device: cuda, but PyTorch finds no GPU here",
            expected="an NVIDIA GPU, its driver, and a PyTorch built with CUDA",
            found=f"PyTorch {torch.__version__}, CUDA {built}",
            hint="device: cpu gives the same results",
        )
    # Their shorter mantissas would be another precision.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    _opened = name
    return name


def opened_device() -> str:
    """The device that was opened last; `cpu` before that."""
    return _opened


@contextmanager
def computing_on(device: str) -> Iterator[None]:
    """Let a block compute on a device, as of `put`."""
    global _opened
    before, _opened = _opened, device
    try:
        yield
    finally:
        _opened = before


def device_name(device: str) -> str:
    """A device in words, for provenance: `cpu`, or the name of the GPU."""
    if device == "cpu":
        return device
    import torch

    return f"{device}: {torch.cuda.get_device_name()}"


def put(values: NDArray[Any], device: str | None) -> Any:
    """Values on a device: the array itself for `cpu`, else a tensor.

    `torch-cpu` is a tensor in the machine's memory: the code path of the GPU, without one.
    """
    if device in (None, "cpu"):
        return values
    import torch

    kind = "cpu" if device == "torch-cpu" else device
    return torch.from_numpy(np.ascontiguousarray(values)).to(kind)


def put_like(values: NDArray[Any], other: Any) -> Any:
    """Values as an array where `other` is one, else as a tensor where `other` lies."""
    if isinstance(other, np.ndarray):
        return values
    return library(other).from_numpy(np.ascontiguousarray(values)).to(other.device)


def fetch(values: Any) -> NDArray[Any]:
    """Values as an array in the machine's memory."""
    if isinstance(values, np.ndarray):
        return values
    fetched: NDArray[Any] = values.cpu().numpy()
    return fetched


def doubled(values: Any) -> FloatArray:
    """Values in double precision, as an array in the machine's memory."""
    return fetch(values).astype(np.float64)


def library(values: Any) -> ModuleType:
    """The library that values belong to, with its functions: NumPy, or PyTorch."""
    return np if isinstance(values, np.ndarray) else sys.modules["torch"]
