"""Inner products of maps, added up in place over slabs of channels.

Many images' sums are in single precision, in the precision of the products themselves, so that a
matrix of N x N takes half the room and no slab needs another one.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.blas import sgemm, ssyrk

from bandprobe.base.arrays import MapArray
from bandprobe.base.devices import doubled, fetch

# From so many training images on, sums are in single precision.
SINGLE_FROM = 2000
# Rows of a matrix that are worked on at once: a block stays in the processor's cache.
ROWS = 256

ProductMatrix = NDArray[np.floating]


def row_blocks(count: int, step: int = ROWS) -> Iterator[slice]:
    """Slices of a few rows each, from the first to the last."""
    return (slice(start, min(start + step, count)) for start in range(0, count, step))


def complete(matrix: ProductMatrix) -> None:
    """Copy the lower triangle of a square matrix into the upper one, in place."""
    for part in row_blocks(len(matrix)):
        rest = slice(part.stop, None)
        matrix[part, rest] = matrix[rest, part].T
        block = matrix[part, part]
        block[...] = np.tril(block) + np.tril(block, -1).T


def add_gram(total: ProductMatrix | None, rows: MapArray) -> ProductMatrix:
    """A Gram matrix with the inner products of some more values; in place.

    Parameters
    ----------
    total : array of shape (n_samples, n_samples), or None for a new one
        Symmetric. In single precision only the lower triangle is added to, until `complete`.
    rows : array of shape (n_samples, n_values)
        On the device that computes.
    """
    if total is None:
        total = np.zeros((len(rows), len(rows)), sum_type(len(rows)))
    if total.dtype == np.float64:
        total += doubled(rows @ rows.T)
    elif isinstance(rows, np.ndarray):
        # What is C's order here is Fortran's of the transposed.
        ssyrk(1.0, rows.T, 1.0, total.T, trans=1, lower=0, overwrite_c=1)
    else:
        total += fetch(rows @ rows.T)
    return total


def add_kernel(total: ProductMatrix | None, columns: MapArray, rows: MapArray) -> ProductMatrix:
    """Inner products of other maps with training maps, with those of some more values; in place.

    Parameters
    ----------
    total : array of shape (n_other, n_samples), or None for a new one
    columns : array of shape (n_other, n_values)
    rows : array of shape (n_samples, n_values)
    """
    if total is None:
        total = np.zeros((len(columns), len(rows)), sum_type(len(rows)))
    if total.dtype == np.float64:
        total += doubled(columns @ rows.T)
    elif isinstance(rows, np.ndarray):
        sgemm(1.0, rows.T, columns.T, 1.0, total.T, trans_a=1, overwrite_c=1)
    else:
        total += fetch(columns @ rows.T)
    return total


def sum_type(n_train: int) -> type[np.floating]:
    """Number format of the sums of so many training images."""
    return np.float32 if n_train >= SINGLE_FROM else np.float64
