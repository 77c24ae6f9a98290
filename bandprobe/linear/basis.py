"""Principal coordinates of the training maps, which readouts are fitted in.

An L2-regularised linear classifier of N training maps lies in their span, so it is fitted on
at most N coordinates, however many dimensions a map has: ``W = sum_i a_i z_i``. Where maps have
fewer dimensions than there are images, the maps themselves are turned into coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bandprobe.base.arrays import FloatArray
from bandprobe.fourier.rounding import ROUNDING_SHARE
from bandprobe.linear.factorise import symmetric_eigen

# Eigenvalues below these shares of the largest are rounding errors: of a Gram matrix in single
# precision, and of maps in double precision.
GRAM_TOLERANCE = 1e-7
MAPS_TOLERANCE = 1e-13


@dataclass(frozen=True)
class Basis:
    """Principal coordinates of the training maps.

    A row is a map, or where there are more dimensions than maps its inner products with the
    training maps. Both become coordinates in the same way: ``(row - centre) @ loadings``.

    Attributes
    ----------
    train : array of shape (n_samples, n_coordinates)
        Coordinates of the centred training maps: orthogonal columns, inner products of the maps.
    eigenvalues : array of shape (n_coordinates,)
        Of the centred Gram matrix: the squared norms of these columns.
    centre : array of shape (n_columns,)
        The mean row of the training maps.
    loadings : array of shape (n_columns, n_coordinates)
        Times weights on the coordinates, they are the weights of a map, or ``a`` on the training
        maps.
    """

    train: FloatArray
    eigenvalues: FloatArray
    centre: FloatArray
    loadings: FloatArray

    def project(self, rows: FloatArray) -> FloatArray:
        """Coordinates of other maps, (n_samples, n_coordinates), from their rows."""
        coordinates: FloatArray = (rows - self.centre) @ self.loadings
        return coordinates


def basis_from_gram(gram: FloatArray, total: float = 0.0, rank: int | None = None) -> Basis:
    """Coordinates from the Gram matrix of the training maps.

    Parameters
    ----------
    gram : array of shape (n_samples, n_samples)
    total : float
        Energy of all training maps, if these are only a part of them, such as some bands: what
        has no more energy than the rounding of the whole is left out.
    rank : int, optional
        The most coordinates that there can be, if the maps have fewer dimensions than images:
        all others are rounding, also where they are larger than the tolerance.
    """
    centre = gram.mean(0)
    centred = gram - centre - centre[:, None] + centre.mean()
    # The rounding error is that of the matrix before it was centred.
    common = float(np.abs(gram.mean()) * len(gram))
    eigenvalues, vectors = _eigen(centred, GRAM_TOLERANCE, common, total)
    first = max(0, len(eigenvalues) - rank) if rank is not None else 0
    eigenvalues, vectors = eigenvalues[first:], vectors[:, first:]
    root = np.sqrt(eigenvalues)
    return Basis(vectors * root, eigenvalues, centre, vectors / root)


def basis_from_maps(maps: FloatArray, total: float = 0.0) -> Basis:
    """Coordinates from the training maps themselves, (n_samples, n_dimensions).

    `total` as for `basis_from_gram`.
    """
    centre = maps.mean(0)
    centred = maps - centre
    common = float(np.square(centre).sum()) * len(maps)
    if maps.shape[1] <= maps.shape[0]:
        eigenvalues, loadings = _eigen(centred.T @ centred, MAPS_TOLERANCE, common, total)
    else:
        eigenvalues, vectors = _eigen(centred @ centred.T, MAPS_TOLERANCE, common, total)
        loadings = centred.T @ (vectors / np.sqrt(eigenvalues))
    return Basis(centred @ loadings, eigenvalues, centre, loadings)


def _eigen(
    matrix: FloatArray, tolerance: float, common: float, total: float
) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues above rounding error, and their vectors; none for maps that never change."""
    eigenvalues, vectors = symmetric_eigen(matrix)
    floor = max(tolerance * max(float(eigenvalues[-1]), common), ROUNDING_SHARE * total)
    kept = eigenvalues > floor
    return eigenvalues[kept], vectors[:, kept]
