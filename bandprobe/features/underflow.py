"""Values that a number format cannot hold because they are too small for it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bandprobe.base.devices import fetch, library
from bandprobe.errors import ModelError


@dataclass
class Underflow:
    """Compares values with what is stored of them, layer by layer, batch after batch.

    Rounding to a mantissa of m bits has a relative error of at most ``2 ** -(m + 1)`` as long as
    values are normal numbers. If the errors of a layer are larger than that, taken together, its
    values are so small that the format drops their digits, or makes them zero.

    Parameters
    ----------
    dtype : {"float16", "float32"}
    """

    dtype: str
    _energy: dict[str, float] = field(default_factory=dict)
    _error: dict[str, float] = field(default_factory=dict)

    def check(self, layer: str, values: Any, stored: NDArray[Any]) -> None:
        """Take in one batch.

        Parameters
        ----------
        layer : str
        values : array or tensor
            In a format that is finer than the stored one, or the same.
        stored : array of the same shape

        Raises
        ------
        ModelError
            If the layer has lost more than rounding would, in all batches so far.
        """
        limits = np.finfo(self.dtype)
        energy, error = _energy(values), 0.0
        # Above this the errors of small values are less than those of rounding.
        if energy < stored.size * float(limits.smallest_normal) ** 2:
            exact = _doubled(values)
            energy = float(np.square(exact).sum())
            error = float(np.square(exact - stored).sum())
        self._energy[layer] = self._energy.get(layer, 0.0) + energy
        self._error[layer] = self._error.get(layer, 0.0) + error
        share = self._error[layer] / max(self._energy[layer], np.finfo(float).tiny)
        if share > 4.0 ** -(limits.nmant + 1):
            lost = int(((stored == 0) & (_doubled(values) != 0)).sum())
            raise ModelError(
                f"layer {layer}: values are too small for {self.dtype}",
                expected=f"magnitudes above {limits.smallest_normal:.0e}, which keep their digits",
                found=f"a relative error of {share**0.5:.1%}; {lost} of {stored.size} values "
                "became 0 in one batch",
                hint="set storage.dtype to float32, or scale the layer's output",
            )


def _doubled(values: Any) -> NDArray[np.float64]:
    """Values in double precision; a tensor may be in a format that NumPy does not know."""
    if isinstance(values, np.ndarray):
        return values.astype(np.float64)
    doubled: NDArray[np.float64] = fetch(values.to(library(values).float64))
    return doubled


def _energy(values: Any) -> float:
    """Sum of squares, roughly: in single precision the smallest may vanish."""
    if isinstance(values, np.ndarray):
        flat = values.astype(np.float32, copy=False).ravel()
        return float(np.dot(flat, flat))
    torch = library(values)
    return float(torch.linalg.vector_norm(values, dtype=torch.float32)) ** 2
