"""Linear readouts, fitted in coordinates of the training maps.

An L2-regularised linear classifier of N training maps lies in their span, so it is fitted on
at most N coordinates, however many dimensions a map has: ``W = sum_i a_i z_i``. Where maps have
fewer dimensions than there are images the maps themselves are turned into coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from bandprobe.base.arrays import FloatArray
from bandprobe.linear.estimators import ESTIMATORS, LinearPath

# Eigenvalues below these shares of the largest are rounding: of a Gram matrix in single precision,
# and of maps in double precision.
GRAM_TOLERANCE = 1e-7
MAPS_TOLERANCE = 1e-13


@dataclass(frozen=True)
class Basis:
    """Principal coordinates of the training maps.

    A row is a map, or where there are more dimensions than maps its inner products with the
    training maps. The same turns both into coordinates: ``(row - centre) @ loadings``.

    Attributes
    ----------
    train : array of shape (n_samples, n_coordinates)
        Coordinates of the centred training maps: orthogonal columns, inner products of the maps.
    spectrum : array of shape (n_coordinates,)
        Their squared norms: the eigenvalues of the centred Gram matrix.
    centre : array of shape (n_columns,)
        The mean row of the training maps.
    loadings : array of shape (n_columns, n_coordinates)
        Times weights on the coordinates: weights of a map, or ``a`` on the training maps.
    """

    train: FloatArray
    spectrum: FloatArray
    centre: FloatArray
    loadings: FloatArray

    def project(self, rows: FloatArray) -> FloatArray:
        """Coordinates of other maps, (n_samples, n_coordinates), from their rows."""
        coordinates: FloatArray = (rows - self.centre) @ self.loadings
        return coordinates


def basis_from_gram(gram: FloatArray) -> Basis:
    """Coordinates from the Gram matrix of the training maps, shape (n_samples, n_samples)."""
    centre = gram.mean(0)
    centred = gram - centre - centre[:, None] + centre.mean()
    # Rounding is that of the matrix before it was centred.
    common = float(np.abs(gram.mean()) * len(gram))
    eigenvalues, vectors = _eigen(centred, GRAM_TOLERANCE, common)
    root = np.sqrt(eigenvalues)
    return Basis(vectors * root, eigenvalues, centre, vectors / root)


def basis_from_maps(maps: FloatArray) -> Basis:
    """Coordinates from the training maps themselves, shape (n_samples, n_dimensions)."""
    centre = maps.mean(0)
    centred = maps - centre
    common = float(np.square(centre).sum()) * len(maps)
    if maps.shape[1] <= maps.shape[0]:
        eigenvalues, loadings = _eigen(centred.T @ centred, MAPS_TOLERANCE, common)
    else:
        eigenvalues, vectors = _eigen(centred @ centred.T, MAPS_TOLERANCE, common)
        loadings = centred.T @ (vectors / np.sqrt(eigenvalues))
    return Basis(centred @ loadings, eigenvalues, centre, loadings)


def _eigen(matrix: FloatArray, tolerance: float, common: float) -> tuple[FloatArray, FloatArray]:
    """Eigenvalues above rounding, and their vectors; none for maps that never change."""
    eigenvalues, vectors = np.linalg.eigh(matrix)
    kept = eigenvalues > tolerance * max(float(eigenvalues[-1]), common)
    return eigenvalues[kept], vectors[:, kept]


def scale_free_log_loss(logits: FloatArray, labels: NDArray[np.integer]) -> float:
    """Log loss in nats an image, at the one temperature that suits the logits best.

    Parameters
    ----------
    logits : array of shape (n_samples, n_classes)
        Ridge logits regress indicators; their scale carries no confidence, so it is fitted away.
    labels : array of shape (n_samples,)

    Notes
    -----
    Temperature scaling, Guo et al., On Calibration of Modern Neural Networks (ICML 2017).
    """
    centred = logits - logits.mean(1, keepdims=True)
    spread = float(centred.std())
    # Logits that differ by rounding alone tell no class from another.
    if spread <= 1e-12 * float(np.abs(logits).max()):
        return float(np.log(logits.shape[1]))
    scaled = centred / spread
    # Relative to the highest logit no exponential overflows.
    scaled -= scaled.max(1, keepdims=True)
    truth = float(np.take_along_axis(scaled, labels[:, None], axis=1).mean())

    def loss(log_inverse_temperature: float) -> float:
        inverse = float(np.exp(log_inverse_temperature))
        return float(np.log(np.exp(inverse * scaled).sum(1)).mean()) - inverse * truth

    best = minimize_scalar(loss, bounds=(-7.0, 7.0), method="bounded", options={"xatol": 1e-3})
    return float(best.fun)


@dataclass(frozen=True)
class FittedProbe:
    """A readout whose penalty was chosen by grouped cross-validation.

    Attributes
    ----------
    path : LinearPath
        Fitted on all training maps, for every penalty.
    losses : array of shape (n_folds, n_penalties)
        Scale-free log loss on held-out folds.
    chosen : int
        Position of the penalty with the least mean loss.
    """

    path: LinearPath
    losses: FloatArray
    chosen: int

    def logits(self, coordinates: FloatArray) -> FloatArray:
        """Logits of the chosen penalty, shape (n_samples, n_classes)."""
        return self.path.logits_at(self.chosen, coordinates)

    def weights(self, basis: Basis) -> FloatArray:
        """Weights on what the basis was made of, shape (n_columns, n_classes)."""
        weights: FloatArray = basis.loadings @ self.path.coefficients[self.chosen]
        return weights

    def intercept(self, basis: Basis) -> FloatArray:
        """Intercept for rows that are not centred, shape (n_classes,)."""
        shift: FloatArray = basis.centre @ self.weights(basis)
        intercept: FloatArray = self.path.intercepts[self.chosen] - shift
        return intercept


def fit_probe(
    basis: Basis,
    labels: NDArray[np.integer],
    folds: NDArray[np.integer],
    n_classes: int,
    penalties: FloatArray,
    estimator: str = "ridge",
) -> FittedProbe:
    """Fit the whole path and choose its penalty.

    Parameters
    ----------
    basis : Basis
    labels, folds : arrays of shape (n_samples,)
        What is not independent shares a fold.
    n_classes : int
    penalties : array of shape (n_penalties,)
        Relative: 1 is the mean over samples of the squared norm of a centred map.
    estimator : {"ridge", "logistic"}
    """
    chosen = ESTIMATORS[estimator]
    # Maps that do not change have no norm; any penalty gives them the same readout.
    norm = float(basis.spectrum.sum()) / len(basis.train)
    absolute = penalties * max(norm, np.finfo(float).tiny)
    given = (basis.train, basis.spectrum, labels, n_classes, absolute)
    held = chosen.held_out(*given, folds)
    losses = np.array(
        [
            [scale_free_log_loss(one, labels[folds == fold]) for one in logits]
            for fold, logits in held.items()
        ]
    )
    return FittedProbe(chosen.fit(*given), losses, int(losses.mean(0).argmin()))


def fit_at(
    basis: Basis, labels: NDArray[np.integer], n_classes: int, penalty: float, estimator: str
) -> LinearPath:
    """Fit at one relative penalty, as for labels that were permuted."""
    norm = float(basis.spectrum.sum()) / len(basis.train)
    absolute = np.array([penalty * max(norm, np.finfo(float).tiny)])
    return ESTIMATORS[estimator].fit(basis.train, basis.spectrum, labels, n_classes, absolute)
