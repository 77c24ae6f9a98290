"""Factorisations and solutions of dense systems: by LAPACK, or on the GPU that a job has opened.

Arrays come from the machine's memory and go back there: a factorisation of N x N values takes of
the order of N operations for each value that is moved. Double precision stays double.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from bandprobe.base.arrays import FloatArray
from bandprobe.base.devices import fetch, opened_device, put


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
    import torch

    found, failed = torch.linalg.solve_ex(put(matrix, device), put(values, device))
    if int(failed):
        raise LinAlgError("the matrix is singular")
    return fetch(found)


def positive_inverse(matrix: FloatArray) -> FloatArray:
    """The inverse of a symmetric positive definite matrix, of which the lower triangle counts.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    device = opened_device()
    if device == "cpu":
        inverse: FloatArray = cho_solve(cho_factor(matrix, lower=True), np.eye(len(matrix)))
        return inverse
    import torch

    return fetch(torch.cholesky_inverse(factor_on_device(matrix, device)))


def factor_on_device(matrix: NDArray[np.floating], device: str) -> Any:
    """The lower Cholesky factor of a matrix, as a tensor.

    Raises
    ------
    numpy.linalg.LinAlgError
        If the matrix is not positive definite.
    """
    import torch

    factor, failed = torch.linalg.cholesky_ex(put(matrix, device))
    if int(failed):
        raise LinAlgError("the matrix is not positive definite")
    return factor
