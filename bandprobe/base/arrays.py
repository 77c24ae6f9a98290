"""Types of arrays, each named once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
"""Results: logits, energies, inner products."""

MapArray = NDArray[np.float32]
"""Feature maps, and what is computed at their precision."""

ComplexArray = NDArray[np.complex64]
"""Fourier coefficients of maps."""

MaskArray = NDArray[np.bool_]
"""Sets of bins or of bands."""

LabelArray = NDArray[np.integer]
"""Positions of classes."""
