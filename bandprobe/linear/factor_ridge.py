"""The ridge of `bandprobe.linear.gram_ridge` from half of an inverse, for very many maps.

With the factor ``L L' = K + penalty I``, held-out folds need the diagonal blocks of the inverse
``A = L^-T L^-1``, and weights its product with the labels. Both come from ``L^-1``, which takes
half as long as A and stays in one triangle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import get_blas_funcs

from bandprobe.base.arrays import FloatArray
from bandprobe.linear.factorise import Factor
from bandprobe.linear.gram_ridge import GramRidge, LabelSets
from bandprobe.linear.inner_products import row_blocks

# Rows of the triangle that are multiplied at once: enough for the speed of a matrix product.
TRIANGLE_ROWS = 1024


class FactorRidge(GramRidge):
    """As its base class, whose results it has to rounding; only the lower triangle is in use."""

    def more_duals(self, sets: LabelSets) -> FloatArray:
        """As of `GramRidge`."""
        shares = sets.shares
        indicators = sets.indicators(self._matrix.dtype).T.tocsr()
        count = len(self._matrix)
        # The last column has ``A 1``: a sample has one class, so indicators add up to ones.
        found = np.zeros((count, shares.size), self._matrix.dtype)
        gemm: Any = get_blas_funcs("gemm", (found,))
        for part in row_blocks(count, TRIANGLE_ROWS):
            block = self._rows(part)
            half = np.ascontiguousarray((indicators[: part.stop].T @ block.T).T)
            own = found[: part.stop]
            # In place: what is C's order here is Fortran's of the transposed.
            gemm(1.0, half.T, block.T, 1.0, own.T, trans_b=1, overwrite_c=1)
        ones = found[:, : shares.shape[1]].sum(1)
        for part in row_blocks(count, TRIANGLE_ROWS):
            found[part] -= ones[part, None] * shares.ravel()
        # Zero but for the rounding of the inverse, which has an eigenvector of ones.
        found -= found.mean(0)
        duals: FloatArray = found.T.reshape(*shares.shape, count)
        return duals

    def _invert(self, factor: Factor) -> None:
        """Put the inverse of the factor into the lower triangle."""
        factor.invert_half()

    def _rows(self, part: slice) -> FloatArray:
        """Some rows of the inverse factor, as far as they are not zero."""
        return np.tril(self._matrix[part, : part.stop], part.start)

    def _inner(self, rows: NDArray[np.intp]) -> FloatArray:
        """Of the inverse, the rows and columns of some samples, in increasing order."""
        found = np.zeros((len(rows), len(rows)), self._matrix.dtype)
        for part in row_blocks(len(self._matrix), TRIANGLE_ROWS):
            columns = rows[: np.searchsorted(rows, part.stop)]
            block = np.take(self._matrix[part], columns, axis=1)
            block[np.arange(part.start, part.stop)[:, None] < columns] = 0.0
            found[: len(columns), : len(columns)] += block.T @ block
        return found
