"""Ridge regression on the Gram matrix of many maps, one penalty at a time, in one N x N matrix.

An eigendecomposition serves all penalties, but takes as long as thirty factorisations; where few
penalties are visited (`bandprobe.linear.penalty_search`), factorisations are faster. In single
precision one takes half the time and half the room: enough to look for a penalty, not for what is
kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.linalg import LinAlgError
from scipy.linalg.blas import get_blas_funcs
from scipy.sparse import csr_array

from bandprobe.base.arrays import FloatArray, LabelArray, MapArray
from bandprobe.fourier.rounding import ROUNDING_SHARE
from bandprobe.linear.basis import GRAM_TOLERANCE
from bandprobe.linear.factorise import Factor, cholesky, symmetric_solve
from bandprobe.linear.inner_products import row_blocks

# Steps of the power iteration for the largest eigenvalue, of which the order of magnitude matters.
STEPS = 8
# Of a matrix that is factorised in single precision, the most that the largest eigenvalue may be
# of the smallest. Logits have about three digits then, with smaller quotients more.
CONDITION = 1e4
# Roundings that add up, of which the condition is the factor.
ROUNDINGS = 8


@dataclass(frozen=True)
class LabelSets:
    """Labels that readouts are fitted to, the true ones first; all at once on the same maps.

    Attributes
    ----------
    labels : array of shape (n_sets, n_samples)
    n_classes : int
    """

    labels: LabelArray
    n_classes: int

    def indicators(self, precision: DTypeLike = np.float64) -> csr_array:
        """Class indicators of all sets, (n_sets * n_classes, n_samples)."""
        n_sets, n_samples = self.labels.shape
        columns = self.labels + self.n_classes * np.arange(n_sets)[:, None]
        rows = np.tile(np.arange(n_samples), n_sets)
        ones = np.ones(rows.size, precision)
        shape = (n_sets * self.n_classes, n_samples)
        return csr_array((ones, (columns.ravel(), rows)), shape=shape)

    @property
    def shares(self) -> FloatArray:
        """Share of each class, (n_sets, n_classes)."""
        counts = [np.bincount(labels, minlength=self.n_classes) for labels in self.labels]
        shares: FloatArray = np.stack(counts) / self.labels.shape[1]
        return shares


class GramRidge:
    """Least squares on class indicators with an L2 penalty and an unpenalised intercept.

    Its weights on the training maps are ``a = A (Y - mean(Y))`` with the inverse
    ``A = (K + penalty I)^-1`` of the centred Gram matrix K (Saunders, Gammerman and Vovk, Ridge
    Regression Learning Algorithm in Dual Variables, ICML 1998).

    Parameters
    ----------
    grams : sequence of arrays of shape (n_samples, n_samples)
        Their sum is the Gram matrix of the training maps; symmetric, of either precision.
    total : float
        Energy of all training maps, as for `bandprobe.linear.basis.basis_from_gram`.

    Attributes
    ----------
    centre : array of shape (n_samples,)
        Mean row of the Gram matrix.
    is_flat : bool
        Whether the maps differ by no more than rounding; then there is nothing to fit.
    norm : float
        Mean squared norm of a centred map, the unit of the penalties.
    rounding : float
        Of the last penalty, by what share logits may be off.
    """

    def __init__(self, grams: Sequence[NDArray[np.floating]], total: float = 0.0) -> None:
        self._grams = grams
        count = len(grams[0])
        self.centre = np.zeros(count)
        for gram in grams:
            self.centre += gram.mean(0, dtype=np.float64)
        trace = float(sum(np.trace(gram, dtype=np.float64) for gram in grams))
        level = float(self.centre.mean())
        energy = trace - count * level
        # Of the Gram matrix first, then factor, then inverse; the lower triangle is what counts.
        self._matrix = np.empty((count, count), np.result_type(*grams))
        self._fill()
        floor = max(GRAM_TOLERANCE * abs(level) * count, ROUNDING_SHARE * total)
        self._largest = self._top()
        self.is_flat = energy <= 0 or self._largest <= floor
        self.norm = energy / count
        self.rounding = 0.0

    def _fill(self, common: float = 0.0) -> None:
        """Put the centred Gram matrix, and a number that is added to all, into the lower triangle.

        A number leaves the eigenvectors as they are: that of ones, whose eigenvalue is zero after
        centring, gets another one.
        """
        shift = common + float(self.centre.mean())
        for part in row_blocks(len(self._matrix)):
            block = self._grams[0][part, : part.stop].astype(np.float64)
            for gram in self._grams[1:]:
                block += gram[part, : part.stop]
            block -= self.centre[: part.stop] - shift
            block -= self.centre[part, None]
            self._matrix[part, : part.stop] = block

    def _top(self) -> float:
        """The largest eigenvalue of the centred Gram matrix, or somewhat less."""
        symv: Any = get_blas_funcs("symv", (self._matrix,))
        # What is lower here is upper in the order of Fortran.
        return self._power(lambda vector: symv(1.0, self._matrix.T, vector, lower=0))

    def _power(self, times: Callable[[MapArray | FloatArray], MapArray | FloatArray]) -> float:
        drawn = np.random.default_rng(0).standard_normal(len(self._matrix))
        vector: MapArray | FloatArray = drawn.astype(self._matrix.dtype)
        value, tiny = 0.0, float(np.finfo(self._matrix.dtype).tiny)
        for _ in range(STEPS):
            vector /= max(float(np.linalg.norm(vector)), tiny)
            image = times(vector)
            value, vector = float(vector @ image), image
        return value

    def duals(self, penalty: float, sets: LabelSets, *, single: bool = False) -> FloatArray:
        """Weights on the training maps; what `held_out` needs at this penalty stays in place.

        Parameters
        ----------
        penalty : float
            Relative to the mean squared norm of a centred map.
        sets : LabelSets
        single : bool
            Whether single precision is enough where the matrix is not too badly conditioned for it;
            `rounding` tells what it was.

        Returns
        -------
        array of shape (n_sets, n_classes, n_samples)
            They sum to zero over the samples.

        Raises
        ------
        scipy.linalg.LinAlgError
            If the penalty is below the rounding of the Gram matrix.
        """
        absolute = penalty * self.norm
        if not (single and self._prepare(absolute, np.float32)):
            self._prepare(absolute, np.float64)
        return self.more_duals(sets)

    def more_duals(self, sets: LabelSets) -> FloatArray:
        """As of `duals`, for other labels at the penalty of its last call."""
        shares = sets.shares
        indicators = sets.indicators(self._matrix.dtype)
        found: FloatArray = (indicators @ self._matrix).reshape(*shares.shape, -1)
        # A sample has one class, so the indicators of a set add up to ``A 1``.
        ones = found[0].sum(0)
        for own, share in zip(found, shares, strict=True):
            for row, mean in zip(own, share, strict=True):
                row -= mean * ones
                # Zero but for the rounding of the inverse, which has an eigenvector of ones.
                row -= row.mean()
        return found

    def intercepts(self, duals: FloatArray, sets: LabelSets) -> FloatArray:
        """Intercepts for inner products that are not centred, (n_sets, n_classes)."""
        found: FloatArray = sets.shares - duals @ self.centre
        return found

    def _factor(self, penalty: float, precision: type[np.floating]) -> Factor:
        """Put the factor in the place of the matrix."""
        if self._matrix.dtype != precision:
            # The one before is given up first.
            shape, self._matrix = self._matrix.shape, np.empty((0, 0))
            self._matrix = np.empty(shape, precision)
        # Otherwise the vector of ones, which no readout sees, is the one that rounding hits most.
        self._fill(self.norm / len(self._matrix))
        self._matrix.flat[:: len(self._matrix) + 1] += penalty
        return cholesky(self._matrix)

    def _prepare(self, penalty: float, precision: type[np.floating]) -> bool:
        """Put the inverse in the place of the matrix, if its precision is enough.

        In double precision it is.
        """
        is_single = precision == np.float32
        try:
            factor = self._factor(penalty, precision)
        except LinAlgError:
            if is_single:
                return False
            raise
        condition = self._condition(factor, penalty) if is_single else 1.0
        if condition > CONDITION:
            return False
        self.rounding = ROUNDINGS * condition * float(np.finfo(precision).eps)
        self._invert(factor)
        return True

    def _condition(self, factor: Factor, penalty: float) -> float:
        """The quotient of the largest and the smallest eigenvalue of what was factorised."""
        return (self._largest + penalty) * self._power(factor.solve)

    def _invert(self, factor: Factor) -> None:
        """Put the inverse in the place of the factor."""
        factor.invert()

    def held_out(
        self, penalty: float, duals: FloatArray, labels: LabelArray, folds: LabelArray
    ) -> Iterator[tuple[NDArray[np.bool_], FloatArray]]:
        """Logits of each fold by the ridge fitted without it; after `duals` at the same penalty.

        With the smoother ``H`` of all samples, fold F has the residuals
        ``(I - H_FF)^-1 (y_F - H_F y)`` under the fit without F at the same penalty (Cook and
        Weisberg, Residuals and Influence in Regression, 1982, section 3.2), where
        ``I - H = penalty A`` but for the vector of ones, which it takes to zero.

        Parameters
        ----------
        penalty : float
        duals : array of shape (n_classes, n_samples)
        labels, folds : arrays of shape (n_samples,)

        Yields
        ------
        held : bool array of shape (n_samples,)
        logits : array of shape (n_held, n_classes)
        """
        absolute = penalty * self.norm
        # The eigenvalue of ones in ``penalty A``, which the intercept takes up.
        common = absolute / (absolute + self.norm) / len(self._matrix)
        for fold in np.unique(folds):
            held = folds == fold
            rows = np.flatnonzero(held)
            inner = self._inner(rows)
            inner *= absolute
            inner -= common
            logits = symmetric_solve(inner, -absolute * duals[:, rows].T)
            logits[np.arange(len(rows)), labels[rows]] += 1.0
            yield held, logits

    def _inner(self, rows: NDArray[np.intp]) -> FloatArray:
        """Of the inverse, the rows and columns of some samples."""
        found: FloatArray = self._matrix[np.ix_(rows, rows)]
        return found


def kernel_logits(
    kernels: Sequence[NDArray[np.floating]], duals: FloatArray, intercept: FloatArray
) -> FloatArray:
    """Logits of other maps from their inner products with the training maps.

    Parameters
    ----------
    kernels : sequence of arrays of shape (n_other, n_samples)
        Their sum has the inner products.
    duals : array of shape (n_classes, n_samples)
    intercept : array of shape (n_classes,)

    Returns
    -------
    array of shape (n_other, n_classes)
        In double precision, whatever that of the duals: where few dimensions are left and the
        penalty is small, duals are large and nearly cancel.
    """
    weights = np.asarray(duals.T, np.float64)
    logits = np.empty((len(kernels[0]), len(duals)))
    for part in row_blocks(len(logits)):
        rows = kernels[0][part].astype(np.float64)
        for kernel in kernels[1:]:
            rows += kernel[part]
        np.matmul(rows, weights, out=logits[part])
    logits += intercept
    return logits
