"""Factorisations and solutions of dense systems: by LAPACK, or on the GPU that a job has opened.

Arrays come from the machine's memory and go back there: a factorisation of N x N values takes of
the order of N operations for each value that is moved. Double precision stays double.
"""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve
from scipy.linalg.lapack import get_lapack_funcs

from bandprobe.base.arrays import FloatArray, MapArray
from bandprobe.base.devices import fetch, opened_device, put, put_like
from bandprobe.linear.inner_products import complete

# In single or in double precision, which results have too.
Floats = MapArray | FloatArray


def symmetric_eigen(matrix: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues of a symmetric matrix, increasing, and its eigenvectors as columns.

    Parameters
    ----------
    matrix : array of shape (n, n)
        Only the lower triangle counts.

    Returns
    -------
    eigenvalues : array of shape (n,)
    vectors : array of shape (n, n)
    """
    device = opened_device()
    if device == "cpu":
        values, vectors = np.linalg.eigh(matrix)
        return values, vectors
    import torch

    values, vectors = torch.linalg.eigh(put(matrix, device))
    return fetch(values), fetch(vectors)


def solve(matrix: FloatArray, values: FloatArray) -> FloatArray:
    """The solution x of ``matrix @ x = values``.

    Parameters
    ----------
    matrix : array of shape (n, n)
    values : array of shape (n, n_columns)

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is singular.
    """
    device = opened_device()
    if device == "cpu":
        solved: FloatArray = np.asarray(np.linalg.solve(matrix, values), np.float64)
        return solved
    return _solve_on_device(matrix, values, device)


def positive_inverse(matrix: FloatArray) -> FloatArray:
    """The inverse of a symmetric positive definite matrix, of which the lower triangle counts.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    inverse = matrix.copy()
    cholesky(inverse).invert()
    return inverse


def symmetric_solve(matrix: FloatArray, values: FloatArray) -> FloatArray:
    """As `solve`, for a symmetric matrix that is positive definite up to rounding."""
    device = opened_device()
    if device != "cpu":
        return _solve_on_device(matrix, values, device)
    try:
        factor = cho_factor(matrix, lower=True, check_finite=False)
    except LinAlgError:
        return np.asarray(np.linalg.solve(matrix, values), values.dtype)
    solved: FloatArray = cho_solve(factor, values, check_finite=False)
    return solved


def _solve_on_device(matrix: FloatArray, values: FloatArray, device: str) -> FloatArray:
    import torch

    found, failed = torch.linalg.solve_ex(put(matrix, device), put(values, device))
    if int(failed):
        raise LinAlgError("the matrix is singular")
    return fetch(found)


class Factor(Protocol):
    """The lower Cholesky factor of a matrix whose place it takes."""

    def solve(self, vector: Floats) -> Floats:
        """The solution for one right-hand side of shape (n,)."""

    def invert(self) -> None:
        """Put the inverse of the matrix into its place."""

    def invert_half(self) -> None:
        """Put the inverse of the factor into the lower triangle of that place."""


def cholesky(matrix: Floats) -> Factor:
    """The factor of a symmetric matrix, of which the lower triangle counts, in its precision.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    device = opened_device()
    return _LapackFactor(matrix) if device == "cpu" else _DeviceFactor(matrix, device)


class _LapackFactor:
    """In place. What is lower in C's order is upper in Fortran's."""

    def __init__(self, matrix: Floats) -> None:
        self._matrix = matrix
        self._factor, failed = self._call("potrf", matrix.T, lower=0, clean=0, overwrite_a=1)
        if failed:
            raise LinAlgError("the matrix is not positive definite")

    def solve(self, vector: Floats) -> Floats:
        solved: Floats = self._call("potrs", self._factor, vector, lower=0)[0]
        return solved

    def invert(self) -> None:
        self._put(*self._call("potri", self._factor, lower=0, overwrite_c=1))
        complete(self._matrix)

    def invert_half(self) -> None:
        self._put(*self._call("trtri", self._factor, lower=0, overwrite_c=1))

    def _call(self, name: str, *arguments: Any, **options: Any) -> tuple[Any, int]:
        routine: Any = get_lapack_funcs(name, (self._matrix,))
        result, failed = routine(*arguments, **options)
        return result, int(failed)

    def _put(self, inverse: Any, failed: int) -> None:
        if failed:
            raise LinAlgError("the factor of the matrix is singular")
        if not np.shares_memory(inverse, self._matrix):
            self._matrix[...] = inverse.T


class _DeviceFactor:
    """On a device, until an inverse is fetched from there."""

    def __init__(self, matrix: Floats, device: str) -> None:
        import torch

        self._matrix = matrix
        self._factor, failed = torch.linalg.cholesky_ex(put(matrix, device))
        if int(failed):
            raise LinAlgError("the matrix is not positive definite")

    def solve(self, vector: Floats) -> Floats:
        import torch

        column = put_like(vector[:, None], self._factor)
        return fetch(torch.cholesky_solve(column, self._factor))[:, 0]

    def invert(self) -> None:
        import torch

        self._matrix[...] = fetch(torch.cholesky_inverse(self._factor))

    def invert_half(self) -> None:
        import torch

        ones = torch.eye(len(self._matrix), dtype=self._factor.dtype, device=self._factor.device)
        self._matrix[...] = fetch(torch.linalg.solve_triangular(self._factor, ones, upper=False))
